#pragma once
/// The commands of a task: wishes, may be refused. Those that speak for an attempt carry its token.

#include "domain/task_spec.hpp"

#include <variant>

namespace orrery {

struct submit_task {
  task_spec spec;
  entity_id duplicate_of = {};  ///< Whoever holds its unique key; nil = nobody else.
};
/// A timer of the task came due (`wake_at`): looks at the clock and does what is to be done.
struct wake_task {};
/// A slot is free: begin an attempt.
struct start_task {
  std::string worker;
  std::string secret = {};  ///< Of an external worker's lease (domain/lease.hpp).
};
struct complete_task {
  attempt_token token;
  std::string result;
  std::string secret = {};  ///< Of the lease; empty = by run and attempt alone.
};
struct fail_task {
  attempt_token token;
  std::string error;
  std::string code;
  bool retryable = true;
  duration retry_after{};   ///< 0 = by the policy.
  std::string secret = {};  ///< Of the lease; empty = by run and attempt alone.
};
/// A clock of the present attempt passed: ttl, heartbeat, or total_ttl.
struct expire_task {
  attempt_token token;
  end_reason clock = end_reason::ttl;
};
/// Who ran the attempt is gone.
struct lose_task {
  attempt_token token;
};
/// The node stops in order and gives the attempt back.
struct interrupt_task {
  attempt_token token;
};
struct cancel_task {
  std::string text;
  bool kill = false;
};
struct pause_task {
  std::string text;
};
struct resume_task {};
struct rerun_task {
  std::string payload;
};
/// The worker is alive. Nothing told, nothing changed: the clock is the caller's.
struct heartbeat_task {
  attempt_token token = {};
  double progress = -1;  ///< 0 to 1; negative = not told.
  std::string message = {};
  std::string cursor = {};  ///< JSON text; empty = not told.
  duration extend = {};     ///< The attempt may go on so long from now; 0 = not asked.
  time_point ends_at = {};  ///< The same as an instant; `never` = not asked.
  std::string secret = {};  ///< Of the lease; empty = by run and attempt alone.
};
/// Not now: again after `delay`.
struct snooze_task {
  attempt_token token = {};
  duration delay{};
  std::string text = {};
  std::string secret = {};  ///< Of the lease; empty = by run and attempt alone.
};
/// Takes the late result of that attempt for the task's.
struct adopt_result {
  attempt_token token;
};
struct reschedule_task {
  time_point run_at{};  ///< `never` = at once.
};
/// Another submission of its unique key: takes the place of what waits, or becomes the next run.
struct follow_task {
  task_spec spec;
};
struct pin_task {
  bool pinned = true;
};

using task_command =
    std::variant<submit_task, wake_task, start_task, complete_task, fail_task, expire_task,
                 lose_task, interrupt_task, cancel_task, pause_task, resume_task, rerun_task,
                 heartbeat_task, snooze_task, adopt_result, reschedule_task, follow_task, pin_task>;
std::string_view name_of(const task_command& command) noexcept;

}  // namespace orrery
