#pragma once
/// Reads single entities from the store for many who ask at once.
///
/// Whoever asks while the store is being read waits for the next read, which brings all who wait together: under
/// load a request costs a part of a round trip instead of one. Every answer comes from a read that began after
/// its question, so whoever has been told of a change sees it.

#include "app/read_pool.hpp"

#include <optional>
#include <vector>

namespace orrery::app {

/// Thread-safe. Outlived by `reads`, which is stopped before this goes.
class entity_loader {
public:
  /// Runs on a reader thread, with its session for what must be read besides.
  using told = std::function<void(entity_store&, result<std::optional<entity>>)>;

  /// At most `at_once` jobs of `reads` at a time.
  entity_loader(read_pool& reads, size_t at_once) : reads_(reads), at_once_(at_once) {}

  /// Exactly one of the two runs: `refused` where too many wait already. What a row cannot be read for is
  /// told to those alone who asked for that row.
  void load(entity_id id, told done, std::function<void()> refused);

private:
  struct asker {
    entity_id id;
    told done;
    std::function<void()> refused;
  };
  void start();
  void work(entity_store& store);
  static void read(entity_store& store, std::vector<asker> askers);
  void give_up();

  static constexpr size_t waiting_max = 20'000;
  static constexpr size_t batch_max = 200;

  read_pool& reads_;
  const size_t at_once_;
  std::mutex guard_;
  std::vector<asker> waiting_;  ///< In the order in which they asked.
  size_t running_ = 0;          ///< Jobs that were given to the pool and have not ended.
};

}  // namespace orrery::app
