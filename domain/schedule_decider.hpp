#pragma once
/// What a schedule decides: due fires, what was missed, what overlaps, what waits. Decides on a copy that
/// follows its own events, so that each rule sees what the one before did.

#include "domain/schedule.hpp"

namespace orrery {

class schedule_decider {
public:
  schedule_decider(const schedule& s, shared_times times, time_point now)
      : state_(s), times_(std::move(times)), now_(now) {}

  const schedule& now_is() const { return *state_; }
  /// From here on, by these times.
  void use(shared_times times) { times_ = std::move(times); }
  void emit(schedule_event event);

  /// Everything that can be done now.
  void go_on();
  /// What waits and what is due; no more than fits into one decision.
  void make_due();
  /// Also what is due but for its jitter, for then its times are no more; and what does not fit is counted
  /// as a misfire.
  void make_last();
  /// A fire of any kind, by an overlap policy.
  void offer(const waiting_fire& fire, overlap_policy overlap, bool turn, time_point next_at);
  void end_children(const std::vector<child_end>& ends);
  /// `at`, or else the first fire time after it that did not fall due in a pause.
  time_point beyond_pauses(time_point at) const;

  decision<schedule_event> take() { return std::move(out_); }

private:
  bool full() const;
  /// The fire time after `at` that is to be made.
  time_point following(time_point at);
  duration lateness(time_point at) const;
  bool is_due(time_point at) const;

  void start(const waiting_fire& fire, bool turn, time_point next_at);
  void cancel_running();
  void run_waiting();
  void fire_due();
  /// Those from `at` on that are later than the catch-up window, as one event: they are gone through quickly,
  /// and told together.
  void give_up_from(time_point at, time_point next);
  /// Fires were missed, and are not made up for one by one.
  void collapse();
  void run_backfills();

  std::optional<schedule> state_;
  shared_times times_;
  time_point now_;
  decision<schedule_event> out_;
  size_t steps_ = 0;
  size_t starts_ = 0;
  bool early_ = false;  ///< Jitter is not waited for.
};

}  // namespace orrery
