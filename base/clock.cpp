#include "base/clock.hpp"

#include "base/check.hpp"

#include <array>
#include <cstdlib>
#include <sys/random.h>

namespace orrery {

time_point system_clock::now() const {
  return std::chrono::time_point_cast<duration>(std::chrono::system_clock::now());
}

namespace {

int64_t micros_of(std::chrono::steady_clock::time_point at) {
  return std::chrono::duration_cast<std::chrono::microseconds>(at.time_since_epoch()).count();
}

}  // namespace

judged_clock::reading judged_clock::read_machine() {
  return {system_clock{}.now(), std::chrono::steady_clock::now()};
}

judged_clock::judged_clock(reader read) : read_(std::move(read)) {
  const auto first = read_();
  offset_ = micros(first.wall) - micros_of(first.steady);
}

time_point judged_clock::now() const {
  const auto read = read_();
  auto offset = offset_.load(std::memory_order_relaxed);
  const auto by_wall = micros(read.wall) - micros_of(read.steady);
  if (std::abs(by_wall - offset) > leap.count()) {
    doubt_.store(true, std::memory_order_relaxed);
    return from_micros(micros_of(read.steady) + offset);
  }
  // Who is slower than another thread that has followed, or judged, meanwhile follows nobody.
  if (by_wall != offset)
    offset_.compare_exchange_strong(offset, by_wall, std::memory_order_relaxed);
  return read.wall;
}

void judged_clock::judge(time_point right) {
  const auto read = read_();
  const auto ours = offset_.load(std::memory_order_relaxed);
  const auto by_wall = micros(read.wall) - micros_of(read.steady);
  const auto by_arbiter = micros(right) - micros_of(read.steady);
  const auto away = [&](int64_t offset) { return std::abs(offset - by_arbiter); };
  auto best = away(by_wall) < away(ours) ? by_wall : ours;
  if (away(best) > leap.count())
    best = by_arbiter;
  offset_.store(best, std::memory_order_relaxed);
  doubt_.store(false, std::memory_order_relaxed);
}

uint64_t system_random::next() {
  thread_local std::array<uint64_t, 32> buffer;
  thread_local size_t left = 0;
  if (left == 0) {
    // getrandom of up to 256 bytes is never cut short and never blocks after boot.
    CHECK(::getrandom(buffer.data(), sizeof buffer, 0) == static_cast<ssize_t>(sizeof buffer),
          "the kernel gives random numbers");
    left = buffer.size();
  }
  return buffer[--left];
}

}  // namespace orrery
