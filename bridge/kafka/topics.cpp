#include "bridge/kafka/topics.hpp"

#include "base/log.hpp"
#include "domain/topics.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <thread>

namespace orrery::kafka {

namespace {

constexpr duration topics_ask_timeout = 5s;
constexpr duration create_timeout = 15s;
constexpr duration usable_timeout = 20s;

std::vector<std::string> all_topics(const kafka_options& options) {
  std::vector<std::string> names;
  for (const auto name : own_topics)
    names.push_back(options.prefix + std::string(name));
  return names;
}

struct found_topic {
  uint32_t partitions = 0;
  bool usable = true;  ///< Every partition has a leader.
};

/// What is there of `names`. All topics are asked for, because asking for one by its name makes a
/// broker with `auto.create.topics.enable` create it, with a count of its own choice.
result<std::map<std::string, found_topic>> look(rd_kafka_t* client,
                                                const std::vector<std::string>& names) {
  const rd_kafka_metadata_t* raw = nullptr;
  const auto code =
      rd_kafka_metadata(client, 1, nullptr, &raw, milliseconds_of(topics_ask_timeout));
  const metadata_ptr metadata(raw);
  if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
    return failure_of(code, "asking Kafka for its topics");
  std::map<std::string, found_topic> found;
  for (int t = 0; t < metadata->topic_cnt; ++t) {
    const auto& topic = metadata->topics[t];
    if (std::find(names.begin(), names.end(), topic.topic) == names.end() ||
        topic.partition_cnt == 0)
      continue;
    auto& entry = found[topic.topic];
    entry.partitions = static_cast<uint32_t>(topic.partition_cnt);
    for (int p = 0; p < topic.partition_cnt; ++p)
      entry.usable = entry.usable && topic.partitions[p].leader >= 0;
  }
  return found;
}

void configure(rd_kafka_NewTopic_t& topic, const kafka_options& options, bool dead_letters) {
  // An acknowledged message survives the loss of one broker where there are three copies or more.
  if (options.replication_factor >= 3)
    rd_kafka_NewTopic_set_config(&topic, "min.insync.replicas", "2");
  // A record that was let in by a foreign producer fits in with the headers that say why it is here.
  if (dead_letters)
    rd_kafka_NewTopic_set_config(&topic, "max.message.bytes", "2097152");
}

/// `partitions` empty: topics of others, which get what the broker gives by default.
result<void> create(rd_kafka_t* client, const kafka_options& options,
                    const std::vector<std::string>& names, std::optional<uint32_t> partitions) {
  std::vector<new_topic_ptr> topics;
  std::vector<rd_kafka_NewTopic_t*> raw;
  std::array<char, 512> why{};
  for (const auto& name : names) {
    topics.emplace_back(rd_kafka_NewTopic_new(
        name.c_str(), partitions ? static_cast<int>(*partitions) : -1,
        partitions ? options.replication_factor : -1, why.data(), why.size()));
    if (!topics.back())
      return failure{errc::invalid, "topic " + name + " cannot be created: " + why.data()};
    if (partitions)
      configure(*topics.back(), options, name.ends_with(".DLT"));
    raw.push_back(topics.back().get());
  }
  const admin_options_ptr how(rd_kafka_AdminOptions_new(client, RD_KAFKA_ADMIN_OP_CREATETOPICS));
  rd_kafka_AdminOptions_set_request_timeout(how.get(), milliseconds_of(create_timeout), why.data(),
                                            why.size());
  const queue_ptr queue(rd_kafka_queue_new(client));
  rd_kafka_CreateTopics(client, raw.data(), raw.size(), how.get(), queue.get());
  const event_ptr event(
      rd_kafka_queue_poll(queue.get(), milliseconds_of(create_timeout + duration{2s})));
  if (!event)
    return failure{errc::unavailable, "creating topics: no answer"};
  if (const auto code = rd_kafka_event_error(event.get()); code != RD_KAFKA_RESP_ERR_NO_ERROR)
    return failure_of(code, "creating topics");
  size_t count = 0;
  const auto* outcome = rd_kafka_event_CreateTopics_result(event.get());
  const auto** each = rd_kafka_CreateTopics_result_topics(outcome, &count);
  for (size_t i = 0; i < count; ++i) {
    const auto code = rd_kafka_topic_result_error(each[i]);
    // Another node may have been faster; its count is checked like any other.
    if (code == RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS)
      continue;
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
      const auto* text = rd_kafka_topic_result_error_string(each[i]);
      return failure{errc::unavailable, std::string("topic ") +
                                            rd_kafka_topic_result_name(each[i]) +
                                            " cannot be created: " + (text ? text : "")};
    }
    log::info("kafka.topic_created", {{"topic", rd_kafka_topic_result_name(each[i])},
                                      {"partitions", partitions.value_or(0)}});
  }
  return {};
}

/// Where the topics of others cannot be made, their messages become dead letters; that is no reason not
/// to start.
void prepare_message_topics(rd_kafka_t* client, const kafka_options& options) {
  if (options.message_topics.empty())
    return;
  const auto found = look(client, options.message_topics);
  std::vector<std::string> missing;
  for (const auto& name : options.message_topics)
    if (found && !found->contains(name))
      missing.push_back(name);
  auto done = found ? result<void>{} : result<void>{found.error()};
  if (done && !missing.empty())
    done = create(client, options, missing, std::nullopt);
  if (!done)
    log::warning("kafka.message_topics", {{"detail", done.error().detail}});
}

/// Whether each partition's leader answers, which is a moment after the metadata name it. What is sent in
/// between comes back and is sent again behind what was sent after it: sender.cpp, `report`.
bool all_answer(rd_kafka_t* client, const std::vector<std::string>& names, uint32_t partitions) {
  const partitions_ptr list(
      rd_kafka_topic_partition_list_new(static_cast<int>(names.size() * partitions)));
  for (const auto& name : names)
    for (uint32_t one = 0; one < partitions; ++one)
      rd_kafka_topic_partition_list_add(list.get(), name.c_str(), static_cast<int32_t>(one));
  return ranges_of(client, *list, 1s).has_value();
}

}  // namespace

