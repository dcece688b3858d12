#pragma once
/// The intake log on Kafka: `order_topic` and `task_topic`, partition = shard.

#include "bridge/kafka/kafka_options.hpp"
#include "domain/ports/intake_log.hpp"

#include <atomic>
#include <memory>

namespace orrery {

namespace kafka {
class group_consumer;
class sender;
}  // namespace kafka

/// Producer and consumer of one node. Kafka need not be there when it is made: `prepare` then fails as
/// `unavailable` and is repeated, and the clients connect as soon as they can.
class kafka_log final : public intake_log, private intake_producer, private intake_consumer {
public:
  /// `invalid` where the library refuses a setting.
  static result<std::unique_ptr<kafka_log>> make(kafka_options options);
  /// Closes the consumer, waits a few seconds for messages on their way, fails the rest.
  ~kafka_log() override;

  /// Also creates the status topics and the dead-letter topics. Blocks for up to half a minute.
  result<void> prepare(uint32_t shards) override;
  intake_producer& producer() override { return *this; }
  intake_consumer& consumer() override { return *this; }
  std::string topic_name(intake topic) const override;

  /// For lag monitors outside: writes the offsets to the consumer group, asynchronously and at most
  /// once a second. Nothing here ever reads them; the store's offsets are the truth.
  void report_progress(shard_id shard, const intake_offsets& next);

private:
  explicit kafka_log(kafka_options options);

  void produce(std::vector<log_message> messages,
               std::function<void(result<std::vector<log_place>>)> done) override;
  result<void> ready() const override;
  result<void> open(intake_listener& listener) override;
  void start(shard_id shard, const intake_offsets& next, epoch_t tenure) override;
  void pause(shard_id shard) override;
  void resume(shard_id shard) override;
  result<intake_offsets> end(shard_id shard, duration timeout) override;
  void close() override;

  const kafka_options options_;
  std::atomic<uint32_t> shards_;  // until `prepare` has said how many there are: the maximum
  std::unique_ptr<kafka::sender> sender_;
  std::unique_ptr<kafka::group_consumer> consumer_;
};

}  // namespace orrery
