/// What a schedule decides: due fires, what was missed, what overlaps, what waits.

#include "domain/limits.hpp"
#include "domain/schedule.hpp"
#include "domain/schedule_template.hpp"

#include <algorithm>

namespace orrery {

namespace {

/// Fire times looked at by one decision; what is left is for the next, at once.
constexpr size_t steps_max = 20'000;
constexpr size_t starts_max = 100;

/// Decides on a copy that follows its own events, so that each rule sees what the one before did.
class decider {
public:
  decider(const schedule& s, const shared_times& times, time_point now)
      : state_(s), times_(times), now_(now) {}

  const schedule& now_is() const { return *state_; }
  void emit(schedule_event event) {
    evolve(state_, state_->id, event, now_);
    out_.events.push_back(std::move(event));
  }

  /// Everything that can be done now.
  void go_on() {
    run_waiting();
    fire_due();
    run_backfills();
    const auto& s = *state_;
    if (s.status == schedule_status::active && s.next_at == never && s.waiting.empty() &&
        s.backfills.empty() && !s.waits_for_children())
      emit(schedule_completed{});
  }

  /// A fire of any kind, by an overlap policy.
  void offer(waiting_fire fire, overlap_policy overlap, bool turn, time_point next_at) {
    const auto& s = *state_;
    const auto running =
        static_cast<size_t>(std::count_if(s.recent.begin(), s.recent.end(), [](const auto& f) {
          return f.outcome == fire_outcome::running;
        }));
    if (overlap == overlap_policy::allow ? running < limits::schedule_running
                                         : running == 0 && s.waiting.empty())
      return start(fire, turn, next_at);
    const auto skip = [&](skip_reason reason) {
      emit(schedule_skipped{fire.at, reason, 1, turn, next_at});
    };
    switch (overlap) {
      case overlap_policy::allow:
      case overlap_policy::skip: return skip(skip_reason::overlap);
      case overlap_policy::buffer_one:
        if (!s.waiting.empty())
          return skip(skip_reason::overlap);
        break;
      case overlap_policy::buffer_all:
        if (s.waiting.size() >= limits::schedule_buffer)
          return skip(skip_reason::buffer);
        break;
      case overlap_policy::cancel_other:
        if (!s.waiting.empty())  // it gives way to the newer
          emit(schedule_skipped{s.waiting.front().at, skip_reason::overlap, s.waiting.size(), false,
                                never});
        cancel_running();
        break;
    }
    emit(schedule_buffered{fire, turn, next_at});
  }

  void end_children(const std::vector<child_end>& ends) {
    for (const auto& end : ends) {
      const auto& recent = state_->recent;
      const bool news = std::any_of(recent.begin(), recent.end(), [&](const auto& fire) {
        return fire.child == end.id && end.run > fire.heard;
      });
      if (!news)
        continue;
      emit(schedule_child_ended{end.id, end.run, end.outcome});
      const bool bad =
          end.outcome == child_outcome::failed || end.outcome == child_outcome::expired;
      if (bad && state_->spec->pause_on_failure && state_->status == schedule_status::active)
        emit(schedule_paused{"paused because " + to_string(end.id) + " failed"});
    }
    if (times_ != nullptr)
      go_on();
  }

  decision<schedule_event> take() { return std::move(out_); }

private:
  bool full() const { return starts_ >= starts_max || steps_ >= steps_max; }
  time_point following(time_point at) {
    ++steps_;
    return times_->next_time(at).value_or(never);
  }
  duration lateness(time_point at) const {
    return now_ - with_jitter(*state_->spec, state_->id, at);
  }
  bool is_due(time_point at) const { return at != never && lateness(at) >= duration{}; }

  void start(const waiting_fire& fire, bool turn, time_point next_at) {
    ++starts_;
    if (state_->spec->action == schedule_action::message) {
      // Nothing is started: the event itself is what the publisher sends.
      const auto id = id_of_fire(*state_, fire.at, fire.kind, fire.series);
      return emit(schedule_fired{fire.at, fire.kind, fire.series, id, false, turn, next_at,
                                 message_of(*state_, *times_, fire.at, fire.kind, now_)});
    }
    auto child = start_of(*state_, *times_, fire.at, fire.kind, fire.series, now_);
    emit(schedule_fired{
        fire.at, fire.kind, fire.series, child.id, is_followed(*state_->spec), turn, next_at, {}});
    out_.starts.push_back(std::move(child));
  }