std::string intake_topic(const kafka_options& options, intake topic) {
  return options.prefix + (topic == intake::orders ? "order_topic" : "task_topic");
}

std::string status_topic(const kafka_options& options, entity_kind kind) {
  return options.prefix + std::string(to_string(kind)) + "_status_topic";
}

std::string message_dead_letter_topic(const kafka_options& options) {
  return options.prefix + "schedule_topic.DLT";
}

std::string dead_letter_topic(const kafka_options& options, intake topic) {
  return intake_topic(options, topic) + ".DLT";
}

result<void> prepare_topics(rd_kafka_t* client, const kafka_options& options, uint32_t partitions) {
  const auto names = all_topics(options);
  const deadline end(usable_timeout);
  bool created = false;
  for (;;) {
    auto found = look(client, names);
    if (!found)
      return std::move(found).error();
    std::vector<std::string> missing;
    bool usable = true;
    for (const auto& name : names) {
      const auto at = found->find(name);
      if (at == found->end()) {
        missing.push_back(name);
      } else if (at->second.partitions != partitions) {
        return failure{errc::conflict, "topic " + name + " has " +
                                           std::to_string(at->second.partitions) +
                                           " partitions, but this system was set up with " +
                                           std::to_string(partitions) + " shards"};
      } else {
        usable = usable && at->second.usable;
      }
    }
    if (missing.empty() && usable && all_answer(client, names, partitions)) {
      prepare_message_topics(client, options);
      return {};
    }
    if (!missing.empty() && !created) {
      if (auto done = create(client, options, missing, partitions); !done)
        return done;
      created = true;
    }
    if (end.passed())
      return failure{errc::unavailable, "the topics were created but cannot be used yet"};
    std::this_thread::sleep_for(20ms);
  }
}

}  // namespace orrery::kafka
