#include "bridge/kafka/shard_publisher.hpp"

#include "base/log.hpp"
#include "bridge/kafka/status_message.hpp"
#include "bridge/kafka/topics.hpp"
#include "bridge/kafka/watermarks.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <thread>

namespace orrery::kafka {

namespace {

using group_metadata_ptr = std::unique_ptr<rd_kafka_consumer_group_metadata_t,
                                           deleter<rd_kafka_consumer_group_metadata_destroy>>;

constexpr size_t message_bytes_max = 2'000'000;

/// Repeats a step of the protocol for as long as the library says that this may help.
template <class Call>
error_ptr repeatedly(const deadline& until, Call call) {
  for (;;) {
    error_ptr error(call(milliseconds_of(until.left())));
    if (!error || rd_kafka_error_is_retriable(error.get()) == 0 || until.passed())
      return error;
    std::this_thread::sleep_for(20ms);
  }
}

}  // namespace

shard_publisher::shard_publisher(const kafka_options& options, std::string store,
                                 duration transaction_limit, shard_id shard,
                                 refused_messages& refusals)
    : options_(options),
      store_(std::move(store)),
      transaction_limit_(transaction_limit),
      shard_(shard),
      refusals_(refusals) {}

result<void> shard_publisher::open(duration timeout) {
  const deadline until(timeout);
  const std::lock_guard lock(guard_);
  client_.reset();
  begun_ = false;
  config settings(options_);
  // One batch after the other: with several under way, one that came back would be sent behind the next,
  // which Kafka takes as the first of a new producer; and librdkafka calls the other delivered (sender.cpp).
  settings.set("max.in.flight.requests.per.connection", 1);
  settings.set("transactional.id", watermark_group(options_) + "-" + std::to_string(shard_.value))
      .set("transaction.timeout.ms", milliseconds_of(transaction_limit_))
      .set("message.timeout.ms", milliseconds_of(transaction_limit_))
      .set("compression.codec", options_.compression)
      .set("message.max.bytes", static_cast<int64_t>(message_bytes_max))
      .set("linger.ms", 0)
      .set("partitioner", "murmur2_random")
      // A topic that is not there is found out within the transaction's time.
      .set("topic.metadata.propagation.max.ms",
           std::min(3000, milliseconds_of(transaction_limit_) / 3))
      // Most of a round is waiting for the markers of the one before; the stock 100 ms double it.
      .set("retry.backoff.ms", 20);
  rd_kafka_conf_set_opaque(settings.raw(), this);
  rd_kafka_conf_set_dr_msg_cb(settings.raw(), &shard_publisher::on_report);
  auto client = std::move(settings).build(RD_KAFKA_PRODUCER);
  if (!client)
    return std::move(client).error();
  client_ = std::move(*client);
  if (auto error = repeatedly(
          until, [&](int limit) { return rd_kafka_init_transactions(client_.get(), limit); }))
    return fail(std::move(error), "beginning to publish");
  return {};
}

void shard_publisher::begin_after(position_t watermark, position_t floor) {
  const std::lock_guard lock(guard_);
  if (!client_)
    return;
  watermark_ = watermark;
  floor_ = floor;
  begun_ = true;
  committed_ = {};  // read, not committed by us: due for a refresh
}

bool shard_publisher::opened() const {
  const std::lock_guard lock(guard_);
  return client_ && begun_;
}

void shard_publisher::close() {
  const std::lock_guard lock(guard_);
  client_.reset();
}

result<void> shard_publisher::publish(const std::vector<status_event>& events, duration timeout) {
  const deadline until(timeout);
  const std::lock_guard lock(guard_);
  if (!client_ || !begun_)
    return failure{errc::conflict, "the shard's publishing must begin anew"};
  if (position_of(events.front()) <= watermark_) {
    client_.reset();
    return failure{errc::conflict, "position " + std::to_string(position_of(events.front()).value) +
                                       " was published before"};
  }
  return transact(events, position_of(events.back()), until);
}

result<void> shard_publisher::refresh(std::chrono::steady_clock::time_point since,
                                      duration timeout) {
  const deadline until(timeout);
  const std::lock_guard lock(guard_);
  if (!client_ || !begun_ || committed_ >= since || watermark_.value == 0 || watermark_ < floor_)
    return {};
  return transact({}, watermark_, until);
}

result<void> shard_publisher::transact(const std::vector<status_event>& events, position_t upto,
                                       const deadline& until) {
  auto* client = client_.get();
  if (error_ptr error{rd_kafka_begin_transaction(client)})
    return fail(std::move(error), "beginning a transaction");
  if (auto produced = produce(events); !produced) {
    client_.reset();  // and the transaction with it: the successor ends it
    return produced;
  }
  if (upto >= floor_)
    if (auto error = add_watermark(upto, until))
      return fail(std::move(error), "adding the watermark");
  if (auto error =
          repeatedly(until, [&](int limit) { return rd_kafka_commit_transaction(client, limit); }))
    return fail(std::move(error), "committing status events");
  watermark_ = upto;
  committed_ = std::chrono::steady_clock::now();
  return {};
}

error_ptr shard_publisher::add_watermark(position_t upto, const deadline& until) {
  const partitions_ptr mark(rd_kafka_topic_partition_list_new(1));
  auto* one =
      rd_kafka_topic_partition_list_add(mark.get(), control_topic(options_).c_str(), shard_.value);
  one->offset = upto.value;
  // The list frees it with the library's own free.
  one->metadata = rd_kafka_mem_malloc(client_.get(), store_.size() + 1);
  std::memcpy(one->metadata, store_.c_str(), store_.size() + 1);
  one->metadata_size = store_.size();
  const group_metadata_ptr group(
      rd_kafka_consumer_group_metadata_new(watermark_group(options_).c_str()));
  return repeatedly(until, [&](int limit) {
    return rd_kafka_send_offsets_to_transaction(client_.get(), mark.get(), group.get(), limit);
  });
}

result<void> shard_publisher::produce(const std::vector<status_event>& events) {
  const std::array<std::string, published_kinds> topics = {
      status_topic(options_, static_cast<entity_kind>(0)),
      status_topic(options_, static_cast<entity_kind>(1)),
      status_topic(options_, static_cast<entity_kind>(2))};
  others_.clear();
  for (const auto& event : events) {
    auto m = message_of(shard_, event, options_.traces_sample);
    refusals_.divert(m, shard_);
    const auto& topic = m.other_topic.empty() ? topics[m.topic] : m.other_topic;
    if (!m.other_topic.empty() &&
        std::find(others_.begin(), others_.end(), m.other_topic) == others_.end())
      others_.push_back(m.other_topic);
    auto headers = make_headers(m.headers);
    const auto code = rd_kafka_producev(
        client_.get(), RD_KAFKA_V_TOPIC(topic.c_str()), RD_KAFKA_V_PARTITION(m.partition),
        RD_KAFKA_V_KEY(m.key.data(), m.key.size()),
        RD_KAFKA_V_VALUE(const_cast<char*>(m.value.data()), m.value.size()),
        RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_HEADERS(headers.get()),
        RD_KAFKA_V_END);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
      if (!m.other_topic.empty())
        refusals_.note(m.other_topic, id_of(m), code);
      return failure_of(code, "handing a status event to the Kafka client");
    }
    (void)headers.release();  // the message owns them now
  }
  return {};
}

