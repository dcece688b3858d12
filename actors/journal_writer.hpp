#pragma once
/// The journal writer: one thread and one store session that commit the batches of many shards in one
/// transaction. What it does is in commit_steps.hpp; this is the thread that drives it.

#include "actors/commit_steps.hpp"

#include <condition_variable>
#include <thread>

namespace orrery::actors {

class journal_writer final : public commit_service {
public:
  journal_writer(store& where, const clock& time, writer_options options);
  /// Commits what is enlisted (while the store answers), then joins.
  ~journal_writer() override;

  void enlist(std::shared_ptr<pending_commit> pending) override;
  void acquire(shard_id shard, std::function<void(result<shard_tenure>)> done) override;
  void withdraw(shard_id shard) override;
  void mark_published(shard_id shard, epoch_t epoch, position_t upto) override;
  void mark_copied(shard_id shard, std::vector<int64_t> numbers) override;

  /// Stops after what is enlisted; gives up retrying at once. Idempotent.
  void stop();
  writer_figures figures() const { return steps_.figures(); }
  /// Whether the last commit or acquisition reached the store.
  bool healthy() const { return steps_.healthy(); }

private:
  void run();
  void wake();

  commit_steps steps_;
  std::mutex guard_;
  std::condition_variable wake_;
  bool woken_ = false;
  std::jthread thread_;
};

}  // namespace orrery::actors
