#pragma once
/// The root of a node's actors: starts them in order and stops them in order.
///
/// Supervisors (dispatcher, TTL, tick, outbox, bridge) hold only what can be rebuilt from the store. One
/// of them ending unasked is a fault of the program: the node says so and stops, and whoever runs it
/// starts it again; nothing is lost by that.

#include "actors/bridge.hpp"
#include "actors/context.hpp"

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>

namespace orrery::actors {

/// Registers the messages and sets the scheduler: to be called on the configuration of the system.
void configure(caf::actor_system_config& config, size_t threads);

class node {
public:
  /// `fatal` is called, from any thread, when the node cannot go on.
  node(caf::actor_system& system, node_context& context, std::function<void(failure)> fatal);
  ~node();

  /// Spawns the actors and joins the log.
  result<void> start();
  /// Leaves the log, gives running work back, commits and publishes, ends the actors. Idempotent.
  void stop();

  /// A packet of another node about work (domain/ports/peers.hpp); `answer` takes the receipt.
  void take_packet(std::string bytes, std::function<void(std::string)> answer);

  /// Has the mailboxes of the actors measured; the figures come to the context's probe. Thread-safe.
  void sample_mailboxes();

  /// The shard's actor, where it lives here; null otherwise. `found` runs on an actor's thread.
  void find_shard(shard_id shard, std::function<void(caf::actor)> found);

private:
  caf::actor_system& system_;
  node_context& context_;
  std::function<void(failure)> fatal_;
  caf::actor root_;
  caf::actor bridge_;
  caf::actor sweeper_;
  std::unique_ptr<bridge_listener> listener_;
  bool started_ = false;
};

}  // namespace orrery::actors
