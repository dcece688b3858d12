#pragma once
/// What the submitter of an order wished. Fixed for the life of the order.

#include "base/time.hpp"
#include "domain/ids.hpp"

#include <cstdint>
#include <string>

namespace orrery {

struct order_spec {
  std::string product;
  int64_t quantity = 1;
  std::string customer;
  std::string flow;       ///< Empty = none.
  duration expires_in{};  ///< 0 = never expires.
  std::string metadata;   ///< A JSON object as text; empty = none.
  std::string reference;
  std::string traceparent;
  std::string request_hash;
  entity_id parent{};  ///< The entity that started it; nil = none. Never taken from outside.

  friend bool operator==(const order_spec&, const order_spec&) = default;
};

}  // namespace orrery
