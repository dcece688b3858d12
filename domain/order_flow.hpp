#pragma once
/// How an order with a flow decides: which steps begin, and what is undone when it cannot go on.
/// Part of domain/order.cpp, in a file of its own.

#include "domain/order.hpp"

namespace orrery::detail {

inline constexpr const char* refused_submission =
    "a submission was refused: the same Idempotency-Key came with another body";

/// For an order whose flow has begun.
result<decision<order_event>> decide_with_flow(const order& o, const order_command& command,
                                               time_point now);
/// The flow begins.
result<decision<order_event>> begin(const order& o, const begin_flow& wish, time_point now);

/// Whether a step must be undone when the order cannot be fulfilled.
bool needs_undoing(const order& o, size_t step);

}  // namespace orrery::detail
