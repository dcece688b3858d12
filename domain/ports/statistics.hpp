#pragma once
/// Where the statistics of orders are kept, each shard's with the position up to which it is counted.

#include "domain/order_statistics.hpp"

#include <functional>
#include <memory>
#include <span>

namespace orrery {

/// Of one shard, as of one moment.
struct shard_statistics {
  position_t upto;
  std::vector<order_statistic> rows;  ///< By minute, product and status.
};

struct statistics_query {
  std::string product;  ///< Empty = all.
  std::vector<order_status> statuses;
  time_point from{};  ///< Inclusive.
  time_point to{};    ///< Exclusive; the epoch = no end.
  size_t limit = 1000;
};

/// One session. All calls block; used by one thread at a time.
class statistics_store {
public:
  virtual ~statistics_store() = default;
  /// Up to where a shard is counted.
  virtual result<position_t> mark(shard_id shard) = 0;
  /// Adds what the events after `from` up to `upto` came to. False, and nothing changed, where the mark is
  /// not at `from`: somebody else has counted them.
  virtual result<bool> add(shard_id shard, position_t from, position_t upto,
                           std::span<const order_statistic> rows) = 0;
  virtual result<shard_statistics> of_shard(shard_id shard) = 0;
  /// Instead of what is there.
  virtual result<void> replace(shard_id shard, const shard_statistics& whole) = 0;
  /// Of all shards together, the newest minutes first.
  virtual result<std::vector<order_statistic>> find(const statistics_query& query) = 0;
};

/// A store that keeps statistics. Thread-safe.
class statistics_source {
public:
  virtual ~statistics_source() = default;
  virtual std::unique_ptr<statistics_store> open_statistics() = 0;
};

/// What the faces of a node may ask. Thread-safe; `done` runs exactly once, on any thread.
class statistics_desk {
public:
  virtual ~statistics_desk() = default;
  virtual void find(statistics_query query,
                    std::function<void(result<std::vector<order_statistic>>)> done) = 0;
};

/// A door that also knows statistics is one of these.
class statistics_hall {
public:
  virtual ~statistics_hall() = default;
  /// Null where the node keeps none.
  virtual statistics_desk* statistics() = 0;
};

}  // namespace orrery
