#pragma once
/// The dispatcher: gives slots to waiting tasks, by priority within a queue, under the limits of the
/// queue, of its limit keys and of the kind. A waiting task is an entry of some forty bytes, not an actor.
///
/// Fairness: between limit keys by weight, within a key by the time its tasks began to wait. Entries are
/// not taken back when a task is cancelled or paused: its slot is given and returned at once.
///
/// Credit. Where nobody waits and no rule speaks of the queue, a shard gets some slots in advance, so that
/// a task that comes next begins at once, within the shard. It is asked back as soon as somebody waits.
///
/// Other nodes. Where our own slots are taken, free ones of other nodes are borrowed (local first, and
/// they lend only what none of theirs waits for), and given back when nothing waits or the lender asks.
///
/// External workers. Their tasks wait here like all others, and are taken by the claims of worker desks.
///
/// Rules (domain/rules.hpp). A limit key lives in one shard, so its counts are ours alone. What a queue
/// may do on all nodes together is shared out by the node that owns the queue's home shard.

#include "actors/context.hpp"
#include "actors/lane_lines.hpp"
#include "actors/quota.hpp"
#include "actors/worker_messages.hpp"

#include <caf/event_based_actor.hpp>
#include <map>
#include <set>

namespace orrery::actors {

class dispatcher final : public caf::event_based_actor {
public:
  dispatcher(caf::actor_config& config, node_context& context);
  caf::behavior make_behavior() override;

private:
  struct lane_key {
    std::string queue;
    std::string kind;
    std::string labels;  ///< Sorted, one a line: what a worker must have.
    friend auto operator<=>(const lane_key&, const lane_key&) = default;
  };
  using held = std::map<shard_id, std::map<slot_key, size_t>>;
  using grants = std::map<shard_id, std::map<slot_key, slots_granted>>;
  using instant = caf::actor_clock::time_point;

  void update(dispatch_update& news);
  void forget(shard_id shard);
  void take(const slot_key& key, shard_id shard, size_t slots);
  /// False where it was not held.
  bool drop(held& from, const slot_key& key, shard_id shard, size_t slots);
  void release(const slot_key& key, shard_id shard);
  lane_view explain(const lane_question& of) const;
  void explain_limits(const lane_question& of, lane_view& view) const;
  void explain_workers(const lane_question& of, lane_view& view) const;
  void give_slots();
  bool give_one(grants& granted);
  void give_from(const lane_key& lane, lane_lines& lines, const std::string& key,
                 const std::string& worker, std::shared_ptr<const lease_claim> claim,
                 grants& granted);
  void give_credit(shard_id shard, const slot_key& key, grants& granted);
  void tell(grants granted);
  size_t limit_of_kind(const std::string& kind) const;
  size_t free_of_kind(const std::string& kind) const;

  // Other nodes (dispatcher_peers.cpp).
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
  const std::string* borrowed_from(const std::string& kind) const;
  void settle_with_peers();
  void ask_peers(const std::string& kind, size_t wanted);
  void recall_from_peers(const std::string& kind, size_t wanted);
  void give_back(const peer_kind& of, borrowed& one, size_t slots);
  void came_free(const std::string& peer, const std::string& kind, size_t slots);
  void lend(const slots_wanted& wish);
  void borrowed_slots(const slots_borrowed& news);
  void forget_peer(const std::string& peer);
  void peer_is(const peer_told_load& news);
  node_load load() const;
  void show_depths();

  // Rules (dispatcher_limits.cpp).
  /// Of a queue or of a limit key in it.
  struct key_state {
    size_t running = 0;
    token_bucket bucket;
    uint64_t version = 0;  ///< Of the rule that the bucket is by.
  };
  using queue_and_key = std::pair<std::string, std::string>;
  void look_at_rules();
  /// Whether one of this lane may begin now; closes lines whose key is at its limit.
  const std::string* ready_key(const lane_key& lane, lane_lines& lines);
  bool queue_has_room(const std::string& queue);
  bool key_has_room(const std::string& queue, const std::string& key);
  /// `fresh`: an attempt begins; else it ran before its shard came here.
  void begun(const std::string& queue, const std::string& key, bool fresh);
  void ended(const std::string& queue, const std::string& key, size_t count);
  void look_again_at(duration at);
  /// The strategy of the rule, where a task comes whose key is at its limit.
  void make_room_for(const ready_task& offer, shard_id shard);
  duration ticks() const {
    return std::chrono::duration_cast<duration>(
        const_cast<dispatcher*>(this)->clock().now().time_since_epoch());
  }

  // A queue's share of what all nodes may do (dispatcher_quota.cpp).
  void settle_quotas();
  void quota_came(const quota_note& news);
  std::string home_of(const std::string& queue) const;
  void to_home(const std::string& queue, quota_note note);
  void keep(const std::string& node, const quota_note& wish);

  // External workers (dispatcher_claims.cpp).
  void claim(const claim_work& wish);
  void want(const want_work& news);
  void tell_of_work();
  void to_desk(const std::string& desk, work_claimed news);

  node_context& context_;
  std::map<shard_id, caf::actor> shards_;
  std::map<shard_id, duration> shard_since_;
  std::map<lane_key, lane_lines> lanes_;
  held held_;   ///< Slots by shard; with credit.
  held stale_;  ///< Of sessions with peers that broke: they come free and lead nowhere.
  std::map<std::string, size_t> used_by_queue_;
  std::map<std::string, size_t> used_by_kind_;  ///< Of our own slots, with those lent.
  std::set<std::string> credit_out_;            ///< Kinds of which shards hold credit.
  std::map<peer_kind, borrowed> borrowed_;
  std::map<peer_kind, lent> lent_;
  std::map<peer_kind, size_t> free_there_;  ///< As the peers told.
  std::set<peer_kind> asked_;

  std::shared_ptr<const work_rules> rules_ = std::make_shared<const work_rules>();
  std::map<queue_and_key, key_state> keys_;
  std::map<std::string, quota_share> shares_;    ///< Ours, of limited queues.
  std::map<std::string, quota_keeper> keepers_;  ///< Of queues whose home is here.
  duration look_at_ = duration::max();           ///< When a bucket has a token again.
  uint64_t looks_ = 0;
  instant depths_shown_{};

  struct interest {
    std::vector<lease_wish> wishes;
    instant until{};
  };
  std::map<std::string, interest> interests_;                         ///< By desk.
  std::map<std::pair<std::string, std::string>, uint32_t> new_work_;  ///< External; by queue, kind.
  std::map<std::pair<std::string, std::string>, instant> told_of_;
};

}  // namespace orrery::actors
