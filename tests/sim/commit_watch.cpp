#include "tests/sim/commit_watch.hpp"

#include "tests/sim/world.hpp"

#include <algorithm>

namespace orrery::sim {

namespace {

bool is_end(const entity_event& event) {
  if (const auto* of_task = std::get_if<task_event>(&event))
    return std::holds_alternative<task_succeeded>(*of_task) ||
           std::holds_alternative<task_failed>(*of_task) ||
           std::holds_alternative<task_expired>(*of_task) ||
           std::holds_alternative<task_cancelled>(*of_task);
  const auto* of_order = std::get_if<order_event>(&event);
  return of_order != nullptr && (std::holds_alternative<order_completed>(*of_order) ||
                                 std::holds_alternative<order_rejected>(*of_order) ||
                                 std::holds_alternative<order_cancelled>(*of_order) ||
                                 std::holds_alternative<order_expired>(*of_order) ||
                                 std::holds_alternative<order_compensation_failed>(*of_order) ||
                                 std::holds_alternative<order_failed>(*of_order));
}

/// The child that an event says was started; nil where it says nothing of one.
entity_id child_started_by(const entity_event& event) {
  if (const auto* of_order = std::get_if<order_event>(&event)) {
    const auto* step = std::get_if<order_step_started>(of_order);
    return step != nullptr ? step->child : entity_id{};
  }
  const auto* of_schedule = std::get_if<schedule_event>(&event);
  const auto* fire = of_schedule != nullptr ? std::get_if<schedule_fired>(of_schedule) : nullptr;
  return fire != nullptr ? fire->child : entity_id{};
}

/// An order with a flow ends once it is undone.
bool leads_back(const entity_event& event) {
  const auto* of_order = std::get_if<order_event>(&event);
  return of_order != nullptr && std::holds_alternative<order_compensation_started>(*of_order);
}

}  // namespace

size_t refusals_in(std::span<const event_record> events) {
  return static_cast<size_t>(
      std::count_if(events.begin(), events.end(), [](const event_record& record) {
        const auto* event = std::get_if<task_event>(&record.event);
        return event != nullptr && std::holds_alternative<task_submission_refused>(*event);
      }));
}

/// One batch, and what of it has been accounted for.
struct commit_watch::in_batch {
  const shard_batch& batch;
  std::unordered_map<entity_id, const entity_write*> writes;
  std::set<entity_id> explained;
  std::set<std::pair<intake, int64_t>> letters;
  std::map<entity_id, size_t> refused;  ///< Submissions under a key that another body has.
  position_t last_birth;
};

void commit_watch::wrong(const std::string& invariant, const shard_batch& batch,
                         const std::string& what) {
  world_.violated(invariant + ": commit of " + node_ + " for shard " +
                  std::to_string(batch.shard.value) + " after position " +
                  std::to_string(batch.expected.value) + ' ' + what);
}

void commit_watch::acquired(shard_id shard, epoch_t epoch) {
  auto& known = shards_[shard];
  if (epoch <= known.epoch)
    world_.violated("S5: shard " + std::to_string(shard.value) + " got epoch " +
                    std::to_string(epoch.value) + " after " + std::to_string(known.epoch.value));
  known.epoch = epoch;
}

void commit_watch::before(std::span<const shard_batch>, const std::string& node) { node_ = node; }

void commit_watch::after(std::span<const shard_batch> batches, const commit_report& report) {
  if (report.outcome != commit_outcome::done)
    return;
  for (const auto& batch : batches) {
    check(batch);
    learn(batch);
  }
}

void commit_watch::check(const shard_batch& batch) {
  const auto& known = shards_[batch.shard];
  if (batch.epoch != known.epoch)
    wrong("S5", batch,
          "under epoch " + std::to_string(batch.epoch.value) + " took effect in epoch " +
              std::to_string(known.epoch.value));
  if (batch.expected != known.position)
    wrong("S6", batch, "follows position " + std::to_string(known.position.value));
  in_batch seen{batch, {}, {}, {}, {}, {}};
  for (const auto& write : batch.writes)
    seen.writes.emplace(id_of(write.state), &write);
  for (const auto topic : {intake::orders, intake::tasks}) {
    seen.last_birth = {};
    check_offsets(seen, topic);
  }
  check_births(seen);
  for (const auto& write : batch.writes) {
    check_clocks(write);
    if (const auto told = refusals_in(write.events), due = seen.refused[id_of(write.state)];
        told != due)
      wrong("S9", batch,
            "tells of " + std::to_string(told) + " refused submissions of " +
                to_string(id_of(write.state)) + ", its records hold " + std::to_string(due));
  }
  for (const auto& letter : batch.dead_letters)
    if (!seen.letters.contains({letter.source, letter.offset}))
      wrong("S2", batch, "has a dead letter for offset " + std::to_string(letter.offset));
}

/// S2: whatever is born was asked for by a record of this commit, or is the child of an event in it; and
/// each child that an event speaks of is born here and now.
void commit_watch::check_births(const in_batch& seen) {
  const auto& batch = seen.batch;
  std::set<entity_id> children;
  for (const auto& write : batch.writes)
    for (const auto& record : write.events)
      if (const auto child = child_started_by(record.event); !child.is_nil())
        if (!children.insert(child).second || entities_.contains(child))
          wrong("S2", batch, "starts the child " + to_string(child) + " a second time");
  for (const auto& write : batch.writes) {
    const auto id = id_of(write.state);
    if (write.insert && children.erase(id) == 0 && !seen.explained.contains(id) &&
        id != world_.clients.the_schedule())
      wrong("S2", batch, "makes " + to_string(id) + ", which nothing in it asked for");
  }
  for (const auto child : children)
    wrong("S1", batch, "starts the child " + to_string(child) + " without making it");
}

void commit_watch::check_offsets(in_batch& seen, intake topic) {
  const auto& batch = seen.batch;
  const auto from = shards_[batch.shard].next[static_cast<size_t>(topic)];
  const auto to = batch.next[static_cast<size_t>(topic)];
  if (to < from)
    wrong("S1", batch, "takes the offset back to " + std::to_string(to));
  const auto records = world_.kafka.contents(topic, batch.shard, from, to);
  if (to - from > static_cast<int64_t>(records.size()))
    wrong("S1", batch, "is ahead of the log");
  for (const auto& record : records)
    check_record(seen, record);
}

/// S1: what the record asks for is in the commit that passes it, or was done before. S7: in the order of
/// the offsets.
void commit_watch::check_record(in_batch& seen, const log_record& record) {
  const auto& batch = seen.batch;
  const auto* op = world_.clients.operation_of(record);
  if (op == nullptr)
    return;  // the audit at the end says so
  const bool letter = std::any_of(
      batch.dead_letters.begin(), batch.dead_letters.end(), [&](const dead_letter& one) {
        return one.source == record.topic && one.offset == record.offset;
      });
  const auto id = world_.clients.id_of_record(*op, record);
  const auto write = seen.writes.find(id);
  const auto known = entities_.find(id);
  const auto missing = [&](const char* what) {
    wrong("S1", batch,
          "passes offset " + std::to_string(record.offset) + " (operation " +
              std::to_string(op->number) + ") without " + what);
  };
  if (letter)
    seen.letters.insert({record.topic, record.offset});
  switch (op->expects) {
    case expectation::dead_letter:
      if (!letter)
        missing("its dead letter");
      return;
    case expectation::entity_or_refusal:
      if (const auto* of_task =
              write != seen.writes.end() ? std::get_if<task>(&write->second->state) : nullptr;
          of_task != nullptr ? of_task->spec->request_hash != op->hash
                             : known != entities_.end() && known->second.hash != op->hash) {
        ++seen.refused[id];
        if (of_task == nullptr)
          missing("its refusal");
        return;
      }
      [[fallthrough]];
    case expectation::entity:
      if (write != seen.writes.end() && write->second->insert) {
        if (!seen.explained.insert(id).second)
          return;
        const auto at = write->second->events.front().position;
        if (at < seen.last_birth)
          wrong("S7", batch,
                "gives offset " + std::to_string(record.offset) +
                    " a place before that of an earlier one");
        seen.last_birth = at;
      } else if (known == entities_.end()) {
        missing("what it asks for");
      }
      return;
    case expectation::command: break;
  }
  if (op->verb != "cancel" || letter)
    return;
  const bool ended_before =
      known != entities_.end() && (known->second.ended || known->second.undone);
  const bool ends_here = write != seen.writes.end() &&
                         std::any_of(write->second->events.begin(), write->second->events.end(),
                                     [](const event_record& event) {
                                       return is_end(event.event) || leads_back(event.event);
                                     });
  if (!ended_before && !ends_here)
    missing("the cancellation");
}

/// An attempt that its time to live ended has had all of it, by a clock that nobody sets.
void commit_watch::check_clocks(const entity_write& write) {
  const auto id = id_of(write.state);
  auto started_at = std::get_if<task>(&write.state) ? entities_[id].started_at : time_point{};
  auto token = entities_[id].token;
  for (const auto& record : write.events) {
    const auto* event = std::get_if<task_event>(&record.event);
    if (event == nullptr)
      return;
    if (const auto* started = std::get_if<task_started>(event)) {
      token = started->token;
      started_at = record.at;
    }
    const auto* retried = std::get_if<task_retry_scheduled>(event);
    const auto* expired = std::get_if<task_expired>(event);
    if (!(retried && retried->reason == end_reason::ttl) &&
        !(expired && expired->clock == end_reason::ttl))
      continue;
    const auto found = attempts_.find({id, token.run, token.attempt});
    if (found == attempts_.end())
      continue;
    auto had = world_.time.now() - found->second.first;
    // Work of another node had the way there too: then the owner's own clock tells, if nobody set it.
    if (found->second.node != node_) {
      if (world_.clock_was_set_since(found->second.first - 10s))
        continue;
      had = std::max(had, record.at - started_at);
    }
    if (const auto ttl = std::get<task>(write.state).spec->ttl; had + 5ms < ttl)
      world_.violated("TTL: an attempt of " + to_string(id) + " was ended after " +
                      format_duration(had) + ", its time to live is " + format_duration(ttl));
  }
}

void commit_watch::learn(const shard_batch& batch) {
  auto& known = shards_[batch.shard];
  known.position = batch.last();
  known.next = batch.next;
  for (const auto& write : batch.writes) {
    auto& one = entities_[id_of(write.state)];
    one.ended = is_final(write.state);
    if (const auto* of_order = std::get_if<order>(&write.state))
      one.undone = of_order->status == order_status::compensating ||
                   of_order->status == order_status::compensation_failed;
    if (const auto* of_task = std::get_if<task>(&write.state)) {
      one.token = of_task->token();
      one.hash = of_task->spec->request_hash;
      one.started_at = of_task->started_at;
    }
  }
}

void commit_watch::begun(const work_item& item, const std::string& node) {
  auto& one = attempts_[{item.task, item.token.run, item.token.attempt}];
  if (one.times++ == 0) {
    one.first = world_.time.now();
    one.node = node;
  }
  if (!one.epochs.insert(item.epoch.value).second)
    world_.violated("S4: " + node + " began run " + std::to_string(item.token.run) + " attempt " +
                    std::to_string(item.token.attempt) + " of " + to_string(item.task) +
                    " twice in epoch " + std::to_string(item.epoch.value));
}

uint32_t commit_watch::times_begun(entity_id id, attempt_token token) const {
  const auto found = attempts_.find({id, token.run, token.attempt});
  return found == attempts_.end() ? 0 : found->second.times;
}

}  // namespace orrery::sim
