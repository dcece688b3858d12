#pragma once
/// A schedule: starts a task, an order or a message at its times, each time once.
///
/// Pure, as domain/task.hpp. What it fires and what that starts are one decision and so one commit
/// (domain/children.hpp), and the id of what is started follows from the schedule's and the fire time: a
/// crash before the commit leaves nothing behind, one after it leaves both. `next_at` only moves forward,
/// so no step of a clock fires a time twice.
///
/// Times are a `fire_times` value, which the owner makes from the spec and the system's zones and hands in
/// with each command that needs it.

#include "domain/schedule_spec.hpp"

namespace orrery {

enum class schedule_status : uint8_t {
  active = 0,
  paused,
  completed,  ///< There is no further fire time, or the limit is reached.
  deleted,
};
inline constexpr size_t schedule_statuses = 4;
std::string_view to_string(schedule_status status) noexcept;
std::optional<schedule_status> parse_schedule_status(std::string_view text) noexcept;
constexpr bool is_final(schedule_status s) noexcept { return s >= schedule_status::completed; }

/// Why a fire was made.
enum class fire_kind : uint8_t { scheduled = 0, catch_up, triggered, backfill };
enum class fire_outcome : uint8_t { running = 0, started, succeeded, failed, expired, cancelled };
std::string_view to_string(fire_kind kind) noexcept;
std::string_view to_string(fire_outcome outcome) noexcept;

/// A fire that was made.
struct schedule_fire {
  time_point at{};        ///< The time it is for.
  time_point fired_at{};  ///< When it was made; the difference to the due time is its lateness.
  time_point due_at{};    ///< `at` and the jitter.
  fire_kind kind = fire_kind::scheduled;
  /// `started`: its end is not followed (an order without a flow rests where it is, a message is out).
  fire_outcome outcome = fire_outcome::running;
  entity_id child;     ///< Of a message its own id.
  uint32_t heard = 0;  ///< The newest run of the child whose end is known.

  friend bool operator==(const schedule_fire&, const schedule_fire&) = default;
};

/// A fire that waits for the end of what runs.
struct waiting_fire {
  time_point at{};
  fire_kind kind = fire_kind::scheduled;
  uint64_t series = 0;  ///< Of a backfill.

  friend bool operator==(const waiting_fire&, const waiting_fire&) = default;
};

/// A range whose fires are made up for.
struct backfill_range {
  uint64_t series = 0;
  time_point next{};  ///< The first that is not made yet.
  time_point to{};    ///< Inclusive.
  overlap_policy overlap = overlap_policy::buffer_all;

  friend bool operator==(const backfill_range&, const backfill_range&) = default;
};

/// What fell due in it, (from, to], is not made up for; what was due before it still is.
struct pause_span {
  time_point from{};
  time_point to{};  ///< `never` = the pause lasts.

  friend bool operator==(const pause_span&, const pause_span&) = default;
};

struct schedule_counters {
  uint64_t fired = 0;             ///< Scheduled and made up for; what `limit` counts.
  uint64_t triggered = 0;         ///< By hand, and of backfills.
  uint64_t failed = 0;            ///< What was started failed or expired.
  uint64_t missed_catchup = 0;    ///< Later than the catch-up window.
  uint64_t misfires_skipped = 0;  ///< Left out by the misfire policy.
  uint64_t overlap_skipped = 0;
  uint64_t buffer_dropped = 0;

  friend bool operator==(const schedule_counters&, const schedule_counters&) = default;
};

struct schedule {
  entity_id id;
  shared_value<schedule_spec> spec;
  schedule_status status = schedule_status::active;
  uint64_t version = 0;     ///< Events folded so far.
  uint64_t definition = 1;  ///< Of the spec: raised by each update.
  time_point created_at{};
  time_point updated_at{};
  time_point finished_at{};
  time_point next_at{};  ///< The next fire time; `never` = none.
  time_point last_at{};  ///< The newest fire time that was decided upon.
  std::string note;      ///< Why it is paused.
  schedule_counters counters;
  uint64_t series = 0;                ///< Backfills and triggers so far.
  std::vector<schedule_fire> recent;  ///< Oldest first; those that run are never dropped.
  std::vector<waiting_fire> waiting;
  std::vector<backfill_range> backfills;
  /// Oldest first. One that ended stays for as long as fires that were due before it are not all made.
  std::vector<pause_span> pauses;

