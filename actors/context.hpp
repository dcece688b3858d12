#pragma once
/// What all actors of one node share. Made by the composition root, outlives every actor.

#include "actors/services.hpp"
#include "base/clock.hpp"
#include "domain/ports/executor.hpp"

#include <atomic>
#include <caf/actor.hpp>
#include <map>
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
      {"noop", 10'000}, {"sleep", 100'000}, {"http", 512}, {"exec", 64}};
  size_t slots_of_other_kinds = 256;
  size_t outbox_backlog = 50'000;  ///< Events per shard kept in memory before replaying instead.
  duration drain_limit = 5s;
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
  std::atomic<uint64_t> shards_assigned{0};
  std::atomic<uint64_t> shards_owned{0};
  std::atomic<uint64_t> shards_restarted{0};
  std::atomic<uint64_t> events_published{0};
  std::atomic<uint64_t> publish_failures{0};
  std::atomic<uint64_t> outbox_backlog{0};
  std::atomic<uint64_t> ready_tasks{0};
  std::atomic<uint64_t> slots_used{0};
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

  read_service* replays = nullptr;  ///< For the outbox, which may wait long; null: `reads`.
  flow_service* flows = nullptr;    ///< Null: this node knows none.
  std::string default_flow{};       ///< Of orders that name none; empty = they have none.

  bool knows_kind(const std::string& kind) const {
    return kind == "noop" || kind == "sleep" || executors.contains(kind);
  }
};

}  // namespace orrery::actors
