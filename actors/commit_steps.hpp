#pragma once
/// What the journal writer does, one step at a time and without a thread: the writer's thread drives it
/// by the machine's clock, the simulator by its own.
///
/// Group commit: takes whatever is enlisted, up to `entities_max`; starts commits at least `pace` apart
/// unless `rush` entities wait already (docs/decisions/0002). A lost connection is retried with the
/// same batches for as long as it takes; an unknown outcome is read back; a refused shard is told that
/// it is lost while the others are committed without it. Contents that a reachable store keeps refusing
/// are narrowed down to the one shard, which is told to restart carefully.

#include "actors/services.hpp"
#include "base/clock.hpp"
#include "base/meter.hpp"

#include <deque>
#include <map>

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
  duration busy{};             ///< Time spent in commits.
  distribution batch_sizes{};  ///< Entities by transaction.
  distribution latencies{};    ///< Of transactions, in microseconds.
};

/// The calls of `commit_service` come from any thread; `step` and `ended` from the driver alone.
class commit_steps final : public commit_service {
public:
  using instant = std::chrono::steady_clock::time_point;

  /// `session` is one of `where`, which outlives this.
  commit_steps(store& where, std::unique_ptr<journal_store> session, const clock& time,
               writer_options options);

  void enlist(std::shared_ptr<pending_commit> pending) override;
  void acquire(shard_id shard, std::function<void(result<shard_tenure>)> done) override;
  void withdraw(shard_id shard) override;
  void mark_published(shard_id shard, epoch_t epoch, position_t upto) override;
  void mark_copied(shard_id shard, std::vector<int64_t> numbers) override;

  /// From now on: what is enlisted is committed while the store answers, and nothing is tried again.
  void stop();
  writer_figures figures() const;
  /// False for ten seconds after a commit or acquisition that failed, unless one has succeeded since.
  bool healthy() const;

  /// Does the next thing, if one is due at `now`: asks the store, or acts on what it answered, never
  /// both. Answers when to come again; earlier when something was asked of this meanwhile.
  instant step(instant now);
  /// Stopped, and nothing is left to do.
  bool ended() const;

private:
  struct member {
    std::shared_ptr<pending_commit> who;
    uint64_t ordinal = 0;
  };
  /// What waits for a stock that cannot be reached, while all else goes on.
  struct held_back {
    member one;
    shard_batch batch;
    instant since;
  };
  struct acquisition {
    shard_id shard;
    std::function<void(result<shard_tenure>)> done;
  };

  bool step_acquisition();
  bool step_marks(instant now);
  bool step_take(instant now, instant& next);
  void step_commit(instant now);
  void react(instant now);
  void settle(size_t index, commit_note note);
  /// Settles what is done or lost, leaves the rest in the group; false: the store is still away.
  bool read_back();
  void narrow_down();
  void hold_back(const commit_report& report, instant now);
  bool bring_back(instant now, instant& next);
  void retry_later(instant now);
  void count(const commit_report& report, duration busy);
  /// Whether the store was reached just now. Under the guard.
  void note(bool reached);
  bool stopping() const;

  store& where_;
  const std::unique_ptr<journal_store> session_;
  const clock& time_;
  const writer_options options_;

  mutable std::mutex guard_;  ///< Of what follows, down to the driver's own.
  std::deque<std::shared_ptr<pending_commit>> enlisted_;
  std::deque<acquisition> acquisitions_;
  std::map<shard_id, std::pair<epoch_t, position_t>> published_;
  std::map<shard_id, std::vector<int64_t>> copied_;
  writer_figures figures_;
  histogram batch_sizes_{batch_bounds()};
  histogram latencies_{latency_bounds()};
  std::optional<instant> failed_;  ///< The last one did, then.
  bool stopping_ = false;

  // The driver's own.
  std::vector<member> group_;
  std::vector<shard_batch> batches_;     ///< Of the group, in the same order.
  std::optional<commit_report> report_;  ///< Of the group, not yet acted on.
  std::optional<std::pair<acquisition, result<shard_tenure>>> acquired_;  ///< Not yet told.
  std::vector<held_back> aside_;
  instant aside_due_{};
  std::map<shard_id, instant>
      since_;  ///< First held back, of those that have not been committed since.
  int failures_ = 0;
  bool in_doubt_ = false;
  bool retrying_ = false;
  duration delay_{};
  instant not_before_{};
  instant last_start_{};
  instant marks_due_{};
};

}  // namespace orrery::actors
