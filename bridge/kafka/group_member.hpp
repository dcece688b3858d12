#pragma once
/// Our place in the consumer group: which shards are ours. Reads nothing.

#include "bridge/kafka/consumer_troubles.hpp"

#include <atomic>
#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <thread>

namespace orrery::kafka {

/// The group deals out the partitions of `order_topic` alone, and partition n stands for shard n, that
/// is for partition n of both intake topics (`prepare` checks that there are equally many). The
/// assignor is `cooperative-sticky`: who joins or leaves takes nothing from the others but what moves.
///
/// The client is a member and no more. It is never given a partition to read, so that its protocol
/// with the library stays the simplest there is: each rebalance is acknowledged with an empty list, at
/// once, and nothing that reading does can be mistaken for an acknowledgement.
class group_member {
public:
  /// Called on the member's thread. `revoked` may take its time: shards that stay are read meanwhile,
  /// and the library's own thread keeps the heartbeats going.
  struct events {
    std::function<void(const std::vector<shard_id>&)> assigned;
    std::function<void(const std::vector<shard_id>&, bool lost)> revoked;
    std::function<void(const std::string& why)> failed;
  };

  explicit group_member(const kafka_options& options);
  ~group_member();
  group_member(const group_member&) = delete;
  group_member& operator=(const group_member&) = delete;

  result<void> open(events told);
  void report_progress(shard_id shard, const intake_offsets& next);
  /// Revokes everything in order and leaves the group. Idempotent.
  void close();

private:
  result<client_ptr> make_client();
  void run();
  void take_on(const rd_kafka_topic_partition_list_t& list);
  void give_up(const std::vector<shard_id>& shards);
  std::vector<shard_id> ours_of(const rd_kafka_topic_partition_list_t& list) const;
  void commit_progress();
  static void on_rebalance(rd_kafka_t* client, rd_kafka_resp_err_t code,
                           rd_kafka_topic_partition_list_t* list, void* self);

  const kafka_options options_;
  events told_;
  client_ptr client_;
  queue_ptr queue_;  // destroyed before the client is

  std::mutex guard_;
  std::map<shard_id, intake_offsets> progress_;

  std::set<shard_id> owned_;  // the member's thread's, as is what follows
  std::chrono::steady_clock::time_point committed_{};

  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

}  // namespace orrery::kafka
