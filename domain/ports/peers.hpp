#pragma once
/// What nodes tell each other about work: how loaded they are, slots lent and given back, attempts
/// handed over and how they ended.
///
/// The owner of a shard supervises its tasks; any node's free slots may execute them. An attempt that was
/// handed over belongs to the session between the two nodes: when the session breaks, the node that
/// executes stops the work, and the owner takes the attempt for lost.

#include "domain/ports/executor.hpp"

#include <functional>
#include <string>
#include <variant>
#include <vector>

namespace orrery {

/// Slots of a node for one kind of task.
struct kind_load {
  std::string kind;
  uint64_t slots = 0;    ///< It has.
  uint64_t used = 0;     ///< By work of its own shards and of others.
  uint64_t lent = 0;     ///< Of those, by other nodes.
  uint64_t waiting = 0;  ///< Tasks of its shards that wait for a slot.
  duration oldest{};     ///< How long the oldest of them has waited.

  friend bool operator==(const kind_load&, const kind_load&) = default;
};
/// Tasks of a node's shards that wait in one queue for one kind.
struct queue_load {
  std::string queue;
  std::string kind;
  uint64_t waiting = 0;
  duration oldest{};

  friend bool operator==(const queue_load&, const queue_load&) = default;
};
struct node_load {
  std::vector<kind_load> kinds;
  std::vector<queue_load> queues;  ///< The deepest; at most `queues_told`.

  friend bool operator==(const node_load&, const node_load&) = default;
};
inline constexpr size_t queues_told = 100;

namespace peer {

struct load {
  node_load of;
};
/// Slots of this kind are wanted. Answered by `lend`, also with none.
struct borrow {
  std::string kind;
  uint32_t slots = 0;
};
struct lend {
  std::string kind;
  uint32_t slots = 0;
};
/// Borrowed slots are not used any more.
struct give_back {
  std::string kind;
  uint32_t slots = 0;
};
/// The lender needs that many itself; they come back when what runs in them has ended.
struct recall {
  std::string kind;
  uint32_t slots = 0;
};
/// An attempt to execute, in a borrowed slot.
struct start {
  work_item item;
};
struct stop {
  entity_id task;
  attempt_token token;
  epoch_t epoch;
  stop_mode mode = stop_mode::graceful;
};
/// Nothing is left of the work.
struct ended {
  entity_id task;
  attempt_token token;
  epoch_t epoch;
  work_outcome outcome;
  bool interrupted = false;  ///< The node that executed it stops in order.
};

/// Something between two parts of the nodes that this layer only carries, in order with the rest.
struct note {
  uint32_t what = 0;  ///< codec/peer_notes.hpp numbers them.
  std::string body;
};

}  // namespace peer

using peer_message = std::variant<peer::load, peer::borrow, peer::lend, peer::give_back,
                                  peer::recall, peer::start, peer::stop, peer::ended, peer::note>;

/// Several messages of one node to another, in order, within a session.
struct peer_packet {
  std::string from;
  uint64_t session = 0;  ///< Of the sender: later ones are greater.
  uint64_t of = 0;       ///< The receiver's session as the sender knows it; 0 = not yet.
  uint64_t number = 0;   ///< Of the packet within the session, from 1.
  std::vector<peer_message> messages;
};
/// The answer to a packet.
struct peer_receipt {
  uint64_t session = 0;  ///< Of the receiver.
  bool taken = false;    ///< Else the sender must begin a new session.
};

/// Carries packets. Thread-safe; `done` runs exactly once, on any thread.
class peer_network {
public:
  virtual ~peer_network() = default;
  virtual void send(const std::string& node, std::string packet, duration limit,
                    std::function<void(result<std::string>)> done) = 0;
  /// Names of the nodes that can be reached now.
  virtual std::vector<std::string> reachable() const = 0;
};

}  // namespace orrery