  void cancel_running() {
    const auto kind =
        state_->spec->action == schedule_action::order ? entity_kind::order : entity_kind::task;
    for (const auto& fire : state_->recent)
      if (fire.outcome == fire_outcome::running)
        out_.commands.push_back({fire.child, kind, {"the next fire takes its place", false}});
  }

  void fire_due() {
    if (state_->status != schedule_status::active || !is_due(state_->next_at))
      return;
    const auto& spec = *state_->spec;
    if (spec.misfire != misfire_policy::all && lateness(state_->next_at) > spec.misfire_after)
      return collapse();
    uint64_t missed = 0;
    auto last_missed = never;
    while (!full() && state_->status == schedule_status::active && is_due(state_->next_at)) {
      const auto at = state_->next_at;
      const auto late = lateness(at);
      const auto next = following(at);
      if (late > spec.catchup_window) {
        // One event for a run of them: they are gone through quickly, and told together.
        missed = 1;
        last_missed = at;
        auto later = next;
        while (steps_ < steps_max && is_due(later) && lateness(later) > spec.catchup_window) {
          ++missed;
          last_missed = later;
          later = following(later);
        }
        emit(schedule_skipped{last_missed, skip_reason::catchup_window, missed, true, later});
        continue;
      }
      const auto kind = late > spec.misfire_after ? fire_kind::catch_up : fire_kind::scheduled;
      offer({at, kind, 0}, spec.overlap, true, next);
    }
  }

  /// Fires were missed, and are not made up for one by one.
  void collapse() {
    const auto& spec = *state_->spec;
    uint64_t lost = 0;
    uint64_t missed = 0;
    auto last_lost = never;
    auto last = state_->next_at;
    auto next = last;
    while (is_due(next) && steps_ < steps_max) {
      last = next;
      if (lateness(next) > spec.catchup_window) {
        ++lost;
        last_lost = next;
      } else {
        ++missed;
      }
      next = following(next);
    }
    const bool all_seen = !is_due(next);
    if (lost > 0)
      emit(schedule_skipped{last_lost, skip_reason::catchup_window, lost, true, next});
    if (missed == 0)
      return;
    const bool one_fires = spec.misfire == misfire_policy::once_now && all_seen;
    if (const auto left_out = missed - (one_fires ? 1 : 0); left_out > 0)
      emit(schedule_skipped{last, skip_reason::misfire, left_out, true, next});
    if (one_fires)
      offer({last, fire_kind::catch_up, 0}, spec.overlap, true, next);
  }

  void run_waiting() {
    while (!full() && state_->status == schedule_status::active && !state_->waiting.empty() &&
           (!state_->waits_for_children() || state_->spec->overlap == overlap_policy::allow))
      start(waiting_fire{state_->waiting.front()}, false, never);
  }

  void run_backfills() {
    while (!full() && !state_->backfills.empty()) {
      const auto range = state_->backfills.front();
      const bool lines_up = range.overlap == overlap_policy::buffer_all ||
                            range.overlap == overlap_policy::buffer_one;
      if (lines_up && (state_->waits_for_children() || !state_->waiting.empty()))
        return;  // the range itself is the buffer
      const auto next = following(range.next);
      offer({range.next, fire_kind::backfill, range.series}, range.overlap, false, never);
      emit(schedule_backfill_moved{next != never && next <= range.to ? next : never});
    }
  }

  std::optional<schedule> state_;
  const shared_times& times_;
  time_point now_;
  decision<schedule_event> out_;
  size_t steps_ = 0;
  size_t starts_ = 0;
};

using outcome = result<decision<schedule_event>>;

outcome one(schedule_event event) {
  decision<schedule_event> made;
  made.events.push_back(std::move(event));
  return made;
}

failure refused(const schedule& s, const char* verb) {
  return {errc::rejected,
          "cannot " + std::string(verb) + ": the schedule is " + std::string(to_string(s.status))};
}

outcome create(const std::optional<schedule>& state, const submit_schedule& c, time_point now) {
  if (state && state->status != schedule_status::deleted) {
    if (*state->spec == c.spec)
      return decision<schedule_event>{};
    return failure{errc::conflict, "there is a schedule of this name with another definition",
                   "name"};
  }
  if (auto ok = validate(c.spec); !ok)
    return std::move(ok).error();
  const auto from = state ? std::max(now, state->last_at) : now;
  const auto next = c.times->next_time(from);
  if (!next)
    return failure{errc::invalid, "these times never come: the schedule would never fire",
                   "expressions"};
  return one(schedule_created{c.spec, *next});
}

struct for_existing {
  const schedule& s;
  time_point now;

