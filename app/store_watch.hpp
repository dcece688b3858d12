#pragma once
/// Asks the store whether it is there, on a thread of its own and with a limit: readiness must be answered while
/// every other session hangs in a store whose packets go nowhere.

#include "base/result.hpp"
#include "base/worker.hpp"

#include <chrono>
#include <functional>
#include <mutex>
#include <vector>

namespace orrery::app {

/// Thread-safe. One question is under way at a time; whoever asks meanwhile shares its answer.
class store_watch {
public:
  using answer = std::function<void(result<void>)>;
  /// Calls `what` after `delay`, on any thread.
  using timer = std::function<void(std::chrono::milliseconds delay, std::function<void()> what)>;

  static constexpr auto patience = std::chrono::milliseconds{2000};
  static constexpr size_t askers_max = 1000;

  /// `ping` may block. What is given outlives `stop()`.
  store_watch(std::function<result<void>()> ping, timer after);

  /// `done` is called once, at the latest after `patience`: then with unavailable and since when the store is
  /// silent. On a thread of this object or of the timer.
  void ask(answer done);
  /// Idempotent. Nobody is asked after it.
  void stop() { worker_.stop(); }

private:
  struct asker {
    uint64_t number;
    answer done;
  };

  void ping();
  void give_up(uint64_t number);

  const std::function<result<void>()> ping_;
  const timer after_;
  std::mutex guard_;
  std::vector<asker> waiting_;
  uint64_t last_number_ = 0;
  bool pinging_ = false;
  std::chrono::steady_clock::time_point since_{};
  worker worker_;
};

}  // namespace orrery::app
