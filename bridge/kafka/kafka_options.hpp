#pragma once
/// How to reach Kafka, and the limits we keep there.

#include "base/time.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace orrery {

struct kafka_options {
  std::string bootstrap;                ///< `host:port,host:port`
  std::string node = "orrery";          ///< Client id: what brokers' logs call us.
  std::string group = "orrery";         ///< Consumer group; the prefix is put before it.
  std::string prefix;                   ///< Before every topic name and the group.
  int replication_factor = 1;           ///< Of topics that we create.
  duration session_timeout = 6s;        ///< After which a silent member loses its shards.
  duration delivery_timeout = 10s;      ///< After which a message counts as not delivered.
  duration log_linger = 1ms;            ///< How long a batch of the intake waits for company.
  duration sink_linger = 5ms;           ///< The same for status events.
  size_t queue_messages_max = 100'000;  ///< In flight per producer; beyond it: `busy`.
  size_t queue_bytes_max = 128 * 1024 * 1024;
  size_t message_bytes_max = 1'000'000;  ///< Key, value and headers; brokers take 1 MiB by default.
  uint32_t prefetch_kib_max = 8 * 1024;  ///< Read ahead per consumer (per partition while paused).
  uint32_t prefetch_records = 2'000;     ///< Read ahead per shard and topic, at least.
  std::vector<std::string> message_topics;  ///< Of schedules' messages; created where missing.
  /// Part of the messages of schedules that begin a trace which is recorded; 0 = none of them.
  double traces_sample = 0;
  /// Of what we produce: none, gzip, snappy, lz4 or zstd. Every client reads `none`; some need a
  /// library of their own for the rest.
  std::string compression = "none";
  /// Handed to the library as they are: `security.protocol`, `sasl.mechanism`, `ssl.ca.location`, …
  std::map<std::string, std::string> security;
};

}  // namespace orrery
