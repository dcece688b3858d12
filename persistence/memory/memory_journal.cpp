#include "persistence/memory/memory_state.hpp"

#include "base/check.hpp"
#include "domain/unique_key.hpp"

#include <algorithm>

namespace orrery {

namespace {

shard_tenure tenure_of(const shard_row& row) {
  return {row.shard, row.epoch, row.position, row.next, row.counts, row.published};
}

std::vector<event_record> in_order(const shard_batch& batch) {
  std::vector<event_record> events;
  for (const auto& write : batch.writes)
    events.insert(events.end(), write.events.begin(), write.events.end());
  std::sort(events.begin(), events.end(),
            [](const auto& a, const auto& b) { return a.position < b.position; });
  return events;
}

}  // namespace

result<shard_tenure> memory_journal::acquire(shard_id shard, std::string_view owner,
                                             time_point /*now*/) {
  if (auto ok = state_->may("acquire"); !ok)
    return std::move(ok).error();
  const std::lock_guard lock(state_->guard);
  if (shard.value >= state_->shard_count)
    return failure{errc::invalid, "the store has no shard " + std::to_string(shard.value)};
  auto& row = state_->shards[shard.value].row;
  row.shard = shard;
  row.owner = owner;
  ++row.epoch.value;
  return tenure_of(row);
}

commit_report memory_journal::commit(std::span<const shard_batch> batches) {
  for (size_t i = 0; i < batches.size(); ++i)
    for (size_t j = 0; j < i; ++j)
      CHECK(batches[i].shard != batches[j].shard, "a commit holds one batch per shard");
  const std::lock_guard lock(state_->guard);
  ++state_->commits;
  planned_fault fault{commit_outcome::done, false};
  if (const auto planned = state_->faults.find(state_->commits); planned != state_->faults.end()) {
    fault = planned->second;
    state_->faults.erase(planned);
  }
  commit_report report{fault.outcome, {}, {}};
  if (fault.outcome == commit_outcome::refused) {
    for (const auto& batch : batches)
      report.refused.push_back(batch.shard);
    return report;
  }
  if (fault.outcome == commit_outcome::failed)
    return {commit_outcome::failed, {}, "a planned fault"};
  if (auto refused = stale(batches); !refused.empty())
    return {commit_outcome::refused, std::move(refused), "epoch, position or offsets had moved"};
  for (const auto& batch : batches)
    if (!state_->stock.can(batch.stock))
      return {commit_outcome::failed, {}, "stock: a success of what holds nothing"};
  if (fault.outcome == commit_outcome::done || fault.applied)
    for (const auto& batch : batches)
      apply(batch);
  if (fault.outcome == commit_outcome::unknown)
    report.detail = "a planned fault";
  return report;
}

std::vector<shard_id> memory_journal::stale(std::span<const shard_batch> batches) const {
  std::vector<shard_id> refused;
  for (const auto& batch : batches) {
    const auto found = state_->shards.find(batch.shard.value);
    if (found == state_->shards.end() || found->second.row.epoch != batch.epoch ||
        found->second.row.position != batch.expected ||
        found->second.row.next != batch.expected_next)
      refused.push_back(batch.shard);
  }
  return refused;
}

void memory_journal::note_key(const entity& e, bool present) {
  const auto* t = std::get_if<task>(&e);
  if (t == nullptr || !may_hold_key(*t))
    return;
  auto& ids = state_->keys[{t->id.shard().value, held_as(*t->spec)}];
  if (present)
    ids.emplace(t->created_at, t->id);
  else
    ids.erase({t->created_at, t->id});
}

void memory_journal::forget(const entity& e) {
  const auto id = id_of(e);
  note_key(e, false);
  state_->shards[id.shard().value].due.erase({wake_at(e), id});
  const auto created = std::visit([](const auto& one) { return one.created_at; }, e);
  state_->by_creation[static_cast<size_t>(kind_of(e))].erase({created, id});
}

void memory_journal::apply(const shard_batch& batch) {
  auto& shard = state_->shards[batch.shard.value];
  auto events = in_order(batch);
  for (size_t i = 0; i < events.size(); ++i)
    CHECK(events[i].position.value == batch.expected.value + static_cast<int64_t>(i) + 1,
          "the events of a batch follow each other without a gap");
  if (!events.empty()) {
    shard.journal.insert(shard.journal.end(), std::make_move_iterator(events.begin()),
                         std::make_move_iterator(events.end()));
    shard.commits.push_back(batch.last());
  }
  for (const auto& write : batch.writes) {
    const auto id = id_of(write.state);
    const auto found = state_->entities.find(id);
    if (write.erase) {
      CHECK(found != state_->entities.end(), "what is erased exists");
      forget(found->second.state);
      state_->entities.erase(found);
      continue;
    }
    CHECK((found == state_->entities.end()) == write.insert, "insert says whether it is new");
    auto& stored = state_->entities[id];
    if (!write.insert) {
      shard.due.erase({wake_at(stored.state), id});
      note_key(stored.state, false);
    }
    stored.state = write.state;
    note_key(stored.state, true);
    std::copy_if(write.events.begin(), write.events.end(), std::back_inserter(stored.history),
                 [](const event_record& e) { return is_kept_in_history(e.event); });
    if (const auto at = wake_at(stored.state); at != never)
      shard.due.emplace(at, id);
    const auto created = std::visit([](const auto& e) { return e.created_at; }, stored.state);
    state_->by_creation[static_cast<size_t>(kind_of(stored.state))].emplace(created, id);
  }
  for (const auto& letter : batch.dead_letters) {
    auto& one = state_->letters.emplace_back();
    one.number = static_cast<int64_t>(state_->letters.size());
    one.letter = letter;
  }
  for (const auto& moved : batch.moved) {
    auto& tasks = state_->queues[{moved.queue, moved.task_kind}];
    for (size_t i = 0; i < task_statuses; ++i)
      tasks[i] += moved.tasks[i];
  }
  state_->stock.move(batch.stock);
  shard.row.position = batch.last();
  shard.row.next = batch.next;
  shard.row.counts = batch.counts;
}

result<shard_tenure> memory_journal::inspect(shard_id shard) {
  if (auto ok = state_->may("inspect"); !ok)
    return std::move(ok).error();
  const std::lock_guard lock(state_->guard);
  const auto found = state_->shards.find(shard.value);
  if (found == state_->shards.end())
    return failure{errc::not_found, "nobody has owned shard " + std::to_string(shard.value)};
  return tenure_of(found->second.row);
}

result<void> memory_journal::mark_published(shard_id shard, epoch_t epoch, position_t upto) {
  if (auto ok = state_->may("mark_published"); !ok)
    return ok;
  const std::lock_guard lock(state_->guard);
  const auto found = state_->shards.find(shard.value);
  if (found == state_->shards.end() || found->second.row.epoch != epoch)
    return failure{errc::conflict, "shard " + std::to_string(shard.value) + " has another owner"};
  auto& published = found->second.row.published;
  published = std::max(published, upto);
  return {};
}

result<void> memory_journal::mark_copied(shard_id shard, std::span<const int64_t> numbers) {
  if (auto ok = state_->may("mark_copied"); !ok)
    return ok;
  const std::lock_guard lock(state_->guard);
  for (const auto number : numbers)
    if (auto& one = state_->letters.at(static_cast<size_t>(number - 1)); one.letter.shard == shard)
      one.copied = true;
  return {};
}

}  // namespace orrery
