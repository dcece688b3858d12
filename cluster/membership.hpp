#pragma once
/// Who is there, and who owns what: this node's entry in the store, and its view of the others.

#include "base/result.hpp"
#include "domain/ports/store.hpp"

#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>
#include <unordered_map>
#include <vector>

namespace orrery {

/// Owns one thread, `membership`, with sessions of its own. Each `period` it announces this node,
/// reads who else was seen within `window`, tells them on, and reads the owners of the shards. All
/// of it is a hint: what it says may be a moment old, and only the store's epochs decide. While the
/// store is away the last view stays. The questions are thread-safe and never block on the store.
class membership {
public:
  struct options {
    node_row self;  ///< `mesh_address` as others reach it.
    duration period = 1s;
    duration window = 5s;            ///< By the store's clock.
    duration refresh_pause = 100ms;  ///< At least so long between two readings.
  };
  /// Told all nodes, this one included, after each reading; on the thread. `mesh::peers`, as a
  /// rule.
  using listener = std::function<void(std::vector<node_row>)>;

  /// `where` outlives this.
  membership(store& where, options how, listener tell);
  ~membership();
  membership(const membership&) = delete;
  membership& operator=(const membership&) = delete;

  void start();
  /// Withdraws this node's entry (best effort) and joins. Idempotent.
  void stop();

  /// The node that owns the shard, as last read.
  std::optional<std::string> owner_of(shard_id shard) const;
  /// The nodes, as last read.
  std::vector<node_row> nodes() const;
  /// Whether the last reading succeeded.
  result<void> ready() const;
  /// Reads again at once, e.g. after a node answered that it does not own a shard. Repeats within
  /// `refresh_pause` are one.
  void refresh_soon();

private:
  void run(const std::stop_token& stopping);
  result<void> round(node_registry& registry, entity_store& reader);
  void wait(const std::stop_token& stopping);

  store& store_;
  const options options_;
  const listener tell_;

  mutable std::mutex guard_;
  std::condition_variable_any wake_;
  bool refresh_ = false;
  std::unordered_map<shard_id, std::string> owners_;
  std::vector<node_row> nodes_;
  std::optional<failure> trouble_ = failure{errc::unavailable, "the store was not read yet"};
  std::jthread thread_;
};

}  // namespace orrery
