#pragma once
/// When the owner of a shard must look at a row.

#include "base/time.hpp"

namespace orrery {

/// `wake_at` of what somebody must look at as soon as the shard has an owner, by whatever clock: what ran,
/// what waits for a slot, what waits for others. An instant that the writer's clock gave would not do: had
/// that clock run ahead, an owner whose clock is right would leave the row alone until then.
/// Before all others, and one for all, so that a move between such states leaves the index as it is.
inline constexpr time_point at_once{duration{1}};

}  // namespace orrery
