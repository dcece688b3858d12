#pragma once
/// The dispatcher: gives slots to waiting tasks, by priority within a queue, under the limits of the
/// queue and of the kind. A waiting task is an entry of some forty bytes, not an actor.
///
/// Fairness between equals is by the time they began to wait. Entries are not taken back when a task is
/// cancelled or paused: its slot is given and returned at once.
///
/// Credit. Where nobody waits, a shard gets some slots in advance, so that a task that comes next begins
/// at once, within the shard. Credit is asked back as soon as somebody waits for that kind.
///
/// Other nodes. Where our own slots are taken, free ones of other nodes are borrowed (local first, and
/// they lend only what none of theirs waits for), and given back when nothing waits or the lender asks.

#include "actors/context.hpp"
#include "actors/work_messages.hpp"

#include <caf/event_based_actor.hpp>
#include <map>
#include <queue>
#include <set>

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
  struct waiting_heap : std::priority_queue<waiting> {
    const std::vector<waiting>& all() const { return c; }
    /// How many went.
    size_t erase(shard_id shard);
  };
  /// `slot_key.worker` is empty in the keys of lanes.
  struct lane {
    using by_holder = std::map<std::pair<shard_id, std::string>, size_t>;
    waiting_heap heap;
    by_holder used;   ///< By shard and worker; with credit.
    by_holder stale;  ///< Of sessions with peers that broke: they come free and lead nowhere.
    bool idle() const { return heap.empty() && used.empty() && stale.empty(); }
  };
  /// Another node and a kind.
  using peer_kind = std::pair<std::string, std::string>;
  struct borrowed {
    size_t free = 0;
    size_t used = 0;
    size_t owed = 0;  ///< To be given back as it comes free.
  };
  struct lent {
    size_t slots = 0;
    size_t recalled = 0;
  };
  using lanes = std::map<slot_key, lane>;
  using grants = std::map<shard_id, std::map<slot_key, slots_granted>>;

  void update(dispatch_update& news);
  void forget(shard_id shard);
  void release(const slot_key& key, shard_id shard);
  lane_view explain(const slot_key& key) const;
  void give_slots();
  bool give_one(grants& granted);
  void give_credit(shard_id shard, const slot_key& key, grants& granted);
  void tell(grants granted);
  size_t limit_of_kind(const std::string& kind) const;
  size_t free_of_kind(const std::string& kind) const;
  size_t used_of(const std::map<std::string, size_t>& by, const std::string& name) const;

  // Other nodes (dispatcher_peers.cpp).
  const std::string* borrowed_from(const std::string& kind) const;
  void settle_with_peers();
  void ask_peers(const std::string& kind, size_t wanted);
  void recall_from_peers(const std::string& kind, size_t wanted);
  void give_back(const peer_kind& of, borrowed& one, size_t slots);
  void came_free(const std::string& peer, const std::string& kind, size_t slots);
  void lend(const slots_wanted& wish);
  void borrowed_slots(const slots_borrowed& news);
  void forget_peer(const std::string& peer);
  node_load load() const;

  node_context& context_;
  std::map<shard_id, caf::actor> shards_;
  lanes lanes_;
  std::map<std::string, size_t> used_by_queue_;
  std::map<std::string, size_t> used_by_kind_;  ///< Of our own slots, with those lent.
  std::set<std::string> credit_out_;            ///< Kinds of which shards hold credit.
  std::map<peer_kind, borrowed> borrowed_;
  std::map<peer_kind, lent> lent_;
  std::map<peer_kind, size_t> free_there_;  ///< As the peers told.
  std::set<peer_kind> asked_;
};

}  // namespace orrery::actors
