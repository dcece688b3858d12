#include "domain/schedule.hpp"

#include "base/check.hpp"
#include "base/sha256.hpp"
#include "domain/limits.hpp"
#include "domain/wake.hpp"

#include <algorithm>

namespace orrery {

namespace {

bool is_running(const schedule_fire& fire) { return fire.outcome == fire_outcome::running; }

fire_outcome outcome_of(child_outcome end) {
  switch (end) {
    case child_outcome::succeeded: return fire_outcome::succeeded;
    case child_outcome::failed: return fire_outcome::failed;
    case child_outcome::expired: return fire_outcome::expired;
    case child_outcome::cancelled: break;
  }
  return fire_outcome::cancelled;
}

/// What an event does to a schedule.
struct folder {
  schedule& s;
  time_point at;

  template <class Event>
  void turn(const Event& e, time_point fire_time) {
    if (!e.turn)
      return;
    s.last_at = std::max(s.last_at, fire_time);
    s.next_at = is_exhausted(s) ? never : e.next_at;
    forget_pauses();
  }
  /// Those that nothing to come can have fallen due in.
  void forget_pauses() {
    std::erase_if(s.pauses, [&](const pause_span& one) {
      return one.to != never && (s.next_at == never || one.to < s.next_at);
    });
  }

  void operator()(const schedule_created&) const {}  // made before
  void operator()(const schedule_updated& e) {
    s.spec = e.spec;
    ++s.definition;
    s.next_at = is_exhausted(s) ? never : e.next_at;
    if (s.status == schedule_status::completed && s.next_at != never) {
      s.status = schedule_status::active;
      s.finished_at = never;
    }
    forget_pauses();
  }
  void operator()(const schedule_paused& e) {
    s.status = schedule_status::paused;
    s.note = e.note;
    forget_pauses();
    // A person is refused then; a failure pauses all the same, as if it had been paused since the last.
    if (s.pauses.size() < limits::schedule_pauses)
      s.pauses.push_back({at, never});
    else
      s.pauses.back().to = never;
  }
  void operator()(const schedule_resumed& e) {
    s.status = schedule_status::active;
    s.note = e.note;
    s.next_at = is_exhausted(s) ? never : e.next_at;
    if (!s.pauses.empty() && s.pauses.back().to == never) {
      s.pauses.back().to = at;
      if (at <= s.pauses.back().from)  // the clock was set back
        s.pauses.pop_back();
    }
    forget_pauses();
  }
  void operator()(const schedule_fired& e) {
    const auto waits =
        std::find(s.waiting.begin(), s.waiting.end(), waiting_fire{e.at, e.kind, e.series});
    if (!e.turn && waits != s.waiting.end())
      s.waiting.erase(waits);
    const bool own = e.kind == fire_kind::scheduled || e.kind == fire_kind::catch_up;
    ++(own ? s.counters.fired : s.counters.triggered);
    s.series = std::max(s.series, e.series);
    schedule_fire fire{e.at, at, e.at, e.kind, fire_outcome::running, e.child, 0};
    if (own)
      fire.due_at = with_jitter(*s.spec, s.id, e.at);
    if (!e.followed)
      fire.outcome = fire_outcome::started;
    s.recent.push_back(fire);
    for (auto old = s.recent.begin();
         s.recent.size() > limits::schedule_recent && old != s.recent.end();)
      old = is_running(*old) ? old + 1 : s.recent.erase(old);
    turn(e, e.at);
  }
  void operator()(const schedule_skipped& e) {
    switch (e.reason) {
      case skip_reason::misfire: s.counters.misfires_skipped += e.count; break;
      case skip_reason::catchup_window: s.counters.missed_catchup += e.count; break;
      case skip_reason::overlap: s.counters.overlap_skipped += e.count; break;
      case skip_reason::buffer: s.counters.buffer_dropped += e.count; break;
    }
    turn(e, e.at);
  }
  void operator()(const schedule_buffered& e) {
    // Of `cancel_other` only the newest waits. Events from before `replaces` tell it by the policy.
    if (e.replaces || (s.spec->overlap == overlap_policy::cancel_other && e.turn))
      s.waiting.clear();
    s.waiting.push_back(e.fire);
    s.series = std::max(s.series, e.fire.series);
    turn(e, e.fire.at);
  }
  void operator()(const schedule_child_ended& e) {
    for (auto& fire : s.recent)
      if (fire.child == e.child && e.run > fire.heard) {
        fire.heard = e.run;
        fire.outcome = outcome_of(e.outcome);
        if (fire.outcome == fire_outcome::failed || fire.outcome == fire_outcome::expired)
          ++s.counters.failed;
      }
  }
  void operator()(const schedule_backfill_started& e) {
    s.backfills.push_back(e.range);
    s.series = std::max(s.series, e.range.series);
  }
  void operator()(const schedule_backfill_moved& e) {
    CHECK(!s.backfills.empty(), "a backfill that moves is there");
    if (e.next == never)
      s.backfills.erase(s.backfills.begin());
    else
      s.backfills.front().next = e.next;
  }
  void operator()(const schedule_completed&) {
    s.status = schedule_status::completed;
    s.finished_at = at;
    s.next_at = never;
  }
  void operator()(const schedule_deleted&) {
    s.status = schedule_status::deleted;
    s.finished_at = at;
    s.next_at = never;
    s.waiting.clear();
    s.backfills.clear();
    s.pauses.clear();
    for (auto& fire : s.recent)
      if (is_running(fire))
        fire.outcome = fire_outcome::started;  // it goes on by itself
  }
};

/// A name that was deleted may be used again: what must never repeat goes on.
schedule made_by(const schedule_created& e, const std::optional<schedule>& before, entity_id id,
                 time_point at) {
  schedule made;
  made.id = id;
  made.spec = e.spec;
  made.created_at = at;
  made.next_at = e.next_at;
  if (before) {
    made.version = before->version;
    made.definition = before->definition + 1;
    made.series = before->series;
    made.last_at = before->last_at;
    made.created_at = before->created_at;  // a key of lists: a row keeps its place
  }
  return made;
}

}  // namespace

bool is_exhausted(const schedule& s) noexcept {
  if (s.spec->limit == 0)
    return false;
  const auto waiting = std::count_if(s.waiting.begin(), s.waiting.end(), [](const auto& one) {
    return one.kind == fire_kind::scheduled || one.kind == fire_kind::catch_up;
  });
  return s.counters.fired + static_cast<uint64_t>(waiting) >= s.spec->limit;
}

bool may_backfill(const schedule& s) noexcept {
  if (s.backfills.empty())
    return false;
  switch (s.backfills.front().overlap) {
    case overlap_policy::buffer_one:
    case overlap_policy::buffer_all: return !s.waits_for_children() && s.first_in_line() == nullptr;
    case overlap_policy::allow: return running_of(s) < limits::schedule_running;
    case overlap_policy::skip:
    case overlap_policy::cancel_other: break;
  }
  return true;
}

size_t running_of(const schedule& s) noexcept {
  return static_cast<size_t>(std::count_if(s.recent.begin(), s.recent.end(), is_running));
}

const waiting_fire* schedule::first_in_line() const noexcept {
  const auto first = std::find_if(waiting.begin(), waiting.end(), [&](const waiting_fire& one) {
    return status == schedule_status::active || one.kind == fire_kind::triggered ||
           one.kind == fire_kind::backfill;
  });
  return first == waiting.end() ? nullptr : &*first;
}

bool schedule::waits_for_children() const noexcept {
  return std::any_of(recent.begin(), recent.end(), is_running);
}

std::vector<child_watch> schedule::watches() const {
  std::vector<child_watch> list;
  const auto kind = spec->action == schedule_action::order ? entity_kind::order : entity_kind::task;
  const bool cancels = spec->overlap == overlap_policy::cancel_other && !waiting.empty();
  for (const auto& fire : recent) {
    if (!is_running(fire))
      continue;
    child_watch watch{fire.child, fire.heard, {}};
    if (cancels)
      watch.wish = child_command{fire.child, kind, {"the next fire takes its place", false}};
    list.push_back(std::move(watch));
  }
  return list;
}

time_point with_jitter(const schedule_spec& spec, entity_id id, time_point at) noexcept {
  if (spec.jitter <= duration{} || at == never)
    return at;
  // Any mixing function will do; this one is the finalizer of SplitMix64.
  auto x = static_cast<uint64_t>(micros(at)) ^ std::hash<entity_id>{}(id);
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  x ^= x >> 31;
  return at + duration{static_cast<int64_t>(x % static_cast<uint64_t>(spec.jitter.count() + 1))};
}

time_point schedule::due_at() const noexcept { return with_jitter(*spec, id, next_at); }

time_point schedule::alarm_at() const noexcept {
  if (status == schedule_status::deleted)
    return never;
  if (may_backfill(*this))
    return at_once;  // there is more to do than fits into one decision
  if (first_in_line() != nullptr && !waits_for_children())
    return at_once;
  if (status != schedule_status::active)
    return never;
  return next_at == never ? never : due_at();
}

time_point schedule::wake_at() const noexcept {
  return waits_for_children() ? at_once : alarm_at();
}

void evolve(std::optional<schedule>& state, entity_id id, const schedule_event& event,
            time_point at) {
  if (const auto* created = std::get_if<schedule_created>(&event))
    state = made_by(*created, state, id, at);
  CHECK(state.has_value(), "an event follows a schedule's creation");
  std::visit(folder{*state, at}, event);
  ++state->version;
  state->updated_at = at;
}

}  // namespace orrery
