#pragma once
/// The intake bridge: turns what the log tells (assignments, records) into messages for shards, and
/// supervises the shards of this node.
///
/// A shard that ends unasked – it crashed, or lost its epoch – is acquired again, after a growing pause,
/// for as long as the log says that it is ours. One that has nothing to commit would not hear that it lost its
/// epoch: a node that was cut off from the log alone may have acquired it once more, begun work, and gone.
/// Therefore the epochs are read every few seconds.

#include "actors/bridge_messages.hpp"
#include "actors/context.hpp"
#include "actors/messages.hpp"
#include "actors/outbox_messages.hpp"

#include <caf/event_based_actor.hpp>
#include <map>

namespace orrery::actors {

class bridge final : public caf::event_based_actor {
public:
  bridge(caf::actor_config& config, node_context& context);
  caf::behavior make_behavior() override;

private:
  struct owned {
    caf::actor shard;  ///< Null while it is being acquired.
    epoch_t epoch;
    uint32_t failures = 0;
    bool careful = false;
  };
  /// A revocation under way.
  struct revocation {
    size_t left = 0;
    std::vector<close_outbox> outboxes;
    std::function<void()> done;
  };

  /// A shard that ends: until it has, its number is not acquired again here, so that the dispatcher, the
  /// outbox and the log hear of one owner after the other.
  struct leaving {
    caf::actor_addr shard;
    std::shared_ptr<revocation> which;  ///< Waits for it; null where nobody does.
  };

  void sample();
  void acquire(shard_id number);
  void acquired(shard_acquired& news);
  void revoke(shards_revoked& wish);
  void drained(const std::shared_ptr<revocation>& which);
  void shard_down(const caf::down_msg& news);
  void has_left(shard_id number);
  void again_later(shard_id number, owned& one);
  void check_tenures_later();
  void check_tenures();
  void tenures_are(const result<std::vector<shard_row>>& rows);

  node_context& context_;
  std::map<shard_id, owned> owned_;
  std::map<shard_id, leaving> leaving_;
  std::map<shard_id, size_t> acquiring_;  ///< Acquisitions under way; the last one counts.
};

/// Speaks to the bridge from the log's thread.
class bridge_listener final : public intake_listener {
public:
  bridge_listener(caf::actor bridge, duration revoke_limit, std::function<void(failure)> fatal);
  void assigned(const std::vector<shard_id>& shards) override;
  void revoked(const std::vector<shard_id>& shards, bool lost) override;
  void records(shard_id shard, epoch_t tenure, std::vector<log_record> batch) override;
  void failed(const failure& why) override;

private:
  caf::actor bridge_;
  duration revoke_limit_;
  std::function<void(failure)> fatal_;
};

}  // namespace orrery::actors
