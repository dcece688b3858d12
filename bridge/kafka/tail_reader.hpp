#pragma once
/// Reads the last record of a partition that carries a certain header.

#include "bridge/kafka/handles.hpp"

#include <mutex>
#include <optional>

namespace orrery::kafka {

/// Thread-safe; one question at a time. A consumer without a group, made at the first question.
class tail_reader {
public:
  explicit tail_reader(const kafka_options& options) : options_(options) {}

  /// The header's value in the last committed record that has it; steps backwards over control records,
  /// aborted ones and records of others. Empty where the partition holds none. Blocks up to `timeout`.
  result<std::optional<std::string>> last_header(const std::string& topic, int32_t partition,
                                                 const std::string& header, duration timeout);

private:
  result<void> connect();
  result<std::optional<std::string>> scan(rd_kafka_topic_t* topic, int32_t partition, int64_t from,
                                          int64_t end, const std::string& header,
                                          const deadline& until);

  const kafka_options options_;
  std::mutex guard_;
  client_ptr client_;
};

}  // namespace orrery::kafka
