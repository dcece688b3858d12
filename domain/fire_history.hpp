#pragma once
/// The fires of a schedule as the journal tells them: all that there ever were, in pages.

#include "domain/ports/store.hpp"

namespace orrery {

struct past_fire {
  position_t position;
  schedule_fire fire;
  bool outcome_known = true;  ///< False where what it started is no longer kept.

  friend bool operator==(const past_fire&, const past_fire&) = default;
};

struct fire_page {
  std::vector<past_fire> items;  ///< Newest first. May be empty though there are more.
  position_t next;               ///< Go on before this one; 0 = there are no more.
};

/// Up to `limit` fires before position `before` (0 = from the end of the journal) that the schedule's row
/// does not list itself (`schedule::recent`). Looks at up to 20,000 events of the shard, so a page of a
/// schedule that fires seldom in a busy shard may be short. Blocks as the store does. `not_found`: there is
/// no such schedule.
result<fire_page> read_fires(entity_store& store, entity_id id, position_t before, size_t limit);

}  // namespace orrery
