#pragma once
/// A task: a piece of work that is executed at least once or at most once, within its time to live.
///
/// The state machine is pure: `decide(state, command, now)` answers with the events that the command
/// causes or says why it is refused; `evolve(state, event)` folds an event into the state and cannot
/// refuse. Diagram: docs/states.md.

#include "base/shared_value.hpp"
#include "domain/ids.hpp"
#include "domain/limits.hpp"

#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace orrery {

enum class task_status : uint8_t {
  scheduled = 0,  ///< Waits for `run_at`.
  queued,         ///< Waits for a slot.
  running,        ///< An attempt is under way.
  retrying,       ///< The last attempt failed; waits for the next.
  paused,         ///< Held by an operator, or after the last attempt (`on_exhausted = pause`).
  succeeded,
  failed,   ///< Dead letter: can be rerun.
  expired,  ///< A clock ended it.
  cancelled,
};
inline constexpr size_t task_statuses = 9;
std::string_view to_string(task_status status) noexcept;
std::optional<task_status> parse_task_status(std::string_view text) noexcept;
constexpr bool is_final(task_status s) noexcept { return s >= task_status::succeeded; }

/// Why an attempt ended. Every attempt ends with exactly one of these.
enum class end_reason : uint8_t {
  none = 0,  ///< Has not ended, or ended while no attempt was under way.
  succeeded,
  failed,
  ttl,         ///< One attempt took longer than `ttl`.
  queue_ttl,   ///< Waited for a slot longer than `queue_ttl`.
  total_ttl,   ///< The whole life passed `total_ttl` or `deadline`.
  heartbeat,   ///< The worker was silent for too long.
  lease_lost,  ///< The node or worker that ran it is gone.
  cancelled,
  killed,
  interrupted,  ///< The node was shut down; costs no attempt.
};
std::string_view to_string(end_reason reason) noexcept;
std::optional<end_reason> parse_end_reason(std::string_view text) noexcept;

enum class delivery_mode : uint8_t { at_least_once = 0, at_most_once };
enum class timeout_action : uint8_t { fail = 0, retry };
enum class backoff_kind : uint8_t { exponential = 0, fixed, linear };
enum class exhausted_action : uint8_t { dead = 0, pause };
std::string_view to_string(delivery_mode mode) noexcept;
std::string_view to_string(timeout_action action) noexcept;
std::string_view to_string(backoff_kind kind) noexcept;
std::string_view to_string(exhausted_action action) noexcept;
std::optional<delivery_mode> parse_delivery_mode(std::string_view text) noexcept;
std::optional<timeout_action> parse_timeout_action(std::string_view text) noexcept;
std::optional<backoff_kind> parse_backoff_kind(std::string_view text) noexcept;
std::optional<exhausted_action> parse_exhausted_action(std::string_view text) noexcept;

struct retry_policy {
  uint32_t max_attempts = 10;
  backoff_kind kind = backoff_kind::exponential;
  duration initial = 1s;
  double factor = 2.0;
  duration max = 5min;
  double jitter = 0.2;                     ///< The delay is spread over ± this share of itself.
  std::vector<std::string> non_retryable;  ///< Error codes after which no retry is made.
  exhausted_action on_exhausted = exhausted_action::dead;

  friend bool operator==(const retry_policy&, const retry_policy&) = default;
};

/// Delay before attempt `attempt + 1`. Deterministic: the jitter follows from the id, run and attempt.
duration retry_delay(const retry_policy& policy, entity_id id, attempt_token failed);

/// What the submitter wished. Fixed for the life of the task, but for the payload at a rerun.
struct task_spec {
  std::string kind;
  std::string description;
  std::string payload;  ///< JSON text as it came; empty = none.
  std::string queue = "default";
  int32_t priority = limits::priority_default;
  duration ttl = limits::ttl_default;
  duration queue_ttl{};   ///< 0 = none.
  duration total_ttl{};   ///< 0 = none.
  duration heartbeat{};   ///< 0 = none.
  time_point deadline{};  ///< `never` = none.
  time_point run_at{};    ///< `never` = at once.
  delivery_mode delivery = delivery_mode::at_least_once;
  timeout_action on_timeout = timeout_action::fail;
  retry_policy retry;
  std::string unique_key;
  std::vector<std::string> tags;
  std::string reference;     ///< The submitter's own id where it is not ours.
  std::string traceparent;   ///< W3C trace context, passed on.
  std::string request_hash;  ///< Of the body, where it came with an idempotency key.
  entity_id parent;          ///< The entity that started it; nil = none. Never taken from outside.

