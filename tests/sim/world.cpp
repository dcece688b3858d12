#include "tests/sim/world.hpp"

#include "tests/sim/auditor.hpp"

#include <algorithm>

namespace orrery::sim {

namespace {

constexpr size_t trace_lines = 5000;
constexpr auto rest_limit = std::chrono::minutes{10};

position_t position_of(const status_event& event) {
  return std::visit([](const auto& e) { return e.position; }, event);
}
entity_id id_of_event(const status_event& event) {
  if (const auto* t = std::get_if<task_status_event>(&event))
    return t->task_id;
  return std::get<order_status_event>(event).order_id;
}

}  // namespace

world::world(options wish)
    : how(wish), chance(wish.seed), owners(wish.shards), wake_(wish.nodes, never) {
  nodes.resize(how.nodes);
  truth.on_call([this](std::string_view) {
    return reads_fail ? result<void>(failure{errc::unavailable, "the store is away"})
                      : result<void>{};
  });
}

world::~world() { nodes.clear(); }

verdict world::run() {
  (void)truth.migrate(how.shards);
  for (size_t i = 0; i < how.nodes; ++i)
    start_node(i);
  for (uint16_t s = 0; s < how.shards; ++s)
    assign(shard_id{s}, chance.below(how.nodes));
  const auto begun = time.now();
  const auto pace = static_cast<uint32_t>(how.operations * 25'000'000ULL /
                                          static_cast<uint64_t>(how.length.count()));
  while (time.now() - begun < how.length || clients.begun() < how.operations) {
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
  heal();
  come_to_rest();
  audit(*this);
  for (const auto& op : clients.operations()) {
    ++outcome_.operations;
    outcome_.succeeded += op.succeeded;
  }
  if (outcome_.succeeded * 2 < outcome_.operations)
    violated("most operations failed: the run says nothing (" + std::to_string(outcome_.succeeded) +
             " of " + std::to_string(outcome_.operations) + ')');
  outcome_.virtual_time = time.now() - begun;
  for (auto& node : nodes)
    node.reset();
  return outcome_;
}

void world::note(const std::string& what) {
  trace_.push_back(std::to_string(micros(time.now()) % 1'000'000'000) + ' ' + what);
  if (trace_.size() > trace_lines)
    trace_.pop_front();
  mix(trace_.back());
}

void world::remark(std::string_view event, std::string_view line) {
  (void)event;
  const auto at = line.find("event=");
  trace_.push_back("    " + std::string(line.substr(at == std::string_view::npos ? 0 : at)));
}

duration world::lateness() const { return how.pauses > 0 ? 1h : how.skew_max + 100ms; }

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

void world::acquired(shard_id shard, epoch_t epoch, const std::string& node) {
  acquirers[shard] = node;
  if (given_back_.erase(shard) == 0)
    excuse(shard);  // what the former owner had under way may still arrive
  note(node + " acquires shard " + std::to_string(shard.value) + " epoch " +
       std::to_string(epoch.value));
}

void world::committed(const std::string& node, const commit_report& report) {
  note(node + " commit " + std::to_string(static_cast<int>(report.outcome)) + ' ' + report.detail);
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

void world::work_started(const work_item& item) {
  note("work " + to_string(item.task) + ' ' + std::to_string(item.token.run) + '/' +
       std::to_string(item.token.attempt));
  ++starts[{item.task, item.token.run, item.token.attempt}];
}

void world::told(const entity& state) {
  const auto version = [](const entity& e) {
    return std::visit([](const auto& one) { return one.version; }, e);
  };
  const auto id = id_of(state);
  const auto found = reader->load(std::span(&id, 1));
  if (!found || found->empty() || version(found->front()) < version(state))
    violated("a client was told of a state of " + to_string(id) + " that is not stored");
}

// Nodes and shards.

void world::start_node(size_t which) {
  note("node " + std::to_string(which) + " starts");
  wake_[which] = never;
  const auto ahead = how.skew_max == 0us ? 0us : chance.between(0us, how.skew_max);
  nodes[which] = std::make_unique<sim_node>(*this, "n" + std::to_string(which), ahead);
  (void)nodes[which]->log().prepare(how.shards);
}

void world::crash(size_t which) {
  note("node " + std::to_string(which) + " crashes");
  ++outcome_.faults["crash"];
  excuse_all();
  nodes[which].reset();
  wake_[which] = time.now() + chance.between(10ms, 10s);
  for (auto& owner : owners)
    if (owner == which)
      owner.reset();
  std::erase_if(moves_, [&](const move& one) { return one.from == which; });
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

/// The owner is thought dead: it hears of it late, and another takes over at once.
void world::steal(shard_id shard) {
  const auto from = owners[shard.value];
  const auto to = any_up();
  if (!from || !to || !nodes[*from])
    return;
  ++outcome_.faults["steal"];
  note("shard " + std::to_string(shard.value) + " is stolen from node " + std::to_string(*from));
  excuse(shard);
  std::erase_if(moves_, [&](const move& one) { return one.shard == shard; });
  if (chance.hits(500))
    nodes[*from]->cut_log(time.now() + chance.between(100ms, 8s));
  kafka.revoke(nodes[*from]->name(), {shard}, true);
  assign(shard, *to);
}

void world::begin_move(shard_id shard) {
  const auto from = owners[shard.value];
  if (!from || !nodes[*from] || nodes[*from]->paused() || nodes[*from]->revoking())
    return;
  ++outcome_.faults["move"];
  note("shard " + std::to_string(shard.value) + " leaves node " + std::to_string(*from));
  kafka.revoke(nodes[*from]->name(), {shard}, false);
  owners[shard.value].reset();
  moves_.push_back({shard, *from, chance.below(nodes.size()), time.now()});
}

void world::follow_moves() {
  for (size_t i = 0; i < moves_.size();) {
    const auto one = moves_[i];
    if (nodes[one.from]->has_left(one.shard)) {
      moves_.erase(moves_.begin() + static_cast<ptrdiff_t>(i));
      if (time.now() - one.begun < 4s)  // the outbox has no longer patience
        given_back_.insert(one.shard);
      if (nodes[one.to])
        assign(one.shard, one.to);
    } else {
      ++i;
    }
  }
}

void world::adopt_orphans() {
  for (uint16_t s = 0; s < how.shards; ++s) {
    const bool moving = std::any_of(moves_.begin(), moves_.end(),
                                    [&](const move& one) { return one.shard.value == s; });
    if (owners[s] || moving || !(healed_ || chance.hits(50)))
      continue;
    if (const auto to = any_up())
      assign(shard_id{s}, *to);
  }
}

void world::bring_back() {
  for (size_t i = 0; i < nodes.size(); ++i) {
    if (wake_[i] == never || time.now() < wake_[i])
      continue;
    if (!nodes[i]) {
      start_node(i);
    } else {
      note("node " + std::to_string(i) + " goes on");
      nodes[i]->pause(false);
      wake_[i] = never;
    }
  }
}

// Time.

bool world::step_any() {
  ++outcome_.steps;
  if (wires.step())
    return true;
  const auto first = chance.below(nodes.size());
  for (size_t i = 0; i < nodes.size(); ++i)
    if (auto& node = nodes[(first + i) % nodes.size()]; node && node->step())
      return true;
  return false;
}

void world::advance(duration length) {
  time.now_ += length;
  for (auto& node : nodes)
    if (node)
      node->advance(length);
  bring_back();
  follow_moves();
  adopt_orphans();
}

void world::faults() {
  fault_of_a_node();
  fault_of_the_log();
  const shard_id shard{static_cast<uint16_t>(chance.below(how.shards))};
  if (chance.below(10'000) < how.moves)
    begin_move(shard);
  if (chance.below(10'000) < how.steals)
    steal(shard);
  if (chance.below(10'000) < how.mesh_cuts)
    cut_off(chance.below(nodes.size()));
}

/// The others do not hear of this node, nor it of them; the log and the store it still reaches.
void world::cut_off(size_t which) {
  if (!nodes[which])
    return;
  ++outcome_.faults["mesh cut"];
  note("node " + std::to_string(which) + " is cut off from the others");
  wires.cut(nodes[which]->name(), time.now() + chance.between(50ms, 10s));
}

void world::fault_of_a_node() {
  const auto which = chance.below(nodes.size());
  if (!nodes[which] || nodes[which]->paused())
    return;
  if (chance.below(10'000) < how.crashes)
    return crash(which);
  if (chance.below(10'000) >= how.pauses)
    return;
  note("node " + std::to_string(which) + " is frozen");
  ++outcome_.faults["pause"];
  nodes[which]->pause(true);
  wake_[which] = time.now() + chance.between(50ms, 15s);
  if (chance.hits(300))
    return;  // back before anybody noticed
  for (uint16_t s = 0; s < how.shards; ++s)
    if (owners[s] == which)
      steal(shard_id{s});
}

void world::fault_of_the_log() {
  if (log_back_at_ != never) {
    if (time.now() < log_back_at_)
      return;
    log_back_at_ = never;
    kafka.go_away(false);
    kafka.hold_acknowledgements(false);
  }
  const bool away = strikes(how.log_away, "log away");
  if (!away && !strikes(how.log_holds, "acknowledgements held"))
    return;
  away ? kafka.go_away(true) : kafka.hold_acknowledgements(true);
  log_back_at_ = time.now() + chance.between(50ms, 2s);
}

// The end.

void world::heal() {
  note("healed");
  healed_ = true;
  kafka.go_away(false);
  kafka.hold_acknowledgements(false);
  for (size_t i = 0; i < nodes.size(); ++i) {
    if (!nodes[i] || nodes[i]->paused())
      wake_[i] = time.now();
    if (nodes[i])
      nodes[i]->cut_log(never);
    wires.cut("n" + std::to_string(i), never);
  }
}

/// What is still to be done; empty where nothing is.
std::string world::unrest() {
  for (uint16_t s = 0; s < how.shards; ++s) {
    const shard_id shard{s};
    if (!owners[s])
      return "shard " + std::to_string(s) + " has no owner";
    const auto rows = reader->shards();
    const auto row = std::find_if(rows->begin(), rows->end(),
                                  [&](const shard_row& one) { return one.shard == shard; });
    for (const auto topic : {intake::orders, intake::tasks}) {
      const auto end = static_cast<int64_t>(kafka.contents(topic, shard).size());
      if (row == rows->end() || row->next[static_cast<size_t>(topic)] != end)
        return "records of shard " + std::to_string(s) + " are unread";
    }
    const auto due = reader->due(shard, time_point::max(), {}, 1);
    if (!due->empty())
      return "entity " + to_string(due->front().id) + " has not come to rest: status " +
             std::string(status_text(due->front().kind, due->front().status));
  }
  return {};
}

void world::come_to_rest() {
  const auto limit = time.now() + rest_limit;
  for (;;) {
    for (size_t n = 0; step_any(); ++n)
      if (n > 2'000'000)
        return violated("the nodes never come to rest");
    const auto left = unrest();
    if (left.empty())
      break;
    if (time.now() > limit)
      return violated("after ten minutes " + left);
    advance(50ms);
  }
  // Then what is repeated, published later, or leaves memory after a while.
  for (const auto until = time.now() + 20s; time.now() < until; advance(100ms))
    while (step_any()) {
    }
}

}  // namespace orrery::sim
