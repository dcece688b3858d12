#pragma once
/// The journal writer: one thread and one store session that commit the batches of many shards in one
/// transaction.
///
/// Group commit: takes whatever is enlisted when it is idle, up to `entities_max`; starts commits at
/// least `pace` apart unless `rush` entities wait already (docs/decisions/0002). A lost connection is
/// retried with the same batches for as long as it takes; an unknown outcome is read back; a refused
/// shard is told that it is lost while the others are committed without it. Contents that a reachable
/// store keeps refusing are narrowed down to the one shard, which is told to restart carefully.

#include "actors/services.hpp"
#include "base/clock.hpp"

#include <condition_variable>
#include <deque>
#include <map>
#include <thread>

namespace orrery::actors {

struct writer_options {
  duration pace = 2ms;
  size_t rush = 300;
  size_t entities_max = 2000;
  duration retry_min = 50ms;
  duration retry_max = 2s;
  std::string node;
};

struct writer_figures {
  uint64_t commits = 0;
  uint64_t entities = 0;
  uint64_t failures = 0;
  uint64_t refusals = 0;
  uint64_t unknowns = 0;
  duration busy{};  ///< Time spent in commits.
};

class journal_writer final : public commit_service {
public:
  journal_writer(store& where, const clock& time, writer_options options);
  /// Commits what is enlisted (while the store answers), then joins.
  ~journal_writer() override;

  void enlist(std::shared_ptr<pending_commit> pending) override;
  void acquire(shard_id shard, std::function<void(result<shard_tenure>)> done) override;
  void mark_published(shard_id shard, epoch_t epoch, position_t upto) override;

  /// Stops after what is enlisted; gives up retrying at once. Idempotent.
  void stop();
  writer_figures figures() const;
  /// Whether the last commit or acquisition reached the store.
  bool healthy() const;

private:
  using members = std::vector<std::shared_ptr<pending_commit>>;
  struct sealed_group {
    members who;
    std::vector<shard_batch> batches;
    std::vector<uint64_t> ordinals;
  };

  void run();
  void run_jobs(std::unique_lock<std::mutex>& lock);
  void wait_for_pace(std::unique_lock<std::mutex>& lock);
  sealed_group take(std::unique_lock<std::mutex>& lock);
  void commit(sealed_group group);
  void settle(sealed_group& group, size_t index, const commit_note& note);
  /// Reads back after an unknown outcome; settles what is done or lost, leaves the rest in the group.
  bool read_back(sealed_group& group);
  void narrow_down(sealed_group& group);
  bool pause(duration length);

  std::unique_ptr<journal_store> session_;
  store& where_;
  const clock& time_;
  const writer_options options_;
  mutable std::mutex guard_;
  std::condition_variable wake_;
  std::deque<std::shared_ptr<pending_commit>> enlisted_;
  std::deque<std::function<void()>> jobs_;
  std::map<shard_id, std::pair<epoch_t, position_t>> published_;
  std::chrono::steady_clock::time_point last_start_{};
  std::chrono::steady_clock::time_point marks_due_{};
  writer_figures figures_;
  bool healthy_ = true;
  bool stopping_ = false;
  std::jthread thread_;
};

}  // namespace orrery::actors
