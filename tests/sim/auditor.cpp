#include "tests/sim/auditor.hpp"

#include <algorithm>
#include <unordered_set>

namespace orrery::sim {

namespace {

std::string number(int64_t value) { return std::to_string(value); }

/// Everything published: nothing missing, nothing else, repeats only where there was a reason.
void audit_topics(world& seen, shard_id shard, const std::vector<status_event>& expected) {
  const auto where = " of shard " + number(shard.value);
  std::map<position_t, const status_event*> by_position;
  for (const auto& event : expected)
    by_position[position_of(event)] = &event;
  // What an owner that was cut off still publishes makes the topic end earlier for whoever looks next.
  struct told {
    const publication* by = nullptr;
    uint64_t excuses = 0;
  };
  std::map<position_t, told> latest;
  position_t highest;
  uint64_t zombies = 0;
  for (const auto& call : seen.publications[shard]) {
    zombies += call.zombie;
    const auto excuses = call.excuses + zombies;
    position_t within;
    for (const auto& event : call.events) {
      const auto at = position_of(event);
      if (at <= within)
        seen.violated("S10: position " + number(at.value) + where + " published out of order");
      within = at;
      const auto known = by_position.find(at);
      if (known == by_position.end() || *known->second != event) {
        seen.violated("S10: position " + number(at.value) + where +
                      " published, not in the journal so");
        continue;
      }
      if (const auto before = latest.find(at); before != latest.end()) {
        const auto other = std::exchange(before->second, {&call, excuses});
        if (other.excuses == excuses && !other.by->zombie && !call.zombie)
          seen.violated("S10: position " + number(at.value) + where + " published twice by " +
                        call.node + " without a reason");
        continue;
      }
      if (at < highest)
        seen.violated("S10: position " + number(at.value) + where + " published after " +
                      number(highest.value));
      highest = std::max(highest, at);
      latest.emplace(at, told{&call, excuses});
    }
  }
  for (const auto& [at, event] : by_position)
    if (!latest.contains(at))
      seen.violated("S10: position " + number(at.value) + where + " was never published");
}

struct intended {
  std::unordered_set<entity_id> entities;
  std::set<std::tuple<intake, shard_id, int64_t>> letters;
  std::map<size_t, size_t> records;  ///< Per operation.
  std::map<entity_id, std::string> hashes;
  std::map<entity_id, size_t> refusals;  ///< Submissions with another body than the first.
};

/// What the records of one partition ask for.
void read_log(world& seen, intake topic, shard_id shard, intended& wanted) {
  for (const auto& record : seen.kafka.contents(topic, shard)) {
    const auto* op = seen.clients.operation_of(record);
    if (op == nullptr) {
      seen.violated("S2: a record that nobody sent");
      continue;
    }
    if (++wanted.records[op->number] > 1 && !op->given)
      seen.violated("S9: operation " + std::to_string(op->number) + " lies in the log twice");
    const auto id = seen.clients.id_of_record(*op, record);
    switch (op->expects) {
      case expectation::dead_letter: wanted.letters.insert({topic, shard, record.offset}); break;
      case expectation::entity: wanted.entities.insert(id); break;
      case expectation::entity_or_refusal:
        wanted.entities.insert(id);
        if (wanted.hashes.try_emplace(id, op->hash).first->second != op->hash)
          ++wanted.refusals[id];
        break;
      case expectation::command: break;
    }
  }
}

void audit_acknowledged(world& seen) {
  for (const auto& op : seen.clients.operations()) {
    if (!op.place)
      continue;
    const auto at = op.place->offset;
    const auto records = seen.kafka.contents(op.topic, op.shard, at, at + 1);
    if (records.empty() || seen.clients.operation_of(records.front()) != &op)
      seen.violated("S1: operation " + std::to_string(op.number) +
                    " was acknowledged and is not there");
  }
}

/// S1: the schedule fired for each second until it was paused, however often its owner died.
void audit_schedule(world& seen, const folded_shard& folded) {
  const auto found = folded.entities.find(seen.clients.the_schedule());
  if (found == folded.entities.end() || !found->second)
    return;
  const auto& s = std::get<schedule>(*found->second);
  if (s.status != schedule_status::paused)
    seen.violated("L1: the schedule is not paused");
  else if (std::max(s.last_at, s.created_at) + 5s < folded.schedule_paused_at)
    seen.violated("L1: the schedule was paused at " + format_time(folded.schedule_paused_at) +
                  ", and had fired last for " + format_time(s.last_at));
}

/// S1: no wish for a new run took effect more often than it was made.
void audit_reruns(world& seen, const folded_shard& folded) {
  std::map<entity_id, size_t> wished;
  for (const auto& op : seen.clients.operations())
    if (op.verb == "rerun" || std::holds_alternative<rerun_task>(op.wish) ||
        std::holds_alternative<resume_task>(op.wish))
      ++wished[op.id];
  for (const auto& [id, state] : folded.entities) {
    const auto* of_task = state ? std::get_if<task>(&*state) : nullptr;
    if (of_task != nullptr && of_task->run > 1 + wished[id])
      seen.violated("S1: " + to_string(id) + " is in run " + std::to_string(of_task->run) +
                    " after " + std::to_string(wished[id]) + " wishes for another");
  }
}

void audit_dead_letters(world& seen, const intended& wanted) {
  std::set<std::tuple<intake, shard_id, int64_t>> found;
  const auto letters = seen.reader->dead_letters(1'000'000);
  for (const auto& letter : *letters) {
    const std::tuple key{letter.source, letter.shard, letter.offset};
    const auto place = " of shard " + number(letter.shard.value) + " offset " +
                       number(letter.offset) + ": " + letter.reason;
    if (!found.insert(key).second)
      seen.violated("S1: a second dead letter" + place);
    if (!wanted.letters.contains(key))
      seen.violated("S2: an unexpected dead letter" + place);
  }
  for (const auto& key : wanted.letters)
    if (!found.contains(key))
      seen.violated("S1: no dead letter for shard " + number(std::get<1>(key).value) + " offset " +
                    number(std::get<2>(key)));
}

/// S9: who came second under a key with another body is told, each time.
void audit_refusals(world& seen, const intended& wanted) {
  for (const auto& id : wanted.entities) {
    const auto found = wanted.refusals.find(id);
    const auto due = found == wanted.refusals.end() ? 0 : found->second;
    const auto history = seen.reader->history(id);
    if (!history)
      continue;  // lost: told of by S1
    const auto told = refusals_in(*history);
    if (told != due)
      seen.violated("S9: " + to_string(id) + " tells of " + std::to_string(told) +
                    " refused submissions, the log holds " + std::to_string(due));
  }
}

/// Nothing is left in memory: all work is done.
void audit_nodes(world& seen) {
  for (const auto& node : seen.nodes) {
    if (!node)
      continue;
    const auto& probe = node->probe();
    const auto expect = [&](const char* what, uint64_t is, uint64_t should) {
      if (is != should)
        seen.violated("L3: " + node->name() + ": " + what + " is " + std::to_string(is) + ", not " +
                      std::to_string(should));
    };
    const auto owned = static_cast<uint64_t>(
        std::count(seen.owners.begin(), seen.owners.end(),
                   std::optional(static_cast<size_t>(&node - seen.nodes.data()))));
    expect("shards owned", probe.shards_owned, owned);
    expect("entities live", probe.entities_live, 0);
    expect("slots used", probe.slots_used, 0);
    expect("ready tasks", probe.ready_tasks, 0);
    expect("outbox backlog", probe.outbox_backlog, 0);
    expect("work running", node->work_running(), 0);
    expect("actors", node->actors_running(), owned);
    // Each shard looks ahead, and a supervisor or two of the node.
    if (const auto timeouts = node->timeouts(); timeouts > 4 + 3 * owned)
      seen.violated("L3: " + node->name() + ": " + std::to_string(timeouts) +
                    " timeouts are waited for with " + std::to_string(owned) + " shards");
  }
}

/// What the journal says of those that the violations name, and of their children, for whoever reads the
/// trace.
void explain(world& seen, const std::vector<folded_shard>& shards) {
  std::set<entity_id> named;
  constexpr size_t length = 36;
  for (const auto& text : seen.violations())
    for (size_t at = text.find('-'); at != std::string::npos; at = text.find('-', at + 1))
      if (at >= 8 && at - 8 + length <= text.size() && named.size() < 6)
        if (const auto id = parse_entity_id(std::string_view(text).substr(at - 8, length)))
          named.insert(*id);
  for (const auto& shard : shards)
    for (const auto& [id, state] : shard.entities)
      if (state && named.contains(parent_of(*state)))
        named.insert(id);
  for (const auto& id : named) {
    const auto history = seen.reader->history(id);
    if (!history)
      continue;
    seen.explain(to_string(id) + ':');
    for (const auto& one : *history)
      seen.explain("  " + number(one.position.value) + ' ' + format_time(one.at) + ' ' +
                   std::string(name_of(one.event)));
  }
}

}  // namespace

void audit(world& seen) {
  intended wanted;
  std::unordered_set<entity_id> born;
  std::vector<folded_shard> shards;
  for (uint16_t s = 0; s < seen.how.shards; ++s) {
    const shard_id shard{s};
    const auto& folded = shards.emplace_back(audit_journal(seen, shard));
    audit_topics(seen, shard, folded.status_events);
    audit_reruns(seen, folded);
    audit_schedule(seen, folded);
    // Children, and the schedule, are watched at the commits that make them.
    for (const auto& [id, state] : folded.entities)
      if (!state || (parent_of(*state).is_nil() && id != seen.clients.the_schedule()))
        born.insert(id);
    for (const auto topic : {intake::orders, intake::tasks})
      read_log(seen, topic, shard, wanted);
  }
  for (const auto& id : wanted.entities)
    if (!born.contains(id))
      seen.violated("S1: entity " + to_string(id) + " was sent and does not exist");
  for (const auto& id : born)
    if (!wanted.entities.contains(id))
      seen.violated("S2: entity " + to_string(id) + " exists and was never sent");
  audit_acknowledged(seen);
  audit_dead_letters(seen, wanted);
  audit_refusals(seen, wanted);
  audit_stock(seen, shards);
  audit_nodes(seen);
  explain(seen, shards);
}

}  // namespace orrery::sim
