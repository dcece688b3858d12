#include "persistence/postgres/watchdog.hpp"

#include "base/log.hpp"
#include "base/worker.hpp"

#include <sys/socket.h>

namespace orrery::postgres {

namespace {

/// How often the thread looks when nothing is watched; so that watching rarely has to wake it.
constexpr std::chrono::seconds idle_look{60};

}  // namespace

watchdog::watchdog() : thread_([this](const std::stop_token& stop) { run(stop); }) {}

watchdog::~watchdog() {
  thread_.request_stop();
  thread_.join();
}

watchdog::guard watchdog::watch(int socket, duration limit) {
  const std::lock_guard lock(guard_);
  const auto number = next_++;
  if (socket >= 0) {
    const auto until = std::chrono::steady_clock::now() + limit;
    watched_.emplace(number, entry{socket, until});
    if (until < wakes_at_)
      wake_.notify_one();
  }
  return {*this, number};
}

void watchdog::forget(uint64_t number) {
  const std::lock_guard lock(guard_);
  watched_.erase(number);
}

watchdog::instant watchdog::shut_late(instant now) {
  auto next = now + idle_look;
  for (auto it = watched_.begin(); it != watched_.end();) {
    if (it->second.until <= now) {
      log::warning("postgres.call.abandoned", {{"socket", it->second.socket}});
      ::shutdown(it->second.socket, SHUT_RDWR);
      it = watched_.erase(it);
    } else {
      next = std::min(next, it->second.until);
      ++it;
    }
  }
  return next;
}

void watchdog::run(const std::stop_token& stop) {
  name_this_thread("pg.watchdog");
  std::unique_lock lock(guard_);
  while (!stop.stop_requested()) {
    wakes_at_ = shut_late(std::chrono::steady_clock::now());
    const auto planned = wakes_at_;
    wake_.wait_until(lock, stop, planned, [&] {
      for (const auto& [number, one] : watched_)
        if (one.until < planned)
          return true;
      return false;
    });
  }
}

}  // namespace orrery::postgres
