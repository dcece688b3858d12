#include "app/store_watch.hpp"

#include <algorithm>

namespace orrery::app {

store_watch::store_watch(std::function<result<void>()> ping, timer after)
    : ping_(std::move(ping)), after_(std::move(after)), worker_("health", 1) {}

void store_watch::ask(answer done) {
  std::unique_lock lock(guard_);
  if (waiting_.size() >= askers_max) {
    lock.unlock();
    return done(failure{errc::busy, "too many requests wait for it"});
  }
  const auto number = ++last_number_;
  waiting_.push_back({number, std::move(done)});
  const bool first = !std::exchange(pinging_, true);
  if (first)
    since_ = std::chrono::steady_clock::now();
  lock.unlock();
  after_(patience, [this, number] { give_up(number); });
  if (first && !worker_.submit([this] { ping(); }))
    give_up(number);
}

void store_watch::ping() {
  const auto told = ping_();
  std::unique_lock lock(guard_);
  pinging_ = false;
  const auto waiting = std::exchange(waiting_, {});
  lock.unlock();
  for (const auto& one : waiting)
    one.done(told);
}

void store_watch::give_up(uint64_t number) {
  std::unique_lock lock(guard_);
  const auto found = std::find_if(waiting_.begin(), waiting_.end(),
                                  [&](const asker& one) { return one.number == number; });
  if (found == waiting_.end())
    return;
  const auto done = std::move(found->done);
  waiting_.erase(found);
  const auto silent =
      std::chrono::duration_cast<std::chrono::seconds>(std::chrono::steady_clock::now() - since_);
  lock.unlock();
  done(failure{errc::unavailable,
               "it has not answered for " + std::to_string(silent.count()) + " s"});
}

}  // namespace orrery::app
