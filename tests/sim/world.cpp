#include "tests/sim/world.hpp"

#include "persistence/memory/memory_stock.hpp"
#include "tests/sim/auditor.hpp"

#include <algorithm>

namespace orrery::sim {

namespace {

/// L1: until every shard has an owner and every record is read, and until all work has ended.
constexpr auto backlog_limit = 30s;
constexpr auto rest_limit = 10min;

entity_id id_of_event(const status_event& event) {
  if (const auto* t = std::get_if<task_status_event>(&event))
    return t->task_id;
  if (const auto* o = std::get_if<order_status_event>(&event))
    return o->order_id;
  if (const auto* s = std::get_if<schedule_status_event>(&event))
    return s->schedule_id;
  return std::get<scheduled_message>(event).schedule_id;
}

}  // namespace

world::world(options wish)
    : how(wish), chance(wish.seed), owners(wish.shards), wake_(wish.nodes, never) {
  nodes.resize(how.nodes);
  if (how.calm)
    healed_ = true;
  truth.on_call([this](std::string_view) {
    return reads_fail ? result<void>(failure{errc::unavailable, "the store is away"})
                      : result<void>{};
  });
}

world::~world() { nodes.clear(); }

verdict world::run() {
  (void)truth.migrate(how.shards);
  for (const auto& [product, units] : products_of_shop)
    (void)memory_stock(truth).open_stock()->create({product, units, {}, {}, {}}, time.now());
  for (size_t i = 0; i < how.nodes; ++i)
    start_node(i);
  for (uint16_t s = 0; s < how.shards; ++s)
    assign(shard_id{s}, chance.below(how.nodes));
  began_ = time.now();
  const auto pace = static_cast<uint32_t>(how.operations * 25'000'000ULL /
                                          static_cast<uint64_t>(how.length.count()));
  // Where hardly anything got through, the clients go on, and so do the faults: else the run would say nothing.
  const auto goes_on = [&] {
    const auto so_far = time.now() - began_;
    return so_far < how.length || clients.begun() < how.operations ||
           (so_far < 4 * how.length && clients.succeeded() * 2 < clients.begun());
  };
  while (goes_on()) {
    bool idle = false;
    for (auto n = 1 + chance.below(60); n > 0 && !idle; --n)
      idle = !step_any();
    if (!idle && !chance.hits(100))
      continue;
    advance(chance.between(1ms, 50ms));
    if (chance.hits(pace))
      clients.act();
    faults();
  }
  one_fault_at_least();
  heal();
  come_to_rest();
  audit(*this);
  outcome_.operations = clients.begun();
  outcome_.succeeded = clients.succeeded();
  if (outcome_.succeeded * 2 < outcome_.operations)
    violated("most operations failed: the run says nothing (" + std::to_string(outcome_.succeeded) +
             " of " + std::to_string(outcome_.operations) + ')');
  if (outcome_.faults.empty())
    violated("no fault happened: the run says nothing");
  outcome_.virtual_time = time.now() - began_;
  for (auto& node : nodes)
    node.reset();
  return outcome_;
}

void world::note(const std::string& what) {
  trace_.push_back(std::to_string(micros(time.now()) % 1'000'000'000) + ' ' + what);
  if (trace_.size() > trace_lines_)
    trace_.pop_front();
  mix(trace_.back());
}

void world::remark(std::string_view event, std::string_view line) {
  (void)event;
  const auto at = line.find("event=");
  trace_.push_back("    " + std::string(line.substr(at == std::string_view::npos ? 0 : at)));
}

duration world::lateness() const {
  return how.pauses > 0 || jumped_ > 0us ? 1h : how.skew_max + 100ms;
}

void world::mix(std::string_view what) {
  for (const char c : what)
    outcome_.hash = (outcome_.hash ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
}

void world::violated(const std::string& what) {
  note("VIOLATION " + what);
  outcome_.violations.push_back(what);
}

bool world::strikes(uint32_t per_mille, std::string_view fault) {
  if (healed_ || per_mille == 0 || !chance.hits(per_mille))
    return false;
  if (!fault.empty()) {
    ++outcome_.faults[std::string(fault)];
    note("fault: " + std::string(fault));
  }
  return true;
}

void world::excuse(shard_id shard) { ++excuses[shard]; }

void world::excuse_all() {
  for (uint16_t s = 0; s < how.shards; ++s)
    excuse(shard_id{s});
}

// What the twins tell.

void world::await_point(const std::string& node, std::string_view what) {
  if (!strikes(how.crash_at_await, ""))
    return;
  for (size_t i = 0; i < nodes.size(); ++i)
    if (nodes[i] && nodes[i]->name() == node)
      doomed_ = i;
  const auto fault = "crash: " + std::string(what);
  ++outcome_.faults[fault];
  note("fault: " + fault);
}

void world::acquired(shard_id shard, epoch_t epoch, const std::string& node) {
  watch.acquired(shard, epoch);
  acquirers[shard] = node;
  if (given_back_.erase(shard) == 0)
    excuse(shard);  // what the former owner had under way may still arrive
  note(node + " acquires shard " + std::to_string(shard.value) + " epoch " +
       std::to_string(epoch.value));
}

publication world::publishing(const std::string& node, shard_id shard,
                              const std::vector<status_event>& events) {
  for (const auto& event : events) {
    const auto at = position_of(event);
    const auto found = reader->journal(shard, at, 1);
    if (!found || found->empty() || found->front().position != at ||
        found->front().id != id_of_event(event))
      violated(node + " published position " + std::to_string(at.value) + " of shard " +
               std::to_string(shard.value) + " before its commit");
  }
  note(node + " publishes shard " + std::to_string(shard.value) + ' ' +
       std::to_string(position_of(events.front()).value) + ".." +
       std::to_string(position_of(events.back()).value));
  return {node, events, excuses[shard], acquirers[shard] != node};
}

void world::published(shard_id shard, publication call) {
  call.zombie |= acquirers[shard] != call.node;
  mix(std::to_string(micros(std::visit([](const auto& e) { return e.at; }, call.events.back()))));
  publications[shard].push_back(std::move(call));
}

void world::revocation_began(shard_id shard, bool lost) {
  if (lost)
    excuse(shard);
}

void world::work_started(const work_item& item, const std::string& node) {
  note("work " + to_string(item.task) + ' ' + std::to_string(item.token.run) + '/' +
       std::to_string(item.token.attempt) + " on " + node);
  watch.begun(item, node);
}

void world::told(const entity& state, uint64_t seen) {
  const auto id = id_of(state);
  const auto found = reader->load(std::span(&id, 1));
  if (!found || found->empty() || version_of(found->front()) < version_of(state))
    violated("S1: a client was told of a state of " + to_string(id) + " that is not stored");
  if (version_of(state) < seen)
    violated("S8: a client was told of version " + std::to_string(version_of(state)) + " of " +
             to_string(id) + " when version " + std::to_string(seen) + " was known");
  clients.heard(state);
}

// Nodes and shards.

void world::start_node(size_t which) {
  note("node " + std::to_string(which) + " starts");
  wake_[which] = never;
  const auto ahead = how.skew_max == 0us ? 0us : chance.between(0us, how.skew_max);
  nodes[which] = std::make_unique<sim_node>(*this, "n" + std::to_string(which), ahead);
  (void)nodes[which]->log().prepare(how.shards);
}

std::optional<size_t> world::any_up() {
  std::vector<size_t> up;
  for (size_t i = 0; i < nodes.size(); ++i)
    if (nodes[i] && !nodes[i]->paused())
      up.push_back(i);
  if (up.empty())
    return std::nullopt;
  return up[chance.below(up.size())];
}

void world::assign(shard_id shard, size_t to) {
  note("shard " + std::to_string(shard.value) + " to node " + std::to_string(to));
  owners[shard.value] = to;
  kafka.assign(nodes[to]->name(), {shard});
}

// Time.

bool world::step_any() {
  ++outcome_.steps;
  if (wires.step())
    return true;
  const auto first = chance.below(nodes.size());
  bool did = false;
  for (size_t i = 0; i < nodes.size() && !did; ++i)
    if (auto& node = nodes[(first + i) % nodes.size()]; node && node->step())
      did = true;
  if (doomed_)
    crash(*std::exchange(doomed_, std::nullopt));
  return did;
}

void world::advance(duration length) {
  time.now_ += length;
  for (auto& node : nodes)
    if (node)
      node->advance(length);
  clients.try_again();
  clients.tend();
  bring_back();
  follow_moves();
  adopt_orphans();
}

// The end.

void world::heal() {
  note("healed");
  healed_ = true;
  healed_at = time.now();
  kafka.go_away(false);
  kafka.hold_acknowledgements(false);
  for (size_t i = 0; i < nodes.size(); ++i) {
    if (!nodes[i] || nodes[i]->paused())
      wake_[i] = time.now();
    if (nodes[i])
      nodes[i]->mend();
    wires.cut("n" + std::to_string(i), never);
  }
}

std::string world::what_is_next(intake topic, shard_id shard, int64_t offset) {
  const auto records = kafka.contents(topic, shard, offset, offset + 1);
  const auto* op = records.empty() ? nullptr : clients.operation_of(records.front());
  return op == nullptr ? std::string()
                       : " from operation " + std::to_string(op->number) + " on, " +
                             to_string(op->id) + ": " + op->value.substr(0, 500);
}

/// What is unread or without an owner; empty where nothing is.
std::string world::backlog() {
  const auto rows = reader->shards();
  for (uint16_t s = 0; s < how.shards; ++s) {
    const shard_id shard{s};
    if (!owners[s])
      return "shard " + std::to_string(s) + " has no owner";
    const auto row = std::find_if(rows->begin(), rows->end(),
                                  [&](const shard_row& one) { return one.shard == shard; });
    for (const auto topic : {intake::orders, intake::tasks})
      if (row == rows->end() || row->next[static_cast<size_t>(topic)] != kafka.end_of(topic, shard))
        return "records of shard " + std::to_string(s) + " are unread" +
               (row == rows->end()
                    ? ""
                    : what_is_next(topic, shard, row->next[static_cast<size_t>(topic)]));
  }
  return {};
}

/// What has not ended; empty where everything has. A compensation that failed waits for a person.
std::string world::unrest() {
  constexpr auto given_up = static_cast<uint8_t>(order_status::compensation_failed);
  for (uint16_t s = 0; s < how.shards; ++s) {
    const auto due = reader->due(shard_id{s}, time_point::max(), {}, 1000);
    for (const auto& row : *due)
      if (row.kind != entity_kind::order || row.status != given_up)
        return "entity " + to_string(row.id) + " has not come to rest: status " +
               std::string(status_text(row.kind, row.status));
  }
  return {};
}

void world::come_to_rest() {
  bool read = false;
  for (;;) {
    for (size_t n = 0; step_any(); ++n)
      if (n > 2'000'000)
        return violated("the nodes never come to rest");
    const auto since = time.now() - *healed_at;
    if (!read) {
      const auto left = backlog();
      read = left.empty();
      if (!read && since > backlog_limit)
        return violated("L1: thirty seconds after all was well " + left);
    }
    const auto left = read ? unrest() : "unread";
    if (left.empty())
      break;
    if (since > rest_limit + 2 * jumped_)
      return violated("L1: long after all was well " + left);
    advance(since < backlog_limit ? 50ms : 200ms);
  }
  at_rest = true;
  // Then what is repeated, published later, or leaves memory after a while.
  const auto rested = time.now();
  const auto in_memory = [&] {
    return std::any_of(nodes.begin(), nodes.end(),
                       [](const auto& node) { return node && node->probe().entities_live > 0; });
  };
  // An order that waits for a person is looked at now and then, and leaves again. Timers of shards that have
  // left are over by then too: a scan looks thirty seconds ahead.
  for (; time.now() < rested + 35s || (in_memory() && time.now() < rested + 45s); advance(100ms))
    while (step_any()) {
    }
}

}  // namespace orrery::sim
