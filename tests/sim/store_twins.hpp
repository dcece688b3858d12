#pragma once
/// The memory store as a simulated node sees it: calls that fail, answers that are lost, and the mistakes
/// that can be planted in a store. Whatever takes effect is shown to the auditor in that moment.

#include "persistence/memory/memory_state.hpp"
#include "persistence/memory/memory_store.hpp"

namespace orrery::sim {

class world;
class sim_node;

/// How a node and the store are cut off from each other.
enum class store_cut { none, requests, replies };

class session_twin final : public memory_journal {
public:
  session_twin(world& around, std::string node, const store_cut& cut,
               std::shared_ptr<memory_state> state);
  result<shard_tenure> acquire(shard_id shard, std::string_view owner, time_point now) override;
  commit_report commit(std::span<const shard_batch> batches) override;
  result<shard_tenure> inspect(shard_id shard) override;
  result<void> mark_published(shard_id shard, epoch_t epoch, position_t upto) override;

  /// Whether the store was asked to commit since the last question.
  bool was_asked() { return std::exchange(asked_, false); }

private:
  commit_report plan(std::span<const shard_batch> batches, bool& applied);
  void plan_stock(std::span<const shard_batch> batches, commit_report& report, bool& applied);
  commit_report apply(std::span<const shard_batch> batches);
  void run_ahead(std::vector<shard_batch>& batches) const;
  void force_through(std::vector<shard_batch>& batches);
  void accept_known_ids(std::vector<shard_batch>& batches);
  void hold_back_ends(std::vector<shard_batch>& batches);
  void catch_up_ends();

  world& world_;
  const std::string node_;
  const store_cut& cut_;
  std::shared_ptr<memory_state> mine_;
  std::vector<shard_batch> late_rows_;
  bool asked_ = false;
};

/// Misses what a planted mistake makes it miss.
class reader_twin final : public memory_reader {
public:
  reader_twin(world& around, std::shared_ptr<memory_state> state);
  result<std::vector<entity>> load(std::span<const entity_id> ids) override;
  result<std::vector<due_row>> due(shard_id shard, time_point until, const due_cursor& after,
                                   size_t limit) override;

private:
  world& world_;
};

class store_twin final : public memory_store {
public:
  store_twin(world& around, std::string node, const memory_store& truth);
  std::unique_ptr<journal_store> open_journal() override;
  std::unique_ptr<entity_store> open_reader() override;
  result<void> ping() override;

  /// The last one opened; lives as long as whoever opened it.
  session_twin* session() const { return session_; }

  store_cut cut = store_cut::none;

private:
  world& world_;
  const std::string node_;
  session_twin* session_ = nullptr;
};

}  // namespace orrery::sim
