#pragma once
/// The events of a task: facts, in the past tense. None carries an id or a time; the record around it
/// does.

#include "domain/task_spec.hpp"

#include <variant>

namespace orrery {

/// Accepted. SCHEDULED when `spec.run_at` lies ahead, else QUEUED.
struct task_submitted {
  shared_value<task_spec> spec;
  friend bool operator==(const task_submitted&, const task_submitted&) = default;
};
/// Its time has come: QUEUED.
struct task_queued {
  friend bool operator==(const task_queued&, const task_queued&) = default;
};
struct task_started {
  attempt_token token;
  std::string worker;
  std::string secret = {};  ///< Of an external worker's lease; shown to nobody.
  friend bool operator==(const task_started&, const task_started&) = default;
};
struct task_succeeded {
  std::string result;
  friend bool operator==(const task_succeeded&, const task_succeeded&) = default;
};
/// The attempt ended badly and another will follow at `next_at`: RETRYING.
struct task_retry_scheduled {
  end_reason reason = end_reason::failed;
  std::string error;
  std::string error_code;
  time_point next_at{};
  friend bool operator==(const task_retry_scheduled&, const task_retry_scheduled&) = default;
};
/// Back from PAUSED: to SCHEDULED or RETRYING where its time lies ahead, else QUEUED.
struct task_resumed {
  friend bool operator==(const task_resumed&, const task_resumed&) = default;
};
/// The attempt was cut by an orderly shutdown and is taken back: QUEUED, attempt not counted.
struct task_interrupted {
  friend bool operator==(const task_interrupted&, const task_interrupted&) = default;
};
struct task_failed {
  end_reason reason = end_reason::failed;
  std::string error;
  std::string error_code;
  friend bool operator==(const task_failed&, const task_failed&) = default;
};
struct task_expired {
  end_reason clock = end_reason::ttl;  ///< ttl, queue_ttl, total_ttl or heartbeat.
  friend bool operator==(const task_expired&, const task_expired&) = default;
};
struct task_cancelled {
  end_reason reason = end_reason::cancelled;  ///< cancelled or killed.
  std::string text;
  friend bool operator==(const task_cancelled&, const task_cancelled&) = default;
};
/// Held. `reason`, `error` tell of the attempt that ended where retries were exhausted.
struct task_paused {
  std::string text = {};
  end_reason reason = end_reason::none;
  std::string error = {};
  std::string error_code = {};
  friend bool operator==(const task_paused&, const task_paused&) = default;
};
/// A new run begins: QUEUED, run + 1. A payload that is not empty replaces the old one.
struct task_rerun {
  std::string payload;
  friend bool operator==(const task_rerun&, const task_rerun&) = default;
};

/// The worker told of itself. What is not told stays as it was.
struct task_progressed {
  double progress = -1;  ///< 0 to 1; negative = not told.
  std::string message = {};
  std::string cursor = {};  ///< JSON text, given to the next attempt.
  time_point ends_at = {};  ///< The attempt's new deadline; `never` = as it was.
  friend bool operator==(const task_progressed&, const task_progressed&) = default;
};
/// The worker asked for a later time: SCHEDULED, attempt not counted.
struct task_snoozed {
  time_point next_at{};
  std::string text = {};
  friend bool operator==(const task_snoozed&, const task_snoozed&) = default;
};
/// A result came after its attempt had ended. It changes nothing; an operator may adopt it.
struct task_result_orphaned {
  attempt_token token;
  std::string result;
  friend bool operator==(const task_result_orphaned&, const task_result_orphaned&) = default;
};
/// An operator took a late result for the true one: SUCCEEDED.
struct task_result_adopted {
  attempt_token token;
  friend bool operator==(const task_result_adopted&, const task_result_adopted&) = default;
};
/// Waits for another time: SCHEDULED where it lies ahead, else QUEUED. PAUSED stays so.
struct task_rescheduled {
  time_point run_at{};
  friend bool operator==(const task_rescheduled&, const task_rescheduled&) = default;
};
/// A later submission of the same key took the place of this one's wishes.
struct task_replaced {
  shared_value<task_spec> spec;
  friend bool operator==(const task_replaced&, const task_replaced&) = default;
};
/// A later submission of the same key shall be the next run.
struct task_followed {
  shared_value<task_spec> spec;
  friend bool operator==(const task_followed&, const task_followed&) = default;
};
/// To be held when the present attempt ends without success. RUNNING stays so.
struct task_pause_requested {
  std::string text;
  friend bool operator==(const task_pause_requested&, const task_pause_requested&) = default;
};
/// Kept from retention, or given back to it.
struct task_pinned {
  bool pinned = false;
  friend bool operator==(const task_pinned&, const task_pinned&) = default;
};
/// Another submission came under the same Idempotency-Key with another body; changes nothing, but its
/// sender was answered before anybody knew and is told by this.
struct task_submission_refused {
  std::string reason;
  friend bool operator==(const task_submission_refused&, const task_submission_refused&) = default;
};
/// Retention has deleted the row. The journal tells of it, no status event does.
struct task_erased {
  friend bool operator==(const task_erased&, const task_erased&) = default;
};

using task_event =
    std::variant<task_submitted, task_queued, task_started, task_succeeded, task_retry_scheduled,
                 task_interrupted, task_failed, task_expired, task_cancelled, task_paused,
                 task_resumed, task_rerun, task_progressed, task_snoozed, task_result_orphaned,
                 task_result_adopted, task_rescheduled, task_replaced, task_followed,
                 task_pause_requested, task_pinned, task_submission_refused, task_erased>;
/// `TaskQueued`, `TaskStarted`, …
std::string_view name_of(const task_event& event) noexcept;

}  // namespace orrery
