#pragma once
/// A task: a piece of work that is executed at least once or at most once, within its time to live.
///
/// The state machine is pure: `decide(state, command, now)` answers with the events that the command
/// causes or says why it is refused; `evolve(state, event)` folds an event into the state and cannot
/// refuse. Diagram: docs/states.md.

#include "domain/task_commands.hpp"
#include "domain/task_events.hpp"

#include <array>

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
/// A result that came too late: kept, and without effect unless an operator adopts it.
struct orphan_result {
  attempt_token token;
  time_point at{};
  std::string result;  ///< JSON text.
  friend bool operator==(const orphan_result&, const orphan_result&) = default;
};

/// What few tasks have: apart, so that the many that do not pay a null pointer for it.
struct task_extra {
  double progress = -1;  ///< Of the present or last attempt, 0 to 1; negative = unknown.
  std::string message;   ///< The worker's last words of progress.
  std::string secret;    ///< Of the lease on the present or last attempt, where it had one.
  std::string cursor;    ///< JSON text that a worker left for the attempts after it in this run.
  time_point ends_at{};  ///< Extended end of the present attempt; `never` = by `ttl`.
  uint32_t snoozes = 0;  ///< In this run.
  shared_value<task_spec> follow_up;  ///< The next run, where a later submission of its key waits.
  std::vector<orphan_result> orphans;

  friend bool operator==(const task_extra&, const task_extra&) = default;
};

/// When an attempt must end, and by which of its clocks.
struct attempt_end {
  time_point at{};  ///< `never` = no clock.
  end_reason clock = end_reason::ttl;
};

struct task {
  entity_id id;
  shared_value<task_spec> spec;
  task_status status = task_status::queued;
  task_status paused_from = task_status::queued;  ///< Where `resume` leads; meaningful when paused.
  bool hold = false;    ///< To be paused when the present attempt ends without success.
  bool pinned = false;  ///< Retention leaves it alone.
  uint32_t run = 1;
  uint32_t attempt = 0;    ///< Attempts begun in this run. Only grows, so a token never returns.
  uint32_t uncounted = 0;  ///< Of those, the ones that cost nothing (interrupted, snoozed).
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
  shared_value<task_extra> extra;

  friend bool operator==(const task&, const task&) = default;
  attempt_token token() const noexcept { return {run, attempt}; }
  /// No further attempt is allowed by the retry policy.
  bool exhausted() const noexcept { return attempt - uncounted >= spec->retry.max_attempts; }
  /// The instant at which `total_ttl` or `deadline` ends the task, or `never`. A deadline binds the
  /// first run only: who reruns later wants it to run.
  time_point life_ends_at() const noexcept;
  /// The instant at which waiting must end (`life_ends_at`, and `queue_ttl` while QUEUED), or `never`.
  time_point waits_until() const noexcept;
  /// The first of the clocks of the present attempt; `heard_at` = when its worker last spoke.
  attempt_end attempt_ends(time_point heard_at) const noexcept;
  /// The next instant at which the shard must look at this task, or `never`: what recovery loads by.
  time_point wake_at() const noexcept;
};

/// The events a command causes. `state` empty = no such task yet; only `submit_task` is then allowed.
/// No events and no failure = already so (a submit read twice, a cancel of what is cancelled).
/// A result that comes after its attempt ended causes `task_result_orphaned`: see `refusal_in`.
/// Failures: `not_found`, `rejected` (with the present state in the sentence), `invalid`, `conflict`
/// (an id used again with another body).
result<std::vector<task_event>> decide(const std::optional<task>& state,
                                       const task_command& command, time_point now);

/// Why the sender of a command that caused `events` must be told no all the same: a result came late.
/// What the events hold is kept; the answer is a refusal with the present state.
std::optional<failure> refusal_in(const task& after, const std::vector<task_event>& events);

/// Attempts begun, and ended by each reason: the sums are equal but for those under way.
struct attempt_ledger {
  int64_t started = 0;
  std::array<int64_t, end_reasons> ended{};

  /// Counts one event; `running` = an attempt was under way before it. Whether one is after it.
  bool note(bool running, const task_event& event) noexcept;
  int64_t ends() const noexcept;
  friend bool operator==(const attempt_ledger&, const attempt_ledger&) = default;
};

/// Folds one event. `task_submitted` makes the task of `id` in `state`; every other event needs one.
void evolve(std::optional<task>& state, entity_id id, const task_event& event, time_point at);

/// The table of legal moves; `evolve` checks every event against it.
bool can_move(task_status from, task_status to) noexcept;

}  // namespace orrery