  outcome operator()(const submit_schedule&) const { return decision<schedule_event>{}; }

  outcome operator()(const update_schedule& c) const {
    if (s.status == schedule_status::deleted)
      return refused(s, "change it");
    if (c.definition != 0 && c.definition != s.definition)
      return failure{errc::conflict,
                     "the schedule has changed since: its definition is " +
                         std::to_string(s.definition) + ", not " + std::to_string(c.definition),
                     "definition"};
    if (*s.spec == c.spec)
      return decision<schedule_event>{};
    if (c.spec.name != s.spec->name)
      return failure{errc::invalid, "a schedule keeps its name", "name"};
    if (auto ok = validate(c.spec); !ok)
      return std::move(ok).error();
    const bool same = c.spec.times == s.spec->times && s.next_at != never;
    const auto next =
        same ? s.next_at : c.times->next_time(std::max(now, s.last_at)).value_or(never);
    if (next == never)
      return failure{errc::invalid, "these times never come: the schedule would never fire",
                     "expressions"};
    auto changed = s;
    changed.spec = c.spec;
    decider d(s, c.times, now);
    d.emit(schedule_updated{c.spec, is_exhausted(changed) ? never : next});
    d.go_on();
    return d.take();
  }

  outcome operator()(const pause_schedule& c) const {
    if (s.status == schedule_status::paused)
      return decision<schedule_event>{};
    if (s.status != schedule_status::active)
      return refused(s, "pause it");
    if (c.note.size() > limits::text_bytes)
      return failure{errc::invalid, "must have at most 4096 bytes", "note"};
    return one(schedule_paused{c.note});
  }

  /// What would have fired while it was paused is not made up for.
  outcome operator()(const resume_schedule& c) const {
    if (s.status == schedule_status::active)
      return decision<schedule_event>{};
    if (s.status != schedule_status::paused)
      return refused(s, "resume it");
    if (c.note.size() > limits::text_bytes)
      return failure{errc::invalid, "must have at most 4096 bytes", "note"};
    decider d(s, c.times, now);
    const auto next = c.times->next_time(std::max(now, s.last_at)).value_or(never);
    d.emit(schedule_resumed{c.note, is_exhausted(s) ? never : next});
    d.go_on();
    return d.take();
  }

  outcome operator()(const trigger_schedule& c) const {
    if (s.status == schedule_status::deleted)
      return refused(s, "trigger it");
    decider d(s, c.times, now);
    d.offer({now, fire_kind::triggered, s.series + 1}, c.overlap.value_or(s.spec->overlap), false,
            never);
    return d.take();
  }

  outcome operator()(const backfill_schedule& c) const {
    if (s.status == schedule_status::deleted)
      return refused(s, "backfill it");
    if (c.to < c.from)
      return failure{errc::invalid, "lies before from", "to"};
    if (s.backfills.size() >= limits::schedule_backfills)
      return failure{errc::busy, "there are as many backfills under way as there may be"};
    const auto first = c.times->next_time(c.from - duration{1});
    if (!first || *first > c.to)
      return failure{errc::invalid, "no fire time lies in this range", "from"};
    decider d(s, c.times, now);
    d.emit(schedule_backfill_started{
        {s.series + 1, *first, c.to, c.overlap.value_or(overlap_policy::buffer_all)}});
    d.go_on();
    return d.take();
  }

  outcome operator()(const delete_schedule&) const {
    if (s.status == schedule_status::deleted)
      return decision<schedule_event>{};
    return one(schedule_deleted{});
  }

  outcome operator()(const wake_schedule& c) const {
    if (is_final(s.status) && s.backfills.empty())
      return decision<schedule_event>{};
    decider d(s, c.times, now);
    d.go_on();
    return d.take();
  }

  outcome operator()(const schedule_children_ended& c) const {
    decider d(s, c.times, now);
    d.end_children(c.ends);
    return d.take();
  }
};

}  // namespace

result<decision<schedule_event>> decide(const std::optional<schedule>& state,
                                        const schedule_command& command, time_point now) {
  if (const auto* submit = std::get_if<submit_schedule>(&command))
    return create(state, *submit, now);
  if (!state)
    return failure{errc::not_found, "there is no such schedule"};
  return std::visit(for_existing{*state, now}, command);
}

}  // namespace orrery
