/// Of a node's start: the log that records come in by, and where events go out.

#include "app/wiring_parts.hpp"

#include "app/patience.hpp"
#include "app/topic_rules.hpp"
#include "bridge/kafka/kafka_sink.hpp"
#include "bridge/redis/redis_mirror.hpp"
#include "persistence/sqlite/embedded_log.hpp"
#include "persistence/sqlite/embedded_sink.hpp"
#include "persistence/sqlite/sqlite_store.hpp"

namespace orrery::app {

result<void> running_node::parts::open_log() {
  if (how.embedded_log()) {
    auto& sqlite = static_cast<sqlite_store&>(*truth);
    log = std::make_unique<embedded_log>(sqlite,
                                         embedded_log_options{.topic_prefix = how.topic_prefix});
    sink = std::make_unique<embedded_sink>(sqlite);
  } else {
    kafka_options options;
    options.bootstrap = how.log.substr(std::string_view("kafka://").size());
    options.node = how.node;
    options.group = how.kafka_group;
    options.prefix = how.topic_prefix;
    options.replication_factor = how.kafka_replication;
    options.compression = how.kafka_compression;
    options.session_timeout = how.kafka_session_timeout;
    options.delivery_timeout = how.kafka_delivery_timeout;
    for (const auto& [name, value] : how.kafka_security)
      options.security[name] = value.reveal();
    options.traces_sample = how.traces_endpoint.empty() ? 0 : how.traces_sample;
    options.message_topics = names_among(how.schedule_topics);
    auto opened = kafka_log::make(options);
    if (!opened)
      return failure{errc::invalid, "log: " + opened.error().detail};
    log = std::move(*opened);
    if (auto ok = open_sink(options); !ok)
      return ok;
  }
  if (!how.redis.empty()) {
    redis_options mirror;
    mirror.address = how.redis;
    sink = std::make_unique<redis_mirror>(std::move(sink), *truth, time, std::move(mirror));
  }
  if (auto ok = patiently("log", [&] { return log->prepare(how.limits.shards); }); !ok)
    return ok;
  if (transactional == nullptr)
    return {};
  return patiently("publish", [&] {
    return transactional->check(how.limits.shards, [&] { return truth->open_reader()->shards(); });
  });
}

result<void> running_node::parts::open_sink(const kafka_options& options) {
  if (how.publish != "transactional") {
    auto opened = kafka_sink::make(options);
    if (!opened)
      return failure{errc::invalid, "log: " + opened.error().detail};
    sink = std::move(*opened);
    return {};
  }
  transactional_options publishing;
  publishing.trust_store = how.publish_resume == "store";
  const auto read_identity = [&]() -> result<void> {
    auto identity = how.embedded_store() ? static_cast<sqlite_store&>(*truth).identity()
                                         : static_cast<postgres_store&>(*truth).identity();
    if (!identity)
      return std::move(identity).error();
    publishing.store_identity = std::move(*identity);
    return {};
  };
  if (auto ok = patiently("store", read_identity); !ok)
    return ok;
  auto opened = transactional_sink::make(options, std::move(publishing));
  if (!opened)
    return failure{errc::invalid, "log: " + opened.error().detail};
  transactional = opened->get();
  sink = std::move(*opened);
  return {};
}

}  // namespace orrery::app
