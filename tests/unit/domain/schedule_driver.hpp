#pragma once
/// A schedule under a clock that the test moves: decides, folds, and plays the children.

#include "base/check.hpp"
#include "domain/schedule.hpp"

#include <gtest/gtest.h>
#include <set>

namespace orrery::test {

inline result<shared_zone> only_utc(std::string_view name) {
  if (name != "UTC")
    return failure{errc::not_found, "there is no such zone"};
  return shared_zone(std::make_shared<const zone_rules>());
}

inline schedule_spec every_second() {
  schedule_spec spec;
  spec.name = "test";
  spec.times.expressions = {"* * * * * ?"};
  spec.task.kind = "noop";
  return spec;
}

class schedule_driver {
public:
  static constexpr time_point noon = from_micros(1'800'000'000'000'000);

  explicit schedule_driver(schedule_spec spec) { submit(std::move(spec)); }

  const schedule& now_is() const { return *state; }

  void submit(schedule_spec spec) {
    times = times_of(spec);
    must(submit_schedule{std::move(spec), times});
  }
  static shared_times times_of(const schedule_spec& spec) {
    auto made = fire_times::make(spec.times, only_utc);
    CHECK(made.has_value(), "the spec of a test is good");
    return std::make_shared<const fire_times>(std::move(*made));
  }

  /// Decides and folds.
  result<void> tell(schedule_command command) {
    auto decided = decide(state, command, now);
    if (!decided)
      return std::move(decided).error();
    for (const auto& event : decided->events) {
      evolve(state, id, event, now);
      events.push_back(event);
    }
    for (const auto& start : decided->starts) {
      EXPECT_TRUE(started_ids.insert(start.id).second) << "an id is started once";
      started.push_back(start);
    }
    for (const auto& command_of : decided->commands)
      cancelled.push_back(command_of.id);
    return {};
  }
  void must(schedule_command command) {
    const auto told = tell(std::move(command));
    ASSERT_TRUE(told) << told.error().field << ' ' << told.error().detail;
  }

  /// Moves the clock and wakes the schedule for as long as it wants to be woken.
  void advance(duration length) {
    now += length;
    wake();
  }
  void wake() {
    for (int i = 0; i < 100'000; ++i) {
      const auto alarm = state->alarm_at();
      if (alarm == never || alarm > now)
        return;
      const auto before = state->version;
      must(wake_schedule{times});
      if (state->version == before)
        return;
    }
    FAIL() << "a schedule comes to rest";
  }
  void end(entity_id child, child_outcome outcome = child_outcome::succeeded, uint32_t run = 1) {
    child_end end;
    end.id = child;
    end.run = run;
    end.outcome = outcome;
    must(schedule_children_ended{{end}, times});
    wake();
  }
  /// Fire times of what was started, in seconds since `noon`.
  std::vector<int64_t> fired() const {
    std::vector<int64_t> list;
    for (const auto& event : events)
      if (const auto* e = std::get_if<schedule_fired>(&event))
        list.push_back((e->at - noon) / 1s);
    return list;
  }
  std::vector<fire_kind> kinds() const {
    std::vector<fire_kind> list;
    for (const auto& event : events)
      if (const auto* e = std::get_if<schedule_fired>(&event))
        list.push_back(e->kind);
    return list;
  }

  entity_id id = id_of_schedule("test", 16);
  time_point now = noon;
  std::optional<schedule> state;
  shared_times times;
  std::vector<schedule_event> events;
  std::vector<child_start> started;
  std::set<entity_id> started_ids;
  std::vector<entity_id> cancelled;
};

}  // namespace orrery::test
