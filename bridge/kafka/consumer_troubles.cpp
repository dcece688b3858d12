#include "bridge/kafka/consumer_troubles.hpp"

#include "base/log.hpp"

namespace orrery::kafka {

namespace {

constexpr auto warn_every = 10s;

/// Errors after which waiting does not help: another member took our place, or the brokers refuse what
/// we are configured to ask.
bool is_final(rd_kafka_resp_err_t code) {
  switch (code) {
    case RD_KAFKA_RESP_ERR__FATAL:
    case RD_KAFKA_RESP_ERR__FENCED:
    case RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE:
    case RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID:
    case RD_KAFKA_RESP_ERR_INVALID_SESSION_TIMEOUT:
    case RD_KAFKA_RESP_ERR_INCONSISTENT_GROUP_PROTOCOL:
    case RD_KAFKA_RESP_ERR_INVALID_GROUP_ID:
    case RD_KAFKA_RESP_ERR_UNSUPPORTED_VERSION:
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED: return true;
    default: return false;
  }
}

}  // namespace

consumer_troubles::consumer_troubles(std::function<void(const std::string&)> final)
    : final_(std::move(final)) {}

void consumer_troubles::take(const rd_kafka_message_t& message) {
  const char* said = rd_kafka_message_errstr(&message);
  const std::string text = said != nullptr ? said : rd_kafka_err2str(message.err);
  if (is_final(message.err)) {
    if (!std::exchange(failed_, true))
      final_(text);
    return;
  }
  const auto now = std::chrono::steady_clock::now();
  const bool loud = now - warned_ >= warn_every;
  if (loud)
    warned_ = now;
  log::write(loud ? log::level::warning : log::level::debug, "kafka.consumer", {{"text", text}});
}

}  // namespace orrery::kafka
