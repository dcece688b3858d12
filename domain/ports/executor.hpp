#pragma once
/// What really does the work of an attempt.
///
/// Adapters: `exec` (actors/executors/), `http` (http/outbound.hpp). `noop` and `sleep` need no thread
/// and live in the task actor.

#include "domain/task.hpp"

#include <functional>
#include <string>

namespace orrery {

/// One attempt, as a handler sees it.
struct work_item {
  entity_id task;
  attempt_token token;
  epoch_t epoch;  ///< With the token, the fence a handler passes on.
  std::string kind;
  std::string payload;  ///< JSON text; empty = none.
  duration ttl{};
  entity_id parent;    ///< Of an order's step, in the owner's process only: the order.
  std::string cursor;  ///< JSON text that an earlier attempt of this run left; empty = none.
  std::string traceparent;
};

struct work_outcome {
  bool succeeded = false;
  std::string result = {};  ///< JSON text; empty = none.
  std::string error = {};
  std::string error_code = {};  ///< `exit-1`, `http-503`, `refused`, …
  bool retryable = true;
  duration retry_after{};
  std::string output = {};  ///< Captured output, the newest `limits::output_bytes`.
};

enum class stop_mode {
  graceful,  ///< Ask first (SIGTERM, abort the request), then force after the grace time.
  now,       ///< Force at once.
};

class executor {
public:
  virtual ~executor() = default;

  /// Begins the work and returns at once. `done` runs exactly once, on a thread of the executor, when
  /// the work has ended and nothing of it is left (processes reaped, sockets closed) – also after
  /// `stop` and at shutdown. Never throws; what cannot begin ends at once with a failure. Thread-safe.
  virtual void start(work_item item, std::function<void(work_outcome)> done) = 0;

  /// Stops one attempt; unknown ones are ignored. Thread-safe, returns at once.
  virtual void stop(entity_id task, attempt_token token, stop_mode mode) = 0;

  /// Checks a payload of this executor's kind before it is accepted; the failure names the field.
  virtual result<void> check(const std::string& payload) const = 0;
};

}  // namespace orrery
