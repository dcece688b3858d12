#pragma once
/// One life of a node, from start to crash: all its actors in an actor system of its own, over twins.

#include "actors/limit_board.hpp"
#include "actors/node.hpp"
#include "bridge/memory/memory_log.hpp"
#include "tests/sim/network_twin.hpp"
#include "tests/sim/stock_twin.hpp"
#include "tests/sim/twins.hpp"

#include <caf/scheduler/test_coordinator.hpp>

namespace orrery::sim {

class sim_node {
public:
  /// `name` is the node's; `ahead` is how far its wall clock is ahead of the world's.
  sim_node(world& around, std::string name, duration ahead);
  /// Kills everything at once: what was not durable is forgotten.
  ~sim_node();
  sim_node(const sim_node&) = delete;
  sim_node& operator=(const sim_node&) = delete;

  /// One message, one callback, one commit. False: nothing can be done before time passes.
  bool step();
  void advance(duration length);
  /// Frozen, as by SIGSTOP: nothing runs, and the timers fire when it goes on.
  void pause(bool frozen);
  bool paused() const { return paused_; }

  /// Hears nothing of the log until then; `both`: nor does what it sends arrive.
  void cut_log(time_point until, bool both);
  bool reaches_log() const;
  void cut_store(store_cut how, time_point until);
  /// Somebody sets the machine's clock.
  void jump_clock(duration by);
  /// The machine's clock is right again.
  void set_clock_right();
  /// Nothing is cut off any more.
  void mend();

  const std::string& name() const { return name_; }
  memory_log& log() { return log_; }
  caf::actor bridge() const { return bridge_; }
  caf::actor exchange() const { return context_.exchange; }
  caf::actor desk() const { return context_.desk; }
  const actors::node_probe& probe() const { return context_.probe; }
  const clock& time() const { return time_; }
  size_t work_running() const { return work_.running(); }
  /// Actors beyond the supervisors.
  size_t actors_running();
  /// Timeouts that somebody waits for.
  size_t timeouts() const { return scheduler_.clock().schedule().size(); }
  bool revoking() const { return revoking_; }
  /// Once per revocation: whether the shard was given back in order.
  bool has_left(shard_id shard) { return !revoking_ && left_.erase(shard) > 0; }

private:
  struct config : caf::actor_system_config {
    config();
  };
  class listener;

  bool run_actor();
  bool step_log();

  world& world_;
  const std::string name_;
  virtual_clock time_;
  memory_log log_;
  sink_twin sink_;
  store_twin store_;
  writer_twin writer_;
  reads_twin reads_;
  work_twin work_;
  stock_twin stock_;
  network_twin network_;
  config settings_;
  caf::actor_system system_;
  caf::scheduler::test_coordinator& scheduler_;
  size_t actors_at_start_ = 0;
  actors::limit_board board_;
  actors::node_context context_;
  caf::actor bridge_;
  std::unique_ptr<listener> listener_;
  duration owed_{};
  bool paused_ = false;
  bool gone_ = false;
  bool revoking_ = false;
  uint64_t revocation_ = 0;
  std::set<shard_id> left_;
  time_point revoke_until_{};
  time_point log_cut_until_{};
  bool log_cut_both_ = false;
  time_point store_cut_until_{};
  duration still_{};  ///< For so long the actors' clock stands (a planted mistake).
};

}  // namespace orrery::sim
