#pragma once
/// Messages about external workers: between the front door, the worker desk, the dispatcher and the tasks.
/// None of them leaves the process; what goes to other nodes is domain/ports/peers.hpp.

#include "actors/quota.hpp"
#include "actors/work_messages.hpp"
#include "domain/ports/workers.hpp"

namespace orrery::actors {

// To the desk, from the front door.

struct poll_for_work {
  lease_wish wish;
  std::array<uint8_t, 32> seed{};
  std::function<void(result<lease_answer>)> reply;
};
/// A worker reported on a lease; answered with what is wanted of it.
struct worker_spoke {
  std::string worker;
  std::function<void(worker_orders)> reply;
};
struct give_orders {
  std::string worker;
  worker_orders orders;
  bool passed_on = false;  ///< Another node told us.
};
struct list_workers {
  std::function<void(std::vector<worker_row>)> reply;
};

// From the desk to a dispatcher, here or (through the exchange) elsewhere.

/// Takes up to `max` waiting tasks that suit the worker. Answered by `work_claimed`, at once.
struct claim_work {
  std::shared_ptr<const lease_claim> claim;
  lease_wish wish;
};
/// For which work somebody waits at that node's desk. Replaces what it said before.
struct want_work {
  std::string desk;
  std::vector<lease_wish> wishes;
};

// From a dispatcher to a desk.

struct work_claimed {
  std::string desk;
  uint64_t claim = 0;
  uint32_t tasks = 0;
};
/// There is work for which the desk said somebody waits.
struct work_available {
  std::string desk;
  std::string at;  ///< The node that has it; empty = this one.
  std::string queue;
  std::string kind;
  uint32_t tasks = 0;
};

// From a task to a desk.

/// The start is durable: this may be handed to the worker. Answered by `lease_taken`.
struct work_leased {
  std::string desk;
  uint64_t claim = 0;
  leased_task item;
  caf::actor entity;  ///< Null where it came from another node.
  std::string from;   ///< That node.
};
/// The grant came to nothing.
struct lease_declined {
  std::string desk;
  uint64_t claim = 0;
};
/// Whether the worker that asked was still there. To the task, which else takes the attempt back.
struct lease_taken {
  std::string owner;  ///< Where the task is; empty = this node.
  entity_id task;
  attempt_token token;
  bool taken = false;
};

struct desk_tick {};

/// The worker of a slot that an external worker holds.
inline const std::string worker_outside = "*";

// Rules.

/// The board has other rules than before. To the dispatcher.
struct rules_changed {};
/// The dispatcher's own next look at buckets and shares. Only the one planned last counts.
struct look_again {
  uint64_t number = 0;
};
/// To a shard: this key has more than it may. The `newest` waiting task is cancelled, or, where that is
/// nil, of those that run the ones submitted first, until at most `most - 1` are left.
struct cut_back {
  std::string queue;
  std::string limit_key;
  entity_id newest;
  uint32_t most = 0;
};
struct quota_to_peer {
  std::string peer;
  quota_note note;
};
struct quota_from_peer {
  std::string peer;
  quota_note note;
};
/// A note for another node. To the exchange.
struct tell_peer {
  std::string peer;
  peer::note note;
};

}  // namespace orrery::actors

CAF_BEGIN_TYPE_ID_BLOCK(orrery_workers, first_custom_type_id + 200)
CAF_ADD_TYPE_ID(orrery_workers, (orrery::actors::poll_for_work))
CAF_ADD_TYPE_ID(orrery_workers, (orrery::actors::worker_spoke))
CAF_ADD_TYPE_ID(orrery_workers, (orrery::actors::give_orders))
CAF_ADD_TYPE_ID(orrery_workers, (orrery::actors::list_workers))
CAF_ADD_TYPE_ID(orrery_workers, (orrery::actors::claim_work))
CAF_ADD_TYPE_ID(orrery_workers, (orrery::actors::want_work))
CAF_ADD_TYPE_ID(orrery_workers, (orrery::actors::work_claimed))
CAF_ADD_TYPE_ID(orrery_workers, (orrery::actors::work_available))
CAF_ADD_TYPE_ID(orrery_workers, (orrery::actors::work_leased))
CAF_ADD_TYPE_ID(orrery_workers, (orrery::actors::lease_declined))
CAF_ADD_TYPE_ID(orrery_workers, (orrery::actors::lease_taken))
CAF_ADD_TYPE_ID(orrery_workers, (orrery::actors::desk_tick))
CAF_ADD_TYPE_ID(orrery_workers, (orrery::actors::rules_changed))
CAF_ADD_TYPE_ID(orrery_workers, (orrery::actors::look_again))
CAF_ADD_TYPE_ID(orrery_workers, (orrery::actors::cut_back))
CAF_ADD_TYPE_ID(orrery_workers, (orrery::actors::quota_to_peer))
CAF_ADD_TYPE_ID(orrery_workers, (orrery::actors::quota_from_peer))
CAF_ADD_TYPE_ID(orrery_workers, (orrery::actors::tell_peer))
CAF_END_TYPE_ID_BLOCK(orrery_workers)

#define ORRERY_LOCAL_MESSAGE(name) CAF_ALLOW_UNSAFE_MESSAGE_TYPE(orrery::actors::name)
ORRERY_LOCAL_MESSAGE(poll_for_work)
ORRERY_LOCAL_MESSAGE(worker_spoke)
ORRERY_LOCAL_MESSAGE(give_orders)
ORRERY_LOCAL_MESSAGE(list_workers)
ORRERY_LOCAL_MESSAGE(claim_work)
ORRERY_LOCAL_MESSAGE(want_work)
ORRERY_LOCAL_MESSAGE(work_claimed)
ORRERY_LOCAL_MESSAGE(work_available)
ORRERY_LOCAL_MESSAGE(work_leased)
ORRERY_LOCAL_MESSAGE(lease_declined)
ORRERY_LOCAL_MESSAGE(lease_taken)
ORRERY_LOCAL_MESSAGE(desk_tick)
ORRERY_LOCAL_MESSAGE(rules_changed)
ORRERY_LOCAL_MESSAGE(look_again)
ORRERY_LOCAL_MESSAGE(cut_back)
ORRERY_LOCAL_MESSAGE(quota_to_peer)
ORRERY_LOCAL_MESSAGE(quota_from_peer)
ORRERY_LOCAL_MESSAGE(tell_peer)
#undef ORRERY_LOCAL_MESSAGE
