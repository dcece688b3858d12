#pragma once
/// Stock: what can be sold, what is set aside for orders under way, and what orders have taken.
///
/// Pure. A unit of a product is, at every moment, in exactly one place: available, held (set aside by a
/// reservation whose success is not yet in the journal), taken (by an order that was confirmed), or
/// released (on its way back to available). docs/decisions/0017 says why, and what is one transaction.

#include "domain/ids.hpp"

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

namespace orrery {

enum class reservation_state : uint8_t {
  held = 0,
  taken,
  released,  ///< Given back by its order; not yet counted among what is available.
  closed,    ///< Counted.
};

struct product_stock {
  std::string product;
  int64_t available = 0;
  int64_t held = 0;
  int64_t taken = 0;
  int64_t released = 0;
  time_point updated_at{};

  friend bool operator==(const product_stock&, const product_stock&) = default;
};

/// One reservation; its task is its key.
struct stock_hold {
  entity_id task;
  entity_id order;
  std::string product;
  int64_t quantity = 1;

  friend bool operator==(const stock_hold&, const stock_hold&) = default;
};

enum class hold_outcome : uint8_t { granted, too_little, unknown_product };

/// What the success of a built-in step moves; committed with it, in both databases or in none.
struct stock_movement {
  entity_id task;
  bool release = false;   ///< Else what `task` holds is taken.
  entity_id reservation;  ///< Released: what this task holds or has taken; nil: all that follows.
  entity_id order;
  std::string product;

  friend bool operator==(const stock_movement&, const stock_movement&) = default;
};

struct known_reservation {
  reservation_state state = reservation_state::held;
  int64_t quantity = 0;
};

/// How a batch of wishes for stock is met.
struct hold_plan {
  std::vector<hold_outcome> outcomes;    ///< One per wish.
  std::vector<size_t> fresh;             ///< Wishes that get a row.
  std::vector<size_t> again;             ///< Wishes whose row is closed and becomes held.
  std::vector<size_t> kept;              ///< Wishes whose row is released and becomes held.
  std::map<std::string, int64_t> takes;  ///< From what is available, by product.
};

/// First come, first served; who asks for more than is left gets nothing, and the next may still.
/// `available` has the products that exist, `known` the reservations that exist.
hold_plan plan_holds(std::span<const stock_hold> wishes,
                     const std::map<std::string, int64_t>& available,
                     const std::map<entity_id, known_reservation>& known);

}  // namespace orrery
