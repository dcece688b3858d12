#pragma once
/// Checks after a run that what was promised is so. Every fault found is one sentence.

#include "tests/sim/world.hpp"

#include <unordered_map>

namespace orrery::sim {

/// What the journal of one shard says when it is folded from its first event.
struct folded_shard {
  std::unordered_map<entity_id, std::optional<entity>> entities;
  std::vector<status_event> status_events;
  time_point schedule_paused_at{};  ///< By its owner's clock.
};

/// Positions without gaps, legal moves, one end per run, ends for starts; the views equal the fold.
folded_shard audit_journal(world& seen, shard_id shard);

/// S13: of one event, against the order before it.
void check_compensation(world& seen, const order& before, const order_step_started& event);
/// S12, S13: at rest, of all shards.
void audit_stock(world& seen, const std::vector<folded_shard>& shards);

/// All of it.
void audit(world& seen);

}  // namespace orrery::sim
