#pragma once
/// The intake log: durable, ordered, partitioned by shard. New work goes in by the producer and comes
/// out, to the shard's one owner, by the consumer.
///
/// Adapters: Kafka, embedded (in the SQLite file), memory (bridge/). Suite:
/// tests/contract/log/log_contract.hpp.

#include "domain/ports/store.hpp"

#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace orrery {

struct log_message {
  intake topic = intake::tasks;
  shard_id shard;
  std::string key;
  std::string value;
  std::vector<log_header> headers;
};

struct log_record {
  intake topic = intake::tasks;
  shard_id shard;
  int64_t offset = 0;
  time_point at{};  ///< The log's timestamp of the record; fixed for ever.
  std::string key;
  std::string value;
  std::vector<log_header> headers;
};

/// Where a message came to lie.
struct log_place {
  intake topic = intake::tasks;
  shard_id shard;
  int64_t offset = 0;
};

class intake_producer {
public:
  virtual ~intake_producer() = default;

  /// `done` runs exactly once, on a thread of the log, also at stop, when all messages are durable
  /// (acks=all; commit in embedded mode) or one of them is not. Messages of one call and shard keep
  /// their order. After a failure some may be durable. Thread-safe, never blocks. Failures: `busy`
  /// (the queue is full: nothing was taken), `unavailable` (nothing became durable within the
  /// delivery timeout), `in_doubt` (the same, but some may be durable), `invalid` (a message is too
  /// large).
  virtual void produce(std::vector<log_message> messages,
                       std::function<void(result<std::vector<log_place>>)> done) = 0;

  /// Whether the log would take work now. Cheap.
  virtual result<void> ready() const = 0;
};

/// Told by the consumer, on threads of its own: `records` on one, `assigned` and `revoked` on another. No
/// record of a shard comes while or after it is revoked. Calls must not block for long: `revoked` may take a few
/// seconds, everything else must hand over and return.
class intake_listener {
public:
  virtual ~intake_listener() = default;
  /// This process now owns these shards (in both topics). Nothing is delivered for a shard until
  /// `intake_consumer::start`.
  virtual void assigned(const std::vector<shard_id>& shards) = 0;
  /// It owns them no longer after this returns. `lost` = others may own them already.
  virtual void revoked(const std::vector<shard_id>& shards, bool lost) = 0;
  /// Records of one shard and topic, offsets rising. Gaps in offsets are normal (control records).
  /// `tenure` is what `start` was given: records of an earlier start may still be under way.
  virtual void records(shard_id shard, epoch_t tenure, std::vector<log_record> batch) = 0;
  /// The consumer cannot go on (fenced, refused configuration); the node must stop.
  virtual void failed(const failure& why) = 0;
};

class intake_consumer {
public:
  virtual ~intake_consumer() = default;

  /// Joins and begins to call the listener. The listener outlives `close`.
  virtual result<void> open(intake_listener& listener) = 0;
  /// Delivers the shard's records from these offsets on, marked with the owner's epoch. Thread-safe;
  /// ignored where not assigned.
  virtual void start(shard_id shard, const intake_offsets& next, epoch_t tenure) = 0;
  /// Stops and restarts delivery; what was read ahead may still come after `pause`. Thread-safe.
  virtual void pause(shard_id shard) = 0;
  virtual void resume(shard_id shard) = 0;
  /// Offset after the last durable record of each topic; blocks up to `timeout`. Thread-safe.
  virtual result<intake_offsets> end(shard_id shard, duration timeout) = 0;
  /// Revokes everything in order, leaves the group. Idempotent.
  virtual void close() = 0;
};

/// Both ends and what belongs to them. Thread-safe.
class intake_log {
public:
  virtual ~intake_log() = default;
  /// Creates topics that are missing with `shards` partitions; `conflict` where a topic has another
  /// count, said in a plain sentence.
  virtual result<void> prepare(uint32_t shards) = 0;
  virtual intake_producer& producer() = 0;
  virtual intake_consumer& consumer() = 0;
  /// Full name of an intake topic, prefix included: what ids and dead letters are derived from.
  virtual std::string topic_name(intake topic) const = 0;
};

}  // namespace orrery
