#include "bridge/kafka/refused_messages.hpp"

#include "base/log.hpp"
#include "bridge/kafka/topics.hpp"
#include "domain/trace.hpp"

#include <algorithm>

namespace orrery::kafka {

namespace {

constexpr auto topic_pause = std::chrono::seconds{60};
constexpr size_t messages_max = 10'000;

bool is_of_topic(rd_kafka_resp_err_t code) {
  return code == RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC ||
         code == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART ||
         code == RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION ||
         code == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED ||
         code == RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION;
}

bool is_of_message(rd_kafka_resp_err_t code) {
  return code == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE ||
         code == RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE ||
         code == RD_KAFKA_RESP_ERR_INVALID_RECORD || code == RD_KAFKA_RESP_ERR_POLICY_VIOLATION ||
         code == RD_KAFKA_RESP_ERR_INVALID_TIMESTAMP || code == RD_KAFKA_RESP_ERR_INVALID_MSG;
}

}  // namespace

std::string id_of(const outgoing& message) {
  const auto found = std::find_if(message.headers.begin(), message.headers.end(),
                                  [](const auto& h) { return h.name == "ce_id"; });
  return found == message.headers.end() ? std::string{} : found->value;
}

refused_messages::refused_messages(const kafka_options& options)
    : dead_letters_(message_dead_letter_topic(options)) {}

void refused_messages::note(const std::string& topic, const std::string& id,
                            rd_kafka_resp_err_t code) {
  if (topic == dead_letters_)
    return;  // ours: tried until it is there
  if (is_of_topic(code))
    return note({topic}, code);
  if (!is_of_message(code))
    return;
  const auto fire = parse_entity_id(id);
  log::error("kafka.message_refused",
             {{"topic", topic},
              {"id", id},
              {"trace", fire ? to_string(trace_of({}, *fire)) : std::string()},
              {"detail", rd_kafka_err2str(code)}});
  const std::lock_guard lock(guard_);
  if (messages_.size() >= messages_max)
    messages_.clear();  // those that are still tried fail once more, and are noted again
  messages_[id] = rd_kafka_err2str(code);
}

void refused_messages::note(const std::vector<std::string>& topics, rd_kafka_resp_err_t code) {
  if (!is_of_topic(code))
    return;
  const auto now = std::chrono::steady_clock::now();
  const std::lock_guard lock(guard_);
  std::erase_if(topics_, [&](const auto& one) { return one.second.until < now; });
  for (const auto& topic : topics)
    if (topic != dead_letters_) {
      const auto [at, is_new] =
          topics_.insert_or_assign(topic, refusal{rd_kafka_err2str(code), now + topic_pause});
      if (is_new)
        log::error(
            "kafka.topic_refused",
            {{"topic", topic}, {"detail", at->second.reason}, {"dead_letters", dead_letters_}});
    }
}

std::optional<std::string> refused_messages::why(const outgoing& message) {
  const std::lock_guard lock(guard_);
  if (const auto found = topics_.find(message.other_topic);
      found != topics_.end() && found->second.until > std::chrono::steady_clock::now())
    return found->second.reason;
  if (messages_.empty())
    return std::nullopt;
  const auto found = messages_.find(id_of(message));
  return found == messages_.end() ? std::nullopt : std::optional(found->second);
}

void refused_messages::divert(outgoing& message, shard_id shard) {
  if (message.other_topic.empty())
    return;
  const auto reason = why(message);
  if (!reason)
    return;
  message.headers.push_back({"orrery-reason", *reason});
  message.headers.push_back({"orrery-target-topic", message.other_topic});
  message.other_topic = dead_letters_;
  message.partition = shard.value;
}

}  // namespace orrery::kafka
