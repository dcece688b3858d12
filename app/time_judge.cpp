#include "app/time_judge.hpp"

#include "base/log.hpp"

#include <condition_variable>
#include <mutex>

namespace orrery::app {

namespace {

using steady = std::chrono::steady_clock;

constexpr auto look_every = std::chrono::milliseconds{250};
/// A clock that stays wrong is asked about no oftener.
constexpr auto ask_every = std::chrono::seconds{2};
/// An answer that took longer says too little.
constexpr auto answer_most = std::chrono::milliseconds{500};

}  // namespace

time_judge::time_judge(judged_clock& of, question ask) : of_(of), ask_(std::move(ask)) {
  judge();
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

void time_judge::judge() {
  const auto before = of_.now();
  const auto began = steady::now();
  const auto told = ask_();
  const auto took = steady::now() - began;
  if (!told || !*told || took > answer_most)
    return;  // asked again
  of_.judge(**told + std::chrono::duration_cast<duration>(took) / 2);
  const auto moved = of_.now() - before - std::chrono::duration_cast<duration>(took);
  if (moved > judged_clock::leap || moved < -judged_clock::leap)
    log::warning("clock.corrected", {{"by_ms", moved / std::chrono::milliseconds{1}}});
}

void time_judge::run(const std::stop_token& stop) {
  std::mutex guard;
  std::condition_variable_any woken;
  std::unique_lock lock(guard);
  auto next = steady::now();
  while (!stop.stop_requested()) {
    woken.wait_for(lock, stop, look_every, [] { return false; });
    (void)of_.now();  // notices a leap also where nobody else asks
    if (stop.stop_requested() || !of_.wants_judge() || steady::now() < next)
      continue;
    judge();
    next = steady::now() + ask_every;
  }
}

}  // namespace orrery::app
