#pragma once
/// The memory twin of the intake log, for tests and the simulator.
///
/// A `memory_cluster` is the broker: it holds the topics and says who owns which shard. A `memory_log`
/// is one node's end of it. Callbacks run on the log's own thread, or, where it is `stepped`, inside
/// `step`, so that a simulator decides when each one happens.

#include "base/clock.hpp"
#include "domain/ports/intake_log.hpp"

#include <condition_variable>
#include <deque>
#include <limits>
#include <map>
#include <memory>
#include <mutex>
#include <thread>

namespace orrery {

class memory_log;

/// The topics and the consumer group of all logs on it. Thread-safe; outlives its logs.
class memory_cluster {
public:
  /// How shards find their owner: evenly over the open consumers, or by `assign` and `revoke` alone.
  enum class ownership { automatic, manual };

  /// `time` stamps the records; by default the machine's clock. It must outlive the cluster.
  explicit memory_cluster(ownership how = ownership::automatic, const clock* time = nullptr);
  ~memory_cluster();
  memory_cluster(const memory_cluster&) = delete;
  memory_cluster& operator=(const memory_cluster&) = delete;

  /// Gives shards to a node or takes them, as a rebalance would; told to its listener on its thread.
  /// Nodes without an open consumer are ignored. `lost`: the listener hears that it is too late.
  void assign(const std::string& node, const std::vector<shard_id>& shards);
  void revoke(const std::string& node, const std::vector<shard_id>& shards, bool lost = false);

  /// The next `calls` of `produce` fail with `why`; `stored`: the messages are in the log all the same.
  void fail_next(size_t calls, failure why, bool stored = false);
  /// While refusing, `produce` answers `busy` and `ready` says so.
  void refuse_as_busy(bool refuse);
  /// While away, `produce` fails as `unavailable`, `ready` says so, and nothing is delivered.
  void go_away(bool away);
  /// While held, messages are stored but calls stay unanswered.
  void hold_acknowledgements(bool hold);

  /// Everything in one partition, or what lies from one offset up to another.
  std::vector<log_record> contents(intake topic, shard_id shard, int64_t from = 0,
                                   int64_t to = std::numeric_limits<int64_t>::max()) const;
  int64_t end_of(intake topic, shard_id shard) const;
  /// Deletes what lies before `offset`, as retention does.
  void expire_before(intake topic, shard_id shard, int64_t offset);

private:
  friend class memory_log;
  struct partition {
    int64_t base = 0;  ///< Offset of the first record kept.
    std::deque<log_record> records;
    int64_t end() const { return base + static_cast<int64_t>(records.size()); }
  };
  struct fault {
    size_t calls = 0;
    failure why;
    bool stored = false;
  };

  partition* find(intake topic, shard_id shard);
  const partition* find(intake topic, shard_id shard) const;
  result<std::vector<log_place>> store(std::vector<log_message>& messages);
  void join(memory_log& log);
  void leave(memory_log& log);
  void rebalance();
  void wake_all();

  mutable std::mutex guard_;  // taken before any log's own
  const ownership how_;
  const clock* const time_;  // null = the machine's
  std::array<std::vector<partition>, intakes> topics_;
  std::vector<memory_log*> logs_;       // all that exist, to wake them
  std::vector<memory_log*> consumers_;  // those with an open consumer
  fault fault_;
  bool busy_ = false;
  bool away_ = false;
  bool held_ = false;
  int64_t last_stamp_ = 0;
};

/// One node's end. All interface calls are thread-safe.
class memory_log final : public intake_log, private intake_producer, private intake_consumer {
public:
  enum class drive { threaded, stepped };

  memory_log(memory_cluster& cluster, std::string node, drive how = drive::threaded);
  /// Every call still unanswered is answered `unavailable`.
  ~memory_log() override;
  memory_log(const memory_log&) = delete;
  memory_log& operator=(const memory_log&) = delete;

  result<void> prepare(uint32_t shards) override;
  intake_producer& producer() override { return *this; }
  intake_consumer& consumer() override { return *this; }
  std::string topic_name(intake topic) const override;

  /// Does the next thing that is due: a rebalance, an answer or a batch of one shard and topic. False
  /// where there is nothing to do. Only for a log that is driven by steps.
  bool step();

  static constexpr size_t message_bytes_max = 1'000'000;
  static constexpr size_t batch_records = 500;

private:
  friend class memory_cluster;
  using answer = std::function<void(result<std::vector<log_place>>)>;
  struct ownership_change {
    std::vector<shard_id> shards;
    bool gained = false;
    bool lost = false;
  };
  struct delivery {
    bool started = false;
    bool paused = false;
    intake_offsets next{};
    epoch_t tenure;
  };
  struct pending_answer {
    answer done;
    result<std::vector<log_place>> outcome;
  };

  void produce(std::vector<log_message> messages, answer done) override;
  result<void> ready() const override;
  result<void> open(intake_listener& listener) override;
  void start(shard_id shard, const intake_offsets& next, epoch_t tenure) override;
  void pause(shard_id shard) override;
  void resume(shard_id shard) override;
  result<intake_offsets> end(shard_id shard, duration timeout) override;
  void close() override;

  void run();
  std::function<void()> next_job();
  std::function<void()> next_change();
  std::function<void()> next_answer();
  std::function<void()> next_batch();
  void post(ownership_change change);

  memory_cluster& cluster_;
  const std::string node_;
  const drive how_;
  // All of the following is guarded by the cluster's mutex: a simulator's broker needs no finer grain.
  std::condition_variable wake_;
  intake_listener* listener_ = nullptr;
  bool calling_ = false;  // a callback runs just now
  bool stopping_ = false;
  std::map<shard_id, delivery> owned_;
  std::deque<ownership_change> changes_;
  std::deque<pending_answer> answers_;
  size_t turn_ = 0;  // whose batch is next, so that no shard starves the others
  std::thread thread_;
};

}  // namespace orrery
