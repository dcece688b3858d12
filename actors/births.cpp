#include "actors/births.hpp"

#include "base/check.hpp"

namespace orrery::actors {

namespace {

template <class Entity, class Status, class Command>
result<birth> bear_as(const child_start& start, entity_id parent, const Command& submit,
                      time_point now) {
  CHECK(submit.spec.parent == parent, "the spec of a child names its parent");
  CHECK(start.id.shard() == parent.shard(), "a child lives in the shard of its parent");
  std::optional<Entity> state;
  auto decided = decide(state, submit, now);
  if (!decided)
    return std::move(decided).error();
  birth born;
  born.id = start.id;
  born.look_up = start.look_up;
  std::optional<status_brief<Status>> before;
  for (auto& event : as_decision(std::move(*decided)).events) {
    evolve(state, start.id, event, now);
    event_record record{{}, start.id, now, entity_event{std::move(event)}};
    auto told = status_event_of(before, *state, record);
    before = status_brief<Status>{state->status, 1};
    born.steps.push_back({std::move(record), std::nullopt});
    if (told)
      born.steps.back().published.emplace(std::move(*told));
  }
  born.state = std::move(*state);
  return born;
}

}  // namespace

result<birth> bear(const child_start& start, entity_id parent, time_point now) {
  if (const auto* spec = std::get_if<shared_value<task_spec>>(&start.spec))
    return bear_as<task, task_status>(start, parent, submit_task{**spec}, now);
  return bear_as<order, order_status>(
      start, parent, submit_order{*std::get<shared_value<order_spec>>(start.spec)}, now);
}

}  // namespace orrery::actors
