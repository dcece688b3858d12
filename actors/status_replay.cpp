#include "actors/status_replay.hpp"

#include <unordered_map>

namespace orrery::actors {

namespace {

std::optional<status_event> render(const std::optional<entity>& before, const entity& after,
                                   const event_record& record) {
  const auto as = [&]<class Entity>(const Entity& now) -> std::optional<status_event> {
    std::optional<Entity> earlier;
    if (before)
      earlier = std::get<Entity>(*before);
    if (auto e = status_event_of(earlier, now, record))
      return status_event{std::move(*e)};
    return std::nullopt;
  };
  return std::visit(as, after);
}

bool is_birth(const entity_event& event) {
  if (const auto* of_task = std::get_if<task_event>(&event))
    return std::holds_alternative<task_submitted>(*of_task);
  const auto* of_order = std::get_if<order_event>(&event);
  // A schedule may be made again after it was deleted, so its creation need not be its birth.
  return of_order != nullptr && std::holds_alternative<order_created>(*of_order);
}

}  // namespace

result<replayed> replay_status_events(entity_store& store, shard_id shard, position_t from,
                                      size_t limit) {
  replayed out;
  out.scanned = position_t{from.value - 1};
  auto journal = store.journal(shard, from, limit);
  if (!journal)
    return std::move(journal).error();
  std::unordered_map<entity_id, std::optional<entity>> states;
  for (const auto& record : *journal) {
    out.scanned = record.position;
    if (!is_kept_in_history(record.event)) {
      // A fire, or what follows from one: the event says all, and the status does not change.
      if (auto message = message_in(record))
        out.events.emplace_back(std::move(*message));
      continue;
    }
    if (is_erasure(record.event)) {
      states.erase(record.id);
      continue;
    }
    auto [place, is_new] = states.try_emplace(record.id);
    auto& state = place->second;
    if (is_new && !is_birth(record.event)) {
      auto history = store.history(record.id);
      if (!history && history.error().code == errc::not_found) {
        states.erase(place);  // erased since, which is only done once this was published
        continue;
      }
      if (!history)
        return std::move(history).error();
      for (const auto& earlier : *history)
        if (earlier.position < record.position)
          evolve(state, earlier);
    }
    const auto before = state;
    evolve(state, record);
    if (auto event = render(before, *state, record))
      out.events.push_back(std::move(*event));
    out.scanned = record.position;
  }
  return out;
}

}  // namespace orrery::actors
