#pragma once
/// Status events made again from the journal: for a publisher that must go on where another stopped.

#include "domain/messages.hpp"
#include "domain/ports/event_sink.hpp"

namespace orrery::actors {

struct replayed {
  std::vector<status_event> events;  ///< Positions rising.
  position_t scanned;                ///< Everything up to here has been looked at.
};

/// Status events of the shard from position `from` on, about `limit` journal events at a time.
result<replayed> replay_status_events(entity_store& store, shard_id shard, position_t from,
                                      size_t limit);

}  // namespace orrery::actors
