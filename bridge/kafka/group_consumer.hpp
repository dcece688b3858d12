#pragma once
/// The consumer of both intake topics: a member of the group, its shards, and their records.

#include "bridge/kafka/group_member.hpp"
#include "bridge/kafka/shard_reader.hpp"

namespace orrery::kafka {

/// Two clients with a thread each: one is told which shards are ours, the other reads them. So the
/// shards that stay are read on while those that go finish what they do.
class group_consumer {
public:
  explicit group_consumer(const kafka_options& options);
  ~group_consumer();
  group_consumer(const group_consumer&) = delete;
  group_consumer& operator=(const group_consumer&) = delete;

  /// `records` is called on the one thread, `assigned` and `revoked` on the other; no record of a shard
  /// while or after it is revoked.
  result<void> open(intake_listener& listener);
  void start(shard_id shard, const intake_offsets& next, epoch_t tenure);
  void pause(shard_id shard, bool paused);
  void report_progress(shard_id shard, const intake_offsets& next);
  void close();

private:
  std::atomic<bool> failed_{false};
  shard_reader reader_;
  group_member member_;
};

}  // namespace orrery::kafka
