#include "base/clock.hpp"

#include "base/check.hpp"

#include <array>
#include <sys/random.h>

namespace orrery {

time_point system_clock::now() const {
  return std::chrono::time_point_cast<duration>(std::chrono::system_clock::now());
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
