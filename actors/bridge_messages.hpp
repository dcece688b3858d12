#pragma once
/// Messages to the bridge: which shards come and go, their records, and where one is.

#include "domain/ports/intake_log.hpp"
#include "domain/ports/store.hpp"

#include <caf/actor.hpp>
#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/type_id.hpp>
#include <functional>
#include <vector>

namespace orrery::actors {

struct shards_assigned {
  std::vector<shard_id> shards;
};
struct shards_revoked {
  std::vector<shard_id> shards;
  bool lost = false;
  std::function<void()> done;
};
struct shard_records {
  shard_id shard;
  epoch_t tenure;
  std::vector<log_record> records;
};
struct shard_acquired {
  shard_id shard;
  result<shard_tenure> tenure = failure{};
};
struct restart_shard {
  shard_id shard;
  bool careful = false;
};
/// Where a shard lives on this node. `unavailable` when it does not.
struct route_to_shard {
  shard_id shard;
  std::function<void(caf::actor)> found;  ///< A null handle: not here.
};
/// Asks all actors of the node but those of entities how many messages wait there (`sample_mailbox`).
struct sample_mailboxes {};

}  // namespace orrery::actors

CAF_BEGIN_TYPE_ID_BLOCK(orrery_bridge, first_custom_type_id + 320)
CAF_ADD_TYPE_ID(orrery_bridge, (orrery::actors::shards_assigned))
CAF_ADD_TYPE_ID(orrery_bridge, (orrery::actors::shards_revoked))
CAF_ADD_TYPE_ID(orrery_bridge, (orrery::actors::shard_records))
CAF_ADD_TYPE_ID(orrery_bridge, (orrery::actors::shard_acquired))
CAF_ADD_TYPE_ID(orrery_bridge, (orrery::actors::restart_shard))
CAF_ADD_TYPE_ID(orrery_bridge, (orrery::actors::route_to_shard))
CAF_ADD_TYPE_ID(orrery_bridge, (orrery::actors::sample_mailboxes))
CAF_END_TYPE_ID_BLOCK(orrery_bridge)

#define ORRERY_LOCAL_MESSAGE(name) CAF_ALLOW_UNSAFE_MESSAGE_TYPE(orrery::actors::name)
ORRERY_LOCAL_MESSAGE(shards_assigned)
ORRERY_LOCAL_MESSAGE(shards_revoked)
ORRERY_LOCAL_MESSAGE(shard_records)
ORRERY_LOCAL_MESSAGE(shard_acquired)
ORRERY_LOCAL_MESSAGE(restart_shard)
ORRERY_LOCAL_MESSAGE(route_to_shard)
ORRERY_LOCAL_MESSAGE(sample_mailboxes)
#undef ORRERY_LOCAL_MESSAGE
