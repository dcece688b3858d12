#pragma once
/// Log and sink on the broker that all tests of a binary share.

#include "bridge/kafka/kafka_log.hpp"
#include "bridge/kafka/kafka_sink.hpp"
#include "tests/contract/log/log_contract.hpp"
#include "tests/contract/log/raw_kafka.hpp"
#include "tests/contract/log/sink_contract.hpp"

namespace orrery::test {

inline constexpr auto patience = 30s;

inline std::unique_ptr<kafka_log> make_log(const kafka_options& options) {
  auto log = kafka_log::make(options);
  if (!log)
    throw std::runtime_error(log.error().detail);
  return std::move(*log);
}

inline std::unique_ptr<kafka_sink> make_sink(const kafka_options& options) {
  auto sink = kafka_sink::make(options);
  if (!sink)
    throw std::runtime_error(sink.error().detail);
  return std::move(*sink);
}

struct kafka_log_adapter {
  static constexpr std::chrono::milliseconds patience = 30s;
  kafka_options options =
      options_for(kafka_cluster::shared(), kafka_cluster::shared().fresh_prefix());
  std::unique_ptr<intake_log> open() { return make_log(options); }
};

struct kafka_sink_adapter : kafka_log_adapter {
  static constexpr bool one_mark = false;
  kafka_sink_adapter() {
    const auto prepared = make_log(options)->prepare(log_shards);
    EXPECT_TRUE(prepared) << prepared.error().detail;
  }
  std::unique_ptr<event_sink> open() { return make_sink(options); }

  std::vector<position_t> published(shard_id shard, entity_kind kind) const {
    const auto topic = options.prefix + std::string(to_string(kind)) + "_status_topic";
    std::vector<position_t> out;
    for (const auto& record : read_partition(options, topic, shard))
      out.emplace_back(std::stoll(header_of(record, "orrery-position").value_or("-1")));
    return out;
  }
  std::vector<dead_letter> dead_letters(intake source, shard_id shard) const {
    const auto topic = options.prefix + (source == intake::tasks ? "task_topic" : "order_topic");
    std::vector<dead_letter> out;
    for (auto& record : read_partition(options, topic + ".DLT", shard)) {
      EXPECT_EQ(header_of(record, "orrery-source-topic"), topic);
      EXPECT_EQ(header_of(record, "orrery-source-partition"), std::to_string(shard.value));
      out.push_back({source,
                     shard,
                     std::stoll(*header_of(record, "orrery-source-offset")),
                     *parse_time(*header_of(record, "orrery-source-time")),
                     *header_of(record, "orrery-reason"),
                     record.key,
                     record.value,
                     {}});
      // Ours stand behind the producer's: five of them.
      EXPECT_GE(record.headers.size(), 5U);
      out.back().headers.assign(record.headers.begin(), record.headers.end() - 5);
    }
    return out;
  }
};

}  // namespace orrery::test
