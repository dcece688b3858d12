#pragma once
/// Messages of schedules that Kafka will not take, and topics that take none.
///
/// A message for a topic that does not exist would fail for ever, and with it everything that the shard
/// publishes behind it. So a refusal that trying again does not mend is noted, and the next try sends the
/// message to `schedule_topic.DLT`, with the reason.

#include "bridge/kafka/sender.hpp"

#include <map>
#include <mutex>

namespace orrery::kafka {

/// Thread-safe.
class refused_messages {
public:
  explicit refused_messages(const kafka_options& options);

  /// A message failed so. Kept where another try cannot help: for a minute where it is the topic's fault,
  /// of up to 10,000 messages where it is their own.
  void note(const std::string& topic, const std::string& id, rd_kafka_resp_err_t code);
  /// All messages for these topics failed so, in one transaction.
  void note(const std::vector<std::string>& topics, rd_kafka_resp_err_t code);
  /// Turns a message that was refused into a dead letter in the partition of its shard.
  void divert(outgoing& message, shard_id shard);

private:
  struct refusal {
    std::string reason;
    std::chrono::steady_clock::time_point until{};
  };
  std::optional<std::string> why(const outgoing& message);

  const std::string dead_letters_;
  std::mutex guard_;
  std::map<std::string, refusal> topics_;
  std::map<std::string, std::string> messages_;  ///< Reasons, by `ce_id`.
};

/// The `ce_id` of a message; empty where it has none.
std::string id_of(const outgoing& message);

}  // namespace orrery::kafka
