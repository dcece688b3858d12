#include "domain/fire_history.hpp"

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

namespace orrery {

namespace {

constexpr int64_t window = 2'000;
constexpr int windows_max = 10;

fire_outcome outcome_of_row(const entity& row) {
  if (!is_final(row))
    return fire_outcome::running;
  switch (end_of(row).outcome) {
    case child_outcome::succeeded: return fire_outcome::succeeded;
    case child_outcome::failed: return fire_outcome::failed;
    case child_outcome::expired: return fire_outcome::expired;
    case child_outcome::cancelled: break;
  }
  return fire_outcome::cancelled;
}

const shared_value<schedule_spec>* spec_in(const schedule_event& event) {
  if (const auto* created = std::get_if<schedule_created>(&event))
    return &created->spec;
  if (const auto* updated = std::get_if<schedule_updated>(&event))
    return &updated->spec;
  return nullptr;
}

/// When a fire was due: by the jitter of the definition that was in force.
time_point due_of(const schedule_fired& fired, const event_record& record,
                  const std::vector<event_record>& history) {
  if (fired.kind != fire_kind::scheduled && fired.kind != fire_kind::catch_up)
    return fired.at;
  auto due = fired.at;
  for (const auto& earlier : history) {
    if (earlier.position > record.position)
      break;
    if (const auto* spec = spec_in(std::get<schedule_event>(earlier.event)))
      due = with_jitter(**spec, record.id, fired.at);
  }
  return due;
}

/// What became of what they started, by its rows as they are now.
result<void> look_up_outcomes(entity_store& store, std::vector<past_fire>& fires) {
  std::vector<entity_id> children;
  for (const auto& one : fires)
    if (one.fire.outcome == fire_outcome::running)
      children.push_back(one.fire.child);
  if (children.empty())
    return {};
  auto rows = store.load(children);
  if (!rows)
    return std::move(rows).error();
  std::unordered_map<entity_id, fire_outcome> ends;
  for (const auto& row : *rows)
    ends[id_of(row)] = outcome_of_row(row);
  for (auto& one : fires) {
    if (one.fire.outcome != fire_outcome::running)
      continue;
    const auto found = ends.find(one.fire.child);
    one.outcome_known = found != ends.end();
    if (one.outcome_known)
      one.fire.outcome = found->second;
  }
  return {};
}

result<position_t> end_of_journal(entity_store& store, shard_id shard) {
  const auto rows = store.shards();
  if (!rows)
    return rows.error();
  for (const auto& row : *rows)
    if (row.shard == shard)
      return row.position;
  return position_t{};
}

struct fire_reader {
  entity_store& store;
  entity_id id;
  std::vector<event_record> history;     ///< Oldest first.
  std::unordered_set<entity_id> listed;  ///< By the row.

  /// Adds the fires of one window, newest first; false where `limit` is reached: go on before the last.
  bool take(const std::vector<event_record>& events, size_t limit, fire_page& page) const {
    for (auto record = events.rbegin(); record != events.rend(); ++record) {
      const auto* event = record->id == id ? std::get_if<schedule_event>(&record->event) : nullptr;
      const auto* fired = event != nullptr ? std::get_if<schedule_fired>(event) : nullptr;
      if (fired == nullptr || listed.contains(fired->child))
        continue;
      page.items.push_back(
          {record->position,
           {fired->at, record->at, due_of(*fired, *record, history), fired->kind,
            fired->followed ? fire_outcome::running : fire_outcome::started, fired->child, 0},
           true});
      page.next = record->position;
      if (page.items.size() >= limit)
        return false;
    }
    return true;
  }
};

}  // namespace

result<fire_page> read_fires(entity_store& store, entity_id id, position_t before, size_t limit) {
  const auto row = store.load(std::span(&id, 1));
  if (!row)
    return row.error();
  if (row->empty() || !std::holds_alternative<schedule>(row->front()))
    return failure{errc::not_found, "there is no such schedule"};
  auto history = store.history(id);
  if (!history)
    return std::move(history).error();
  fire_reader reader{store, id, std::move(*history), {}};
  for (const auto& fire : std::get<schedule>(row->front()).recent)
    reader.listed.insert(fire.child);
  // Nothing of it lies before its creation.
  const auto birth = reader.history.empty() ? position_t{1} : reader.history.front().position;

  auto end = before;
  if (end.value == 0) {
    auto last = end_of_journal(store, id.shard());
    if (!last)
      return std::move(last).error();
    end = position_t{last->value + 1};
  }
  fire_page page;
  for (int n = 0; n < windows_max && end > birth; ++n) {
    const position_t from{std::max(birth.value, end.value - window)};
    auto events = store.journal(id.shard(), from, static_cast<size_t>(end.value - from.value));
    if (!events)
      return std::move(events).error();
    // As many as whole commits hold: some may lie behind the window.
    std::erase_if(*events, [&](const auto& one) { return one.position >= end; });
    if (!reader.take(*events, limit, page))
      break;
    page.next = end = from;
  }
  if (page.next <= birth)
    page.next = {};
  if (auto ok = look_up_outcomes(store, page.items); !ok)
    return std::move(ok).error();
  return page;
}

}  // namespace orrery
