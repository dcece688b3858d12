#pragma once
/// Messages about slots and attempts that cross the border between this node and others: between the
/// dispatcher, the work exchange and the tasks. None of them leaves the process; what goes to other nodes
/// is domain/ports/peers.hpp.

#include "actors/messages.hpp"
#include "domain/ports/peers.hpp"

#include <array>

namespace orrery::actors {

/// An external worker's wish for attempts.
struct lease_claim {
  uint64_t number = 0;
  std::string desk;  ///< The node that was asked.
  std::string worker;
  std::array<uint8_t, 32> seed{};  ///< Leases are derived from it; whoever does not know it cannot
                                   ///< guess them.
};

// From the dispatcher to the exchange.

/// Ask that node for slots.
struct ask_for_slots {
  std::string peer;
  std::string kind;
  uint32_t slots = 0;
};
/// Borrowed slots go back.
struct return_slots {
  std::string peer;
  std::string kind;
  uint32_t slots = 0;
};
/// That node gets this many of ours; may be none.
struct lend_slots {
  std::string peer;
  std::string kind;
  uint32_t slots = 0;
};
/// We need that many of those that node has of ours.
struct recall_slots {
  std::string peer;
  std::string kind;
  uint32_t slots = 0;
};
struct own_load {
  node_load load;
};

// From the exchange to the dispatcher.

/// How is it? Answered by `own_load`.
struct tell_load {};
struct peer_told_load {
  std::string peer;
  node_load load;
};
/// The answer to `ask_for_slots`.
struct slots_borrowed {
  std::string peer;
  std::string kind;
  uint32_t slots = 0;
};
/// That node asks for slots of ours. Answered by `lend_slots`.
struct slots_wanted {
  std::string peer;
  std::string kind;
  uint32_t slots = 0;
};
struct slots_came_back {
  std::string peer;
  std::string kind;
  uint32_t slots = 0;
};
/// That node wants its slots back.
struct slots_recalled {
  std::string peer;
  std::string kind;
  uint32_t slots = 0;
};
/// The session with that node broke: nothing borrowed or lent is left.
struct peer_gone {
  std::string peer;
};

// Between tasks and the exchange.

/// Execute there. Answered by `work_done`, once, whatever happens.
struct start_away {
  caf::actor entity;
  std::string peer;
  work_item item;
};
struct stop_away {
  entity_id id;
  attempt_token token;
  epoch_t epoch;
  stop_mode mode = stop_mode::graceful;
};
/// The attempt has that much time from now on, not its `ttl`.
struct prolong_away {
  entity_id id;
  attempt_token token;
  epoch_t epoch;
  duration left{};
};

// Of the exchange itself.

/// A packet of another node; `answer` takes the receipt.
struct peer_packet_came {
  std::string bytes;
  std::function<void(std::string)> answer;
};
struct peer_packet_answered {
  std::string peer;
  result<std::string> receipt = failure{};
};
/// Work of another node has ended here.
struct guest_ended {
  std::string owner;
  entity_id task;
  attempt_token token;
  epoch_t epoch;
  work_outcome outcome;
};
struct exchange_tick {};
/// Stops the work of others, tells them, then calls `done`; within `drain_limit`.
struct close_exchange {
  std::function<void()> done;
};

}  // namespace orrery::actors

CAF_BEGIN_TYPE_ID_BLOCK(orrery_work, first_custom_type_id + 150)
CAF_ADD_TYPE_ID(orrery_work, (orrery::actors::ask_for_slots))
CAF_ADD_TYPE_ID(orrery_work, (orrery::actors::return_slots))
CAF_ADD_TYPE_ID(orrery_work, (orrery::actors::lend_slots))
CAF_ADD_TYPE_ID(orrery_work, (orrery::actors::recall_slots))
CAF_ADD_TYPE_ID(orrery_work, (orrery::actors::own_load))
CAF_ADD_TYPE_ID(orrery_work, (orrery::actors::tell_load))
CAF_ADD_TYPE_ID(orrery_work, (orrery::actors::peer_told_load))
CAF_ADD_TYPE_ID(orrery_work, (orrery::actors::slots_borrowed))
CAF_ADD_TYPE_ID(orrery_work, (orrery::actors::slots_wanted))
CAF_ADD_TYPE_ID(orrery_work, (orrery::actors::slots_came_back))
CAF_ADD_TYPE_ID(orrery_work, (orrery::actors::slots_recalled))
CAF_ADD_TYPE_ID(orrery_work, (orrery::actors::peer_gone))
CAF_ADD_TYPE_ID(orrery_work, (orrery::actors::start_away))
CAF_ADD_TYPE_ID(orrery_work, (orrery::actors::stop_away))
CAF_ADD_TYPE_ID(orrery_work, (orrery::actors::prolong_away))
CAF_ADD_TYPE_ID(orrery_work, (orrery::actors::peer_packet_came))
CAF_ADD_TYPE_ID(orrery_work, (orrery::actors::peer_packet_answered))
CAF_ADD_TYPE_ID(orrery_work, (orrery::actors::guest_ended))
CAF_ADD_TYPE_ID(orrery_work, (orrery::actors::exchange_tick))
CAF_ADD_TYPE_ID(orrery_work, (orrery::actors::close_exchange))
CAF_END_TYPE_ID_BLOCK(orrery_work)

#define ORRERY_LOCAL_MESSAGE(name) CAF_ALLOW_UNSAFE_MESSAGE_TYPE(orrery::actors::name)
ORRERY_LOCAL_MESSAGE(ask_for_slots)
ORRERY_LOCAL_MESSAGE(return_slots)
ORRERY_LOCAL_MESSAGE(lend_slots)
ORRERY_LOCAL_MESSAGE(recall_slots)
ORRERY_LOCAL_MESSAGE(own_load)
ORRERY_LOCAL_MESSAGE(tell_load)
ORRERY_LOCAL_MESSAGE(peer_told_load)
ORRERY_LOCAL_MESSAGE(slots_borrowed)
ORRERY_LOCAL_MESSAGE(slots_wanted)
ORRERY_LOCAL_MESSAGE(slots_came_back)
ORRERY_LOCAL_MESSAGE(slots_recalled)
ORRERY_LOCAL_MESSAGE(peer_gone)
ORRERY_LOCAL_MESSAGE(start_away)
ORRERY_LOCAL_MESSAGE(stop_away)
ORRERY_LOCAL_MESSAGE(prolong_away)
ORRERY_LOCAL_MESSAGE(peer_packet_came)
ORRERY_LOCAL_MESSAGE(peer_packet_answered)
ORRERY_LOCAL_MESSAGE(guest_ended)
ORRERY_LOCAL_MESSAGE(exchange_tick)
ORRERY_LOCAL_MESSAGE(close_exchange)
#undef ORRERY_LOCAL_MESSAGE
