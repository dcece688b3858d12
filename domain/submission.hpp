#pragma once
/// What somebody submits, and what he is told once it is durable.

#include "domain/events.hpp"

#include <string>

namespace orrery {

struct submission {
  entity_kind kind = entity_kind::task;
  std::string id_text;          ///< The client's own id; empty = one is made.
  std::string idempotency_key;  ///< Empty = none.
  std::string principal;        ///< Who submits; part of the idempotency key's meaning.
  entity_command command;       ///< submit_task or submit_order.
};

struct accepted {
  entity_kind kind = entity_kind::task;
  entity_id id;
  std::string reference;
  shard_id shard;
  int64_t offset = 0;  ///< Of the record in the intake log.
  bool deduplicated = false;
};

}  // namespace orrery
