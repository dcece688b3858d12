/// Commands of a schedule.

#include "domain/limits.hpp"
#include "domain/schedule_decider.hpp"

#include <algorithm>

namespace orrery {

namespace {

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
    auto next = c.times->next_time(std::max(now, s.last_at)).value_or(never);
    if (next == never && !same)
      return failure{errc::invalid, "these times never come: the schedule would never fire",
                     "expressions"};
    // What is due by now is of the definition that was.
    schedule_decider d(s, c.before, now);
    if (c.before != nullptr && same)
      d.make_due();
    else if (c.before != nullptr)
      d.make_last();
    if (same)
      next = d.now_is().next_at;
    auto changed = d.now_is();
    changed.spec = c.spec;
    d.use(c.times);
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
    schedule_decider d(s, c.times, now);
    if (c.times != nullptr)
      d.make_due();  // else it is made after the resume
    if (d.now_is().pauses.size() >= limits::schedule_pauses)
      return failure{errc::busy, "it is still making up for what was due before earlier pauses"};
    d.emit(schedule_paused{c.note});
    return d.take();
  }

  /// What would have fired while it was paused is not made up for; what was due before is.
  outcome operator()(const resume_schedule& c) const {
    if (s.status == schedule_status::active)
      return decision<schedule_event>{};
    if (s.status != schedule_status::paused)
      return refused(s, "resume it");
    if (c.note.size() > limits::text_bytes)
      return failure{errc::invalid, "must have at most 4096 bytes", "note"};
    schedule_decider d(s, c.times, now);
    // A row from before pauses were kept has none.
    const auto next = s.pauses.empty()
                          ? c.times->next_time(std::max(now, s.last_at)).value_or(never)
                          : d.beyond_pauses(s.next_at);
    d.emit(schedule_resumed{c.note, is_exhausted(s) ? never : next});
    d.go_on();
    return d.take();
  }

  outcome operator()(const trigger_schedule& c) const {
    if (s.status == schedule_status::deleted)
      return refused(s, "trigger it");
    schedule_decider d(s, c.times, now);
    d.make_due();
    d.offer({now, fire_kind::triggered, s.series + 1}, c.overlap.value_or(s.spec->overlap), false,
            never);
    return d.take();
  }

  outcome operator()(const backfill_schedule& c) const {
    if (s.status == schedule_status::deleted)
      return refused(s, "backfill it");
    if (c.to < c.from)
      return failure{errc::invalid, "lies before from", "to"};
    if (c.to > now)
      return failure{errc::invalid, "lies in the future, whose fires are still to come", "to"};
    if (s.backfills.size() >= limits::schedule_backfills)
      return failure{errc::busy, "there are as many backfills under way as there may be"};
    const auto first = c.times->next_time(c.from - duration{1});
    if (!first || *first > c.to)
      return failure{errc::invalid, "no fire time lies in this range", "from"};
    schedule_decider d(s, c.times, now);
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
    if (is_final(s.status) && s.backfills.empty() && s.first_in_line() == nullptr)
      return decision<schedule_event>{};
    schedule_decider d(s, c.times, now);
    d.go_on();
    return d.take();
  }

  outcome operator()(const schedule_children_ended& c) const {
    schedule_decider d(s, c.times, now);
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
