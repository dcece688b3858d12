#pragma once
/// The dispatcher: gives slots to waiting tasks, by priority within a queue, under the limits of the
/// queue and of the kind. A waiting task is an entry of some forty bytes, not an actor.
///
/// Fairness between equals is by the time they began to wait. Entries are not taken back when a task is
/// cancelled or paused: its slot is given and returned at once.

#include "actors/context.hpp"
#include "actors/messages.hpp"

#include <caf/event_based_actor.hpp>
#include <map>
#include <queue>

namespace orrery::actors {

class dispatcher final : public caf::event_based_actor {
public:
  dispatcher(caf::actor_config& config, node_context& context);
  caf::behavior make_behavior() override;

private:
  struct waiting {
    entity_id id;
    time_point since{};
    int32_t priority = 0;
    shard_id shard;
    /// Greater = later: the smallest priority number is the most urgent.
    friend bool operator<(const waiting& a, const waiting& b) {
      return std::tie(a.priority, a.since, a.id) > std::tie(b.priority, b.since, b.id);
    }
  };
  struct key_less {
    bool operator()(const slot_key& a, const slot_key& b) const {
      return std::tie(a.queue, a.task_kind) < std::tie(b.queue, b.task_kind);
    }
  };
  struct lane {
    std::priority_queue<waiting> heap;
    std::map<shard_id, size_t> used;
  };

  void update(dispatch_update& news);
  void forget(shard_id shard);
  void release(const slot_key& key, shard_id shard);
  void give_slots();
  size_t limit_of_kind(const std::string& kind) const;

  node_context& context_;
  std::map<shard_id, caf::actor> shards_;
  std::map<slot_key, lane, key_less> lanes_;
  std::map<std::string, size_t> used_by_queue_;
  std::map<std::string, size_t> used_by_kind_;
};

}  // namespace orrery::actors
