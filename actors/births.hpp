#pragma once
/// Children on their way into the world: what a decision starts, as first events and states.

#include "actors/messages.hpp"

namespace orrery::actors {

/// Decides the first events of a child. A failure is of its spec.
result<birth> bear(const child_start& start, entity_id parent, time_point now);

}  // namespace orrery::actors
