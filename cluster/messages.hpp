#pragma once
/// Every message that crosses between nodes, and those that the mesh's actors send themselves.
///
/// Only integers and bytes: what a body means is between the two handlers. A field is never given
/// another meaning; a change of these structs changes `mesh_protocol`, and nodes that differ refuse
/// each other.

#include <caf/all.hpp>
#include <cstdint>
#include <string>

namespace orrery::cluster {

/// Nodes say this to each other when they connect.
inline constexpr const char* mesh_protocol = "orrery-mesh-1";

/// From a node's caller to another node's gate.
struct wire_question {
  std::string to;  ///< The node that is meant: an address can have changed hands.
  uint8_t verb = 0;
  uint8_t kind = 0;
  uint64_t id_high = 0;
  uint64_t id_low = 0;
  uint32_t limit_ms = 0;  ///< The asker waits no longer.
  std::string body;
};
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, wire_question& x) {
  return f(caf::meta::type_name("wire_question"), x.to, x.verb, x.kind, x.id_high, x.id_low,
           x.limit_ms, x.body);
}

/// From the node that made a connection to the gate it found there: who it is, and where to ask it
/// back. Answered with a `wire_answer`.
struct wire_hello {
  std::string from;
  std::string to;
  caf::actor gate;
};
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, wire_hello& x) {
  return f(caf::meta::type_name("wire_hello"), x.from, x.to, x.gate);
}

enum class wire_status : uint8_t {
  answered = 0,  ///< By the handler; `code` and `body` are its own.
  too_large,
  busy,
  wrong_node,
  unknown_verb,
  failed,  ///< The handler could not answer.
};

/// The gate's answer.
struct wire_answer {
  uint8_t status = 0;
  uint8_t code = 0;
  std::string body;
};
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, wire_answer& x) {
  return f(caf::meta::type_name("wire_answer"), x.status, x.code, x.body);
}

/// A handler has answered; to the gate, from any thread. The ticket cannot be guessed.
struct reply_ready {
  uint64_t ticket = 0;
  uint8_t code = 0;
  std::string body;
};
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, reply_ready& x) {
  return f(caf::meta::type_name("reply_ready"), x.ticket, x.code, x.body);
}

/// A question waits in the mesh's state under this number; to the caller.
struct question_ready {
  uint64_t number = 0;
};
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, question_ready& x) {
  return f(caf::meta::type_name("question_ready"), x.number);
}

/// A peer was connected; to the caller, who watches it from now on.
struct peer_connected {
  std::string node;
};
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, peer_connected& x) {
  return f(caf::meta::type_name("peer_connected"), x.node);
}

/// Time to look for what is overdue; from each actor to itself.
struct look_around {};
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, look_around&) {
  return f(caf::meta::type_name("look_around"));
}

}  // namespace orrery::cluster

CAF_BEGIN_TYPE_ID_BLOCK(orrery_cluster, first_custom_type_id + 100)
CAF_ADD_TYPE_ID(orrery_cluster, (orrery::cluster::wire_question))
CAF_ADD_TYPE_ID(orrery_cluster, (orrery::cluster::wire_answer))
CAF_ADD_TYPE_ID(orrery_cluster, (orrery::cluster::reply_ready))
CAF_ADD_TYPE_ID(orrery_cluster, (orrery::cluster::question_ready))
CAF_ADD_TYPE_ID(orrery_cluster, (orrery::cluster::peer_connected))
CAF_ADD_TYPE_ID(orrery_cluster, (orrery::cluster::look_around))
CAF_ADD_TYPE_ID(orrery_cluster, (orrery::cluster::wire_hello))
CAF_END_TYPE_ID_BLOCK(orrery_cluster)
