#include "domain/schedule_decider.hpp"

#include "domain/limits.hpp"
#include "domain/schedule_template.hpp"

#include <algorithm>

namespace orrery {

namespace {

/// Fire times looked at by one decision; what is left is for the next, at once.
constexpr size_t fire_steps_max = 20'000;
constexpr size_t fire_starts_max = 100;

}  // namespace

void schedule_decider::emit(schedule_event event) {
  evolve(state_, state_->id, event, now_);
  out_.events.push_back(std::move(event));
}

void schedule_decider::go_on() {
  make_due();
  run_backfills();
  const auto& s = *state_;
  if (s.status == schedule_status::active && s.next_at == never && s.waiting.empty() &&
      s.backfills.empty() && !s.waits_for_children())
    emit(schedule_completed{});
}

void schedule_decider::make_due() {
  run_waiting();
  fire_due();
}

void schedule_decider::make_last() {
  early_ = true;
  make_due();
  uint64_t left = 0;
  auto last = never;
  auto next = state_->next_at;
  // While it is paused these are the fires that were due before.
  const auto is_owed = [&](time_point at) {
    return is_due(at) && (state_->status == schedule_status::active || beyond_pauses(at) == at);
  };
  for (steps_ = 0; is_owed(next) && steps_ < fire_steps_max;) {
    ++left;
    last = next;
    next = following(next);
  }
  if (left > 0)
    emit(schedule_skipped{last, skip_reason::misfire, left, true, next});
  early_ = false;
}

void schedule_decider::offer(const waiting_fire& fire, overlap_policy overlap, bool turn,
                             time_point next_at) {
  const auto& s = *state_;
  const auto running = running_of(s);
  if (overlap == overlap_policy::allow ? running < limits::schedule_running
                                       : running == 0 && s.first_in_line() == nullptr)
    return start(fire, turn, next_at);
  const auto skip = [&](skip_reason reason) {
    emit(schedule_skipped{fire.at, reason, 1, turn, next_at});
  };
  bool replaces = false;
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
      replaces = !s.waiting.empty();
      if (replaces)  // it gives way to the newer
        emit(schedule_skipped{s.waiting.front().at, skip_reason::overlap, s.waiting.size(), false,
                              never});
      cancel_running();
      break;
  }
  emit(schedule_buffered{fire, turn, next_at, replaces});
}

void schedule_decider::end_children(const std::vector<child_end>& ends) {
  for (const auto& end : ends) {
    const auto& recent = state_->recent;
    const bool news = std::any_of(recent.begin(), recent.end(), [&](const auto& fire) {
      return fire.child == end.id && end.run > fire.heard;
    });
    if (!news)
      continue;
    emit(schedule_child_ended{end.id, end.run, end.outcome});
    const bool bad = end.outcome == child_outcome::failed || end.outcome == child_outcome::expired;
    if (bad && state_->spec->pause_on_failure && state_->status == schedule_status::active)
      emit(schedule_paused{"paused because " + to_string(end.id) + " failed"});
  }
  if (times_ != nullptr)
    go_on();
}

bool schedule_decider::full() const {
  return starts_ >= fire_starts_max || steps_ >= fire_steps_max;
}

time_point schedule_decider::beyond_pauses(time_point at) const {
  const auto& spec = *state_->spec;
  for (const auto& pause : state_->pauses)
    while (at != never) {
      const auto due = with_jitter(spec, state_->id, at);
      const auto to = pause.to == never ? std::max(now_, pause.from) : pause.to;
      if (due <= pause.from || due > to)
        break;
      // Of those behind its beginning, all whose longest jitter ends within it are left out at one go.
      const auto from = at < pause.from ? at : std::max(at, to - spec.jitter);
      at = times_->next_time(from).value_or(never);
    }
  return at;
}

time_point schedule_decider::following(time_point at) {
  ++steps_;
  return beyond_pauses(times_->next_time(at).value_or(never));
}

duration schedule_decider::lateness(time_point at) const {
  return now_ - (early_ ? at : with_jitter(*state_->spec, state_->id, at));
}

bool schedule_decider::is_due(time_point at) const {
  return at != never && lateness(at) >= duration{};
}

void schedule_decider::start(const waiting_fire& fire, bool turn, time_point next_at) {
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

void schedule_decider::cancel_running() {
  const auto kind =
      state_->spec->action == schedule_action::order ? entity_kind::order : entity_kind::task;
  for (const auto& fire : state_->recent)
    if (fire.outcome == fire_outcome::running)
      out_.commands.push_back({fire.child, kind, {"the next fire takes its place", false}});
}

void schedule_decider::run_waiting() {
  while (!full() &&
         (!state_->waits_for_children() || state_->spec->overlap == overlap_policy::allow)) {
    const auto* first = state_->first_in_line();
    if (first == nullptr)
      return;
    start(waiting_fire{*first}, false, never);
  }
}

void schedule_decider::fire_due() {
  if (state_->status != schedule_status::active || !is_due(state_->next_at))
    return;
  const auto& spec = *state_->spec;
  if (spec.misfire != misfire_policy::all && lateness(state_->next_at) > spec.misfire_after)
    return collapse();
  while (!full() && state_->status == schedule_status::active && is_due(state_->next_at)) {
    const auto at = state_->next_at;
    const auto late = lateness(at);
    const auto next = following(at);
    if (late > spec.catchup_window) {
      give_up_from(at, next);
      continue;
    }
    const auto kind = late > spec.misfire_after ? fire_kind::catch_up : fire_kind::scheduled;
    offer({at, kind, 0}, spec.overlap, true, next);
  }
}

void schedule_decider::give_up_from(time_point at, time_point next) {
  uint64_t missed = 1;
  while (steps_ < fire_steps_max && is_due(next) && lateness(next) > state_->spec->catchup_window) {
    ++missed;
    at = next;
    next = following(next);
  }
  emit(schedule_skipped{at, skip_reason::catchup_window, missed, true, next});
}

void schedule_decider::collapse() {
  const auto& spec = *state_->spec;
  uint64_t lost = 0;
  uint64_t missed = 0;
  auto last_lost = never;
  auto last = state_->next_at;
  auto next = last;
  while (is_due(next) && steps_ < fire_steps_max) {
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

void schedule_decider::run_backfills() {
  while (!full() && may_backfill(*state_)) {
    const auto range = state_->backfills.front();
    const auto next = times_->next_time(range.next).value_or(never);
    ++steps_;
    offer({range.next, fire_kind::backfill, range.series}, range.overlap, false, never);
    emit(schedule_backfill_moved{next != never && next <= range.to ? next : never});
  }
}

}  // namespace orrery