  friend bool operator==(const task_spec&, const task_spec&) = default;
};

struct task {
  entity_id id;
  shared_value<task_spec> spec;
  task_status status = task_status::queued;
  task_status paused_from = task_status::queued;  ///< Where `resume` leads; meaningful when paused.
  uint32_t run = 1;
  uint32_t attempt = 0;    ///< Attempts begun in this run. Only grows, so a token never returns.
  uint32_t uncounted = 0;  ///< Of those, the ones that cost nothing (interrupted).
  uint64_t version = 0;    ///< Events folded so far.
  time_point created_at{};
  time_point updated_at{};
  time_point life_from{};   ///< `total_ttl` counts from here: submission, or the last rerun.
  time_point queued_at{};   ///< When it last became QUEUED.
  time_point started_at{};  ///< When the present attempt began; `never` while none runs.
  time_point finished_at{};
  time_point next_at{};                  ///< SCHEDULED and RETRYING: when to queue it.
  end_reason reason = end_reason::none;  ///< Of the last attempt that ended, or of the end.
  std::string reason_text;               ///< What a person gave with cancel, kill or pause.
  std::string result;                    ///< JSON text.
  std::string error;                     ///< Last error, for people.
  std::string error_code;
  std::string worker;  ///< Node or worker of the present or last attempt.

  friend bool operator==(const task&, const task&) = default;
  attempt_token token() const noexcept { return {run, attempt}; }
  /// No further attempt is allowed by the retry policy.
  bool exhausted() const noexcept { return attempt - uncounted >= spec->retry.max_attempts; }
  /// The instant at which `total_ttl` or `deadline` ends the task, or `never`. A deadline binds the
  /// first run only: who reruns later wants it to run.
  time_point life_ends_at() const noexcept;
  /// The instant at which waiting must end (`life_ends_at`, and `queue_ttl` while QUEUED), or `never`.
  time_point waits_until() const noexcept;
  /// The next instant at which the shard must look at this task, or `never`: what recovery loads by.
  time_point wake_at() const noexcept;
};

// Events: facts, in the past tense. Every one carries no id and no time; the record around it does.

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
/// Another submission came under the same Idempotency-Key with another body; changes nothing, but its
/// sender was answered before anybody knew and is told by this.
struct task_submission_refused {
  std::string reason;
  friend bool operator==(const task_submission_refused&, const task_submission_refused&) = default;
};

using task_event =
    std::variant<task_submitted, task_queued, task_started, task_succeeded, task_retry_scheduled,
                 task_interrupted, task_failed, task_expired, task_cancelled, task_paused,
                 task_resumed, task_rerun, task_submission_refused>;
/// `TaskQueued`, `TaskStarted`, …
std::string_view name_of(const task_event& event) noexcept;

// Commands: wishes, may be refused. Those that speak for an attempt carry its token.

struct submit_task {
  task_spec spec;
};
/// A timer of the task came due (`wake_at`): looks at the clock and does what is to be done.
struct wake_task {};
/// A slot is free: begin an attempt.
struct start_task {
  std::string worker;
};
struct complete_task {
  attempt_token token;
  std::string result;
};
struct fail_task {
  attempt_token token;
  std::string error;
  std::string code;
  bool retryable = true;
  duration retry_after{};  ///< 0 = by the policy.
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

using task_command =
    std::variant<submit_task, wake_task, start_task, complete_task, fail_task, expire_task,
                 lose_task, interrupt_task, cancel_task, pause_task, resume_task, rerun_task>;
std::string_view name_of(const task_command& command) noexcept;

/// Checks a spec against the limits; the failure names the field as the JSON calls it.
result<void> validate(const task_spec& spec);

/// The events a command causes. `state` empty = no such task yet; only `submit_task` is then allowed.
/// No events and no failure = already so (a submit read twice, a cancel of what is cancelled).
/// Failures: `not_found`, `rejected` (with the present state in the sentence), `invalid`, `conflict`
/// (an id used again with another body).
result<std::vector<task_event>> decide(const std::optional<task>& state,
                                       const task_command& command, time_point now);

/// Folds one event. `task_submitted` makes the task of `id` in `state`; every other event needs one.
void evolve(std::optional<task>& state, entity_id id, const task_event& event, time_point at);

/// The table of legal moves; `evolve` checks every event against it.
bool can_move(task_status from, task_status to) noexcept;

}  // namespace orrery
