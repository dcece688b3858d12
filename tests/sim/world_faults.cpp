/// What goes wrong with nodes, lines and clocks, and how shards change their owner.

#include "tests/sim/world.hpp"

#include <algorithm>

namespace orrery::sim {

void world::crash(size_t which) {
  if (!nodes[which])
    return;
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
    nodes[*from]->cut_log(time.now() + chance.between(100ms, 8s), false);
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

void world::faults() {
  if (how.calm)
    return;
  fault_of_a_node();
  fault_of_the_log();
  fault_of_a_line();
  fault_of_a_clock();
  if (how.planted == mistake::cancel_by_read_then_write)
    clients.cancel_by_what_was_read();
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

/// A node is cut off from the store or from the log, in one direction or in both.
void world::fault_of_a_line() {
  const auto which = chance.below(nodes.size());
  if (!nodes[which] || nodes[which]->paused())
    return;
  const auto until = time.now() + chance.between(50ms, 12s);
  if (chance.below(10'000) < how.store_cuts) {
    const bool one_way = chance.hits(500);
    const auto* name = one_way ? "partition node-store, one way" : "partition node-store";
    ++outcome_.faults[name];
    note(std::string(name) + " of node " + std::to_string(which));
    nodes[which]->cut_store(one_way ? store_cut::replies : store_cut::requests, until);
  }
  if (chance.below(10'000) < how.log_cuts) {
    const bool one_way = chance.hits(500);
    const auto* name = one_way ? "partition node-log, one way" : "partition node-log";
    ++outcome_.faults[name];
    note(std::string(name) + " of node " + std::to_string(which));
    nodes[which]->cut_log(until, !one_way);
    if (until - time.now() < 3s)
      return;  // back before the group noticed
    for (uint16_t s = 0; s < how.shards; ++s)
      if (owners[s] == which)
        steal(shard_id{s});
  }
}

/// Somebody, or a time service, sets the clock of one machine.
void world::fault_of_a_clock() {
  const auto which = chance.below(nodes.size());
  if (!nodes[which] || chance.below(10'000) >= how.clock_jumps)
    return;
  ++outcome_.faults["clock jump"];
  clock_set_at_ = time.now();
  if (chance.hits(300)) {
    note("the clock of node " + std::to_string(which) + " is set right");
    return nodes[which]->set_clock_right();
  }
  auto by = chance.hits(700) ? chance.between(100ms, 30s) : chance.between(1min, 10min);
  if (chance.hits(500))
    by = -by;
  note("the clock of node " + std::to_string(which) + " jumps by " +
       format_duration(by < 0us ? -by : by) + (by < 0us ? " back" : ""));
  nodes[which]->jump_clock(by);
  const auto away = nodes[which]->time().now() - time.now();
  jumped_ = std::max(jumped_, away < 0us ? -away : away);
}

/// A run in which nothing went wrong would say nothing.
void world::one_fault_at_least() {
  if (!outcome_.faults.empty() || how.calm)
    return;
  for (size_t i = 0; i < nodes.size(); ++i)
    if (nodes[i])
      return crash(i);
}

}  // namespace orrery::sim
