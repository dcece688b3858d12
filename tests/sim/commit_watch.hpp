#pragma once
/// Looks at every commit in the moment it takes effect, with a picture of the shards of its own: whether
/// what becomes durable together is what belongs together.

#include "domain/ports/executor.hpp"
#include "tests/sim/workload.hpp"

#include <set>
#include <span>
#include <unordered_map>

namespace orrery::sim {

class world;

/// How many submissions under a key that another body has are refused.
size_t refusals_in(std::span<const event_record> events);

class commit_watch {
public:
  explicit commit_watch(world& around) : world_(around) {}

  /// S5: epochs only grow.
  void acquired(shard_id shard, epoch_t epoch);
  void before(std::span<const shard_batch> batches, const std::string& node);
  void after(std::span<const shard_batch> batches, const commit_report& report);
  /// Work of an attempt began.
  void begun(const work_item& item, const std::string& node);
  /// How often executors began an attempt.
  uint32_t times_begun(entity_id id, attempt_token token) const;

private:
  struct known_shard {
    epoch_t epoch;
    position_t position;
    intake_offsets next{};
  };
  struct known_entity {
    bool ended = false;
    bool undone = false;  ///< An order that is, or that a person has to look at.
    attempt_token token{};
    time_point started_at{};  ///< By the owner's clock.
    std::string hash;         ///< Of the request that made it.
  };
  struct attempt {
    uint32_t times = 0;
    time_point first{};
    std::string node;  ///< That began it first.
    std::set<int64_t> epochs;
  };
  struct in_batch;

  void check(const shard_batch& batch);
  void check_offsets(in_batch& seen, intake topic);
  void check_record(in_batch& seen, const log_record& record);
  void check_births(const in_batch& seen);
  void check_clocks(const entity_write& write);
  void learn(const shard_batch& batch);
  void wrong(const std::string& invariant, const shard_batch& batch, const std::string& what);

  world& world_;
  std::string node_;
  std::map<shard_id, known_shard> shards_;
  std::unordered_map<entity_id, known_entity> entities_;
  std::map<std::tuple<entity_id, uint32_t, uint32_t>, attempt> attempts_;
};

}  // namespace orrery::sim