/// Runs within our own calls: the library serves reports while it commits.
void shard_publisher::on_report(rd_kafka_t*, const rd_kafka_message_t* message, void* opaque) {
  auto& self = *static_cast<shard_publisher*>(opaque);
  const std::string topic = rd_kafka_topic_name(message->rkt);
  if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR ||
      std::find(self.others_.begin(), self.others_.end(), topic) == self.others_.end())
    return;
  rd_kafka_headers_t* headers = nullptr;
  const void* value = nullptr;
  size_t size = 0;
  std::string id;
  if (rd_kafka_message_headers(message, &headers) == RD_KAFKA_RESP_ERR_NO_ERROR &&
      rd_kafka_header_get_last(headers, "ce_id", &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR)
    id.assign(static_cast<const char*>(value), size);
  self.refusals_.note(topic, id, message->err);
}

/// Whatever it was: the producer goes. What its transaction came to is told by the watermark.
result<void> shard_publisher::fail(error_ptr error, std::string_view doing) {
  const auto code = rd_kafka_error_code(error.get());
  refusals_.note(others_, code);
  const bool fenced = code == RD_KAFKA_RESP_ERR__FENCED ||
                      code == RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH ||
                      code == RD_KAFKA_RESP_ERR_PRODUCER_FENCED;
  failure why{fenced ? errc::conflict : errc::unavailable,
              std::string(doing) + ": " + rd_kafka_error_string(error.get())};
  if (rd_kafka_error_txn_requires_abort(error.get()) != 0) {
    // Readers see what comes behind an open transaction only when it has ended.
    const error_ptr ignored(rd_kafka_abort_transaction(client_.get(), 1000));
  }
  log::info("kafka.transaction_failed",
            {{"shard", shard_.value}, {"fenced", fenced}, {"detail", why.detail}});
  client_.reset();
  return why;
}

}  // namespace orrery::kafka
