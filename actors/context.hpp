#pragma once
/// What all actors of one node share. Made by the composition root, outlives every actor.

#include "actors/meters.hpp"
#include "actors/peer_link.hpp"
#include "actors/services.hpp"
#include "base/clock.hpp"
#include "domain/cron/fire_times.hpp"
#include "domain/retention.hpp"
#include "domain/trace.hpp"

#include <array>
#include <atomic>
#include <caf/actor.hpp>
#include <map>
#include <mutex>
#include <set>
#include <string>

namespace orrery::actors {

/// Limits and times of the actors; each has a key in orrery.toml.
struct node_limits {
  uint32_t shards = 16;
  size_t live_per_shard = 10'000;  ///< Live entities before intake is paused.
  size_t intake_in_flight = 300;   ///< Records per shard before intake is paused.
  duration timer_horizon = 60s;    ///< Due rows are loaded this far ahead.
  duration idle_leave = 2s;        ///< A waiting entity leaves memory after this.
  duration stop_grace = 5s;        ///< What a stopped attempt may take before it is reported.
  size_t slots_per_queue = 100'000;
  std::map<std::string, size_t> slots_per_kind = {
      {"noop", 100'000}, {"sleep", 100'000}, {"http", 512}, {"exec", 64}};
  size_t slots_of_other_kinds = 256;
  size_t slot_credit = 1024;  ///< Slots that a shard may keep for tasks to come; 0 = none.
  std::set<std::string> external_kinds;  ///< Executed by workers that ask for leases.
  bool accept_any_kind = false;          ///< Every kind without an executor is external.
  duration worker_heartbeat = 60s;       ///< Of an external task that sets none.
  size_t outbox_backlog = 50'000;  ///< Events per shard kept in memory before replaying instead.
  duration drain_limit = 5s;
  std::array<retention, 2> kept{};  ///< Of tasks and of orders, by the number of their kind.
  duration retention_look = 60s;    ///< At least so long between two passes.
  const retention& retention_of(entity_kind kind) const {
    static const retention none;
    const auto at = static_cast<size_t>(kind);
    return at < kept.size() ? kept[at] : none;
  }
};

/// Plain counters, read by /metrics.
struct node_probe {
  std::atomic<uint64_t> intake_records{0};
  std::atomic<uint64_t> intake_bad{0};
  std::atomic<uint64_t> commands{0};
  std::atomic<uint64_t> attempts_started{0};
  std::atomic<uint64_t> attempts_ended{0};
  std::atomic<uint64_t> attempts_late{0};  ///< Ended by TTL later than one tick.
  std::atomic<uint64_t> ttl_fired{0};
  std::atomic<uint64_t> ttl_lateness_max_micros{0};
  std::atomic<uint64_t> timers_fired{0};
  std::atomic<uint64_t> entities_live{0};
  std::atomic<uint64_t> entities_crashed{0};
  std::atomic<uint64_t> rows_erased{0};  ///< By retention.
  std::atomic<uint64_t> shards_assigned{0};
  std::atomic<uint64_t> shards_owned{0};
  std::atomic<uint64_t> shards_restarted{0};
  std::atomic<uint64_t> events_published{0};
  std::atomic<uint64_t> publish_failures{0};
  std::atomic<uint64_t> shards_unpublished{0};  ///< The sink refuses to go on with them.
  std::atomic<uint64_t> outbox_backlog{0};
  std::atomic<uint64_t> ready_tasks{0};
  std::atomic<uint64_t> slots_used{0};
  std::atomic<uint64_t> slots_lent{0};          ///< To other nodes.
  std::atomic<uint64_t> attempts_away{0};       ///< Ours, handed to other nodes.
  std::atomic<uint64_t> attempts_lost_away{0};  ///< Of those, lost with their node.
  std::atomic<uint64_t> guests_started{0};      ///< Attempts of other nodes, begun here.
  std::atomic<uint64_t> leases_handed_out{0};   ///< Attempts that external workers got here.
  node_meters meters;
};

class limit_board;  // actors/limit_board.hpp

/// How this node and those it is connected with are loaded, as last told. Thread-safe.
class load_board {
public:
  void set(const std::string& node, node_load load) {
    const std::lock_guard lock(guard_);
    loads_[node] = std::move(load);
  }
  void remove(const std::string& node) {
    const std::lock_guard lock(guard_);
    loads_.erase(node);
  }
  std::map<std::string, node_load> all() const {
    const std::lock_guard lock(guard_);
    return loads_;
  }

private:
  mutable std::mutex guard_;
  std::map<std::string, node_load> loads_;
};

struct node_context {
  std::string node;
  const clock& time;
  node_limits limits;
  commit_service& commits;
  read_service& reads;
  intake_log& log;
  event_sink& sink;
  /// By task kind. `noop` and `sleep` are built in.
  std::map<std::string, executor*> executors;
  node_probe probe;

  // Set by the node's root before any shard exists.
  caf::actor dispatcher;
  caf::actor ttl;
  caf::actor tick;
  caf::actor outbox;
  caf::actor exchange;
  caf::actor desk;

  peer_network* network = nullptr;  ///< Null on a node alone. Outlives every actor.
  peer_times peer_timing;
  load_board loads;
  limit_board* rules =
      nullptr;  ///< Limits and pauses of queues; null = none. Outlives every actor.

  read_service* replays = nullptr;  ///< For the outbox, which may wait long; null: `reads`.
  flow_service* flows = nullptr;    ///< Null: this node knows none.
  std::string default_flow{};       ///< Of orders that name none; empty = they have none.
  zone_lookup zones{};              ///< Empty: this node runs no schedules.
  /// Whether schedules may publish to a topic; the failure says why not. Empty: they may to none.
  std::function<result<void>(const std::string&)> may_publish_to{};
  span_sink* spans = nullptr;  ///< Null: nothing is traced here. Outlives every actor.

  bool knows_kind(const std::string& kind) const {
    return kind == "noop" || kind == "sleep" || executors.contains(kind);
  }
  /// Executed by workers outside.
  bool is_external(const std::string& kind) const {
    return !knows_kind(kind) && (limits.accept_any_kind || limits.external_kinds.contains(kind));
  }
  bool takes_kind(const std::string& kind) const { return knows_kind(kind) || is_external(kind); }
};

}  // namespace orrery::actors
