#pragma once
/// The consumer of both intake topics: a member of the group, its shards, and their records.

#include "bridge/kafka/handles.hpp"

#include <array>
#include <atomic>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <thread>

namespace orrery::kafka {

/// One thread polls, is told of rebalances, and calls the listener; everybody else only leaves wishes.
///
/// Both topics have the same number of partitions, every member subscribes to both, and the assignor is
/// `range`, which deals each topic's partitions by the same rule to the same sorted members. So
/// partition n of both topics always goes to the same member, and a shard has one owner. The sticky and
/// cooperative assignors do not promise that: they move single partitions of either topic.
class group_consumer {
public:
  explicit group_consumer(const kafka_options& options);
  ~group_consumer();
  group_consumer(const group_consumer&) = delete;
  group_consumer& operator=(const group_consumer&) = delete;

  result<void> open(intake_listener& listener);
  void start(shard_id shard, const intake_offsets& next, epoch_t tenure);
  void pause(shard_id shard, bool paused);
  void report_progress(shard_id shard, const intake_offsets& next);
  void close();

private:
  /// A partition while it is ours.
  struct partition {
    queue_ptr queue;                 ///< Where the library puts what it has fetched.
    int64_t next = 0;                ///< Our own count of what was taken.
    std::deque<log_record> waiting;  ///< Taken, not delivered: of this round, or held by a pause.
  };
  /// Where a shard's owner wants to begin.
  struct beginning {
    intake_offsets next{};
    epoch_t tenure;
  };
  struct owned_shard {
    epoch_t tenure;
    bool started = false;
    bool paused = false;
    std::array<partition, intakes> partitions;
  };
  /// What other threads want, until the poll thread comes round. Bounded by the number of shards.
  struct wishes {
    std::map<shard_id, beginning> start;
    std::map<shard_id, bool> pause;
  };
  result<client_ptr> make_client();
  void run();
  void poll(std::vector<rd_kafka_message_t*>& room);
  void take(const rd_kafka_message_t& message);
  void take_error(const rd_kafka_message_t& message);
  void fail(const std::string& why);

  void deliver();
  void fulfil_pauses();
  void fulfil_starts();
  void start_what_waits();
  result<void> start_shards(const std::map<shard_id, beginning>& from, duration timeout);
  result<void> assign_started();
  void route(const owned_shard& shard) const;
  void commit_progress();

  void on_assigned(const rd_kafka_topic_partition_list_t& list);
  void on_revoked();
  static void on_rebalance(rd_kafka_t* client, rd_kafka_resp_err_t code,
                           rd_kafka_topic_partition_list_t* list, void* self);

  std::optional<size_t> topic_index(const char* name) const;
  void wake();

  const kafka_options options_;
  const std::array<std::string, intakes> topics_;
  client_ptr client_;
  queue_ptr queue_;  // destroyed before the client is closed
  intake_listener* listener_ = nullptr;

  std::mutex guard_;  // of what follows, up to the blank line
  wishes wishes_;
  std::map<shard_id, intake_offsets> progress_;

  // Only the poll thread's.
  std::map<shard_id, owned_shard> owned_;
  std::map<shard_id, beginning> starting_;
  std::chrono::steady_clock::time_point start_again_{};
  std::chrono::steady_clock::time_point committed_{};
  std::chrono::steady_clock::time_point warned_{};
  bool failed_ = false;

  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

}  // namespace orrery::kafka
