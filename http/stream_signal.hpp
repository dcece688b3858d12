#pragma once
/// Wakes the one who waits for a stream: raised by anybody, waited for by the session.

#include <functional>
#include <mutex>
#include <utility>

namespace orrery::http {

/// Thread-safe. A raise while nobody waits is kept for the next wait; several are one.
class stream_signal {
public:
  void raise() {
    // The waiter runs under the lock, so that after `close` none can be under way: it only posts.
    const std::lock_guard lock(guard_);
    if (waiter_)
      std::exchange(waiter_, nullptr)();
    else
      raised_ = true;
  }
  /// Calls `waiter` once: at the next raise, or at once where there was one.
  void wait(std::function<void()> waiter) {
    const std::lock_guard lock(guard_);
    if (std::exchange(raised_, false))
      waiter();
    else
      waiter_ = std::move(waiter);
  }
  void close() {
    const std::lock_guard lock(guard_);
    waiter_ = nullptr;
  }

private:
  std::mutex guard_;
  std::function<void()> waiter_;
  bool raised_ = false;
};

}  // namespace orrery::http
