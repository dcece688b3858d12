#include "persistence/sqlite/embedded_sink.hpp"

#include <algorithm>
#include <map>
#include <set>

namespace orrery {

namespace {

/// Answers that may wait for their turn; one more is refused as `busy`.
constexpr size_t answers_max = 100'000;

position_t position_of(const status_event& event) {
  return std::visit([](const auto& e) { return e.position; }, event);
}

/// Folds one entity's history and keeps the status events of the wanted positions.
template <class Entity, class Event>
void fold(const std::vector<event_record>& history, const std::set<position_t>& wanted,
          std::vector<status_event>& out) {
  std::optional<Entity> before;
  for (const auto& record : history) {
    auto after = before;
    evolve(after, record.id, std::get<Event>(record.event), record.at);
    if (wanted.contains(record.position))
      if (auto event = status_event_of(before, *after, record))
        out.push_back(status_event{std::move(*event)});
    before = std::move(after);
  }
}

}  // namespace

embedded_sink::embedded_sink(store& where)
    : reader_(where.open_reader()), answers_("sink", answers_max) {}

void embedded_sink::publish(shard_id /*shard*/, std::vector<status_event> /*events*/,
                            std::function<void(result<void>)> done) {
  answer(std::move(done));
}

void embedded_sink::publish_dead_letters(std::vector<dead_letter> /*letters*/,
                                         std::function<void(result<void>)> done) {
  answer(std::move(done));
}

void embedded_sink::answer(std::function<void(result<void>)> done) {
  if (!answers_.submit([done] { done({}); }))
    done(failure{errc::busy, "the sink's queue is full"});
}

result<event_sink::tails> embedded_sink::last_published(shard_id shard,
                                                        const publishing_state& /*known*/,
                                                        duration /*timeout*/) {
  const std::lock_guard lock(guard_);
  const auto rows = reader_->shards();
  if (!rows)
    return rows.error();
  tails last{};
  for (const auto& row : *rows)
    if (row.shard == shard && row.position > position_t{0})
      last.fill(row.position);
  return last;
}

result<std::vector<status_event>> embedded_sink::read(shard_id shard, position_t from,
                                                      size_t limit) {
  const std::lock_guard lock(guard_);
  std::vector<status_event> events;
  while (events.empty()) {
    const auto records = reader_->journal(shard, from, limit);
    if (!records)
      return records.error();
    if (records->empty())
      break;
    if (auto ok = append_status_events(*records, events); !ok)
      return std::move(ok).error();
    from = position_t{records->back().position.value + 1};
  }
  return events;
}

result<void> embedded_sink::append_status_events(const std::vector<event_record>& records,
                                                 std::vector<status_event>& out) {
  std::map<entity_id, std::set<position_t>> wanted;
  for (const auto& record : records) {
    // The fires of schedules are in the journal only; the message of one stands in its event.
    if (auto message = message_in(record))
      out.emplace_back(std::move(*message));
    if (is_kept_in_history(record.event))
      wanted[record.id].insert(record.position);
  }
  for (const auto& [id, positions] : wanted) {
    const auto history = reader_->history(id);
    if (!history && history.error().code == errc::not_found)
      continue;  // erased by retention
    if (!history)
      return history.error();
    switch (kind_of(history->front().event)) {
      case entity_kind::task: fold<task, task_event>(*history, positions, out); break;
      case entity_kind::order: fold<order, order_event>(*history, positions, out); break;
      case entity_kind::schedule: fold<schedule, schedule_event>(*history, positions, out); break;
    }
  }
  std::sort(out.begin(), out.end(),
            [](const auto& a, const auto& b) { return position_of(a) < position_of(b); });
  return {};
}

}  // namespace orrery