  friend bool operator==(const schedule&, const schedule&) = default;
  /// Something it started is under way and followed.
  bool waits_for_children() const noexcept;
  std::vector<child_watch> watches() const;
  /// When it must decide next, or `never`: a timer of the shard.
  time_point alarm_at() const noexcept;
  /// What recovery loads by; a fixed time in the past while it waits for children.
  time_point wake_at() const noexcept;
  /// `next_at` and its jitter.
  time_point due_at() const noexcept;
  /// Of what waits, the first that may begin once nothing is in its way: while the schedule is not active only
  /// what was asked for by hand. Null where there is none.
  const waiting_fire* first_in_line() const noexcept;
};

/// As many fires were made, or wait, as `limit` allows.
bool is_exhausted(const schedule& s) noexcept;
/// How much of what it started is under way.
size_t running_of(const schedule& s) noexcept;
/// The oldest backfill can go on: its range is its buffer, so it waits for room instead of leaving out.
bool may_backfill(const schedule& s) noexcept;
/// The same schedule and fire time are always late by the same.
time_point with_jitter(const schedule_spec& spec, entity_id id, time_point at) noexcept;

struct schedule_created {
  shared_value<schedule_spec> spec;
  time_point next_at{};
  friend bool operator==(const schedule_created&, const schedule_created&) = default;
};
struct schedule_updated {
  shared_value<schedule_spec> spec;
  time_point next_at{};
  friend bool operator==(const schedule_updated&, const schedule_updated&) = default;
};
struct schedule_paused {
  std::string note;
  friend bool operator==(const schedule_paused&, const schedule_paused&) = default;
};
struct schedule_resumed {
  std::string note;
  time_point next_at{};
  friend bool operator==(const schedule_resumed&, const schedule_resumed&) = default;
};
/// Something was started. Of this and the two events below: `turn` = this is what became of the fire time
/// whose turn it was, and the next one is `next_at`.
struct schedule_fired {
  time_point at{};
  fire_kind kind = fire_kind::scheduled;
  uint64_t series = 0;
  entity_id child;
  bool followed = true;
  bool turn = false;
  time_point next_at{};
  message_template message = {};  ///< What is published, filled in; without a topic: nothing is.
  friend bool operator==(const schedule_fired&, const schedule_fired&) = default;
};
enum class skip_reason : uint8_t { misfire = 0, catchup_window, overlap, buffer };
std::string_view to_string(skip_reason reason) noexcept;
/// Fire times that led to nothing: `count` of them, the last at `at`.
struct schedule_skipped {
  time_point at{};
  skip_reason reason = skip_reason::misfire;
  uint64_t count = 1;
  bool turn = false;
  time_point next_at{};
  friend bool operator==(const schedule_skipped&, const schedule_skipped&) = default;
};
/// A fire waits for the end of what runs.
struct schedule_buffered {
  waiting_fire fire;
  bool turn = false;
  time_point next_at{};
  bool replaces = false;  ///< What waited before was said to be skipped.
  friend bool operator==(const schedule_buffered&, const schedule_buffered&) = default;
};
struct schedule_child_ended {
  entity_id child;
  uint32_t run = 1;
  child_outcome outcome = child_outcome::succeeded;
  friend bool operator==(const schedule_child_ended&, const schedule_child_ended&) = default;
};
struct schedule_backfill_started {
  backfill_range range;
  friend bool operator==(const schedule_backfill_started&,
                         const schedule_backfill_started&) = default;
};
/// The oldest backfill goes on at `next`; `never` = it is done.
struct schedule_backfill_moved {
  time_point next{};
  friend bool operator==(const schedule_backfill_moved&, const schedule_backfill_moved&) = default;
};
struct schedule_completed {
  friend bool operator==(const schedule_completed&, const schedule_completed&) = default;
};
struct schedule_deleted {
  friend bool operator==(const schedule_deleted&, const schedule_deleted&) = default;
};

using schedule_event =
    std::variant<schedule_created, schedule_updated, schedule_paused, schedule_resumed,
                 schedule_fired, schedule_skipped, schedule_buffered, schedule_child_ended,
                 schedule_backfill_started, schedule_backfill_moved, schedule_completed,
                 schedule_deleted>;
std::string_view name_of(const schedule_event& event) noexcept;
/// Kept in the schedule's own history. Fires and what follows from them are not: there may be one a second
/// for years. They are in the journal, and the newest in `schedule::recent`.
bool is_kept_in_history(const schedule_event& event) noexcept;

using shared_times = std::shared_ptr<const fire_times>;

struct submit_schedule {
  schedule_spec spec;
  shared_times times = {};  ///< Of `spec`.
};
struct update_schedule {
  schedule_spec spec;
  uint64_t definition = 0;  ///< The one that was seen; 0 = any.
  shared_times times = {};  ///< Of `spec`.
  shared_times before =
      {};  ///< Of the spec that it replaces; null = its zone is gone, nothing is made of it.
};
struct pause_schedule {
  std::string note;
  shared_times times = {};  ///< Null: what is due already is made only after the resume.
};
struct resume_schedule {
  std::string note;
  shared_times times = {};
};
struct trigger_schedule {
  std::optional<overlap_policy> overlap;  ///< Empty = the schedule's.
  shared_times times = {};
};
struct backfill_schedule {
  time_point from{};                      ///< Inclusive.
  time_point to{};                        ///< Inclusive.
  std::optional<overlap_policy> overlap;  ///< Empty = `buffer_all`.
  shared_times times = {};
};
struct delete_schedule {};
/// Its time has come.
struct wake_schedule {
  shared_times times = {};
};
/// `children_ended`, with the times; without them the ends are noted, and what follows waits for a wake.
struct schedule_children_ended {
  std::vector<child_end> ends;
  shared_times times = {};
};

using schedule_command = std::variant<submit_schedule, update_schedule, pause_schedule,
                                      resume_schedule, trigger_schedule, backfill_schedule,
                                      delete_schedule, wake_schedule, schedule_children_ended>;
std::string_view name_of(const schedule_command& command) noexcept;

/// As for tasks: no events and no failure = already so. At most `limits::children_at_once` starts; what is
/// left is decided at the next alarm, which is then at once.
result<decision<schedule_event>> decide(const std::optional<schedule>& state,
                                        const schedule_command& command, time_point now);
void evolve(std::optional<schedule>& state, entity_id id, const schedule_event& event,
            time_point at);

}  // namespace orrery
