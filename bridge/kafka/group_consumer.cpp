#include "bridge/kafka/group_consumer.hpp"

#include "base/check.hpp"
#include "base/log.hpp"
#include "base/worker.hpp"
#include "bridge/kafka/topics.hpp"

#include <algorithm>

namespace orrery::kafka {

namespace {

using steady = std::chrono::steady_clock;

constexpr int poll_ms = 100;
constexpr size_t poll_records = 1000;
constexpr size_t batch_records = 500;
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

shard_id shard_of(int32_t partition) { return shard_id{static_cast<uint16_t>(partition)}; }

}  // namespace

group_consumer::group_consumer(const kafka_options& options)
    : options_(options),
      topics_{intake_topic(options, intake::orders), intake_topic(options, intake::tasks)} {}

group_consumer::~group_consumer() { close(); }

result<client_ptr> group_consumer::make_client() {
  config settings(options_);
  const auto session = milliseconds_of(options_.session_timeout);
  settings.set("group.id", options_.prefix + options_.group)
      .set("partition.assignment.strategy", "range")
      .set("session.timeout.ms", session)
      .set("heartbeat.interval.ms", std::clamp(session / 10, 100, 3000))
      .set("max.poll.interval.ms", std::max(session, 300'000))
      // The store says where a shard goes on; nothing is ever read from the group's offsets.
      .set("enable.auto.commit", "false")
      .set("enable.auto.offset.store", "false")
      .set("auto.offset.reset", "earliest")
      .set("isolation.level", "read_committed")
      .set("fetch.wait.max.ms", 250)
      // Also how long the library waits after its queue was full, which is a full second otherwise.
      .set("fetch.error.backoff.ms", 20)
      .set("queued.max.messages.kbytes", options_.prefetch_kib_max)
      .set("queued.min.messages", options_.prefetch_records)
      .set("fetch.max.bytes", std::max<int64_t>(options_.prefetch_kib_max * 1024L, 2'000'000))
      .set("message.max.bytes", 1'000'000);
  rd_kafka_conf_set_opaque(settings.raw(), this);
  rd_kafka_conf_set_rebalance_cb(settings.raw(), &group_consumer::on_rebalance);
  return std::move(settings).build(RD_KAFKA_CONSUMER);
}

result<void> group_consumer::open(intake_listener& listener) {
  CHECK(!client_, "a consumer is opened once");
  auto client = make_client();
  if (!client)
    return std::move(client).error();
  rd_kafka_poll_set_consumer(client->get());
  const partitions_ptr both(rd_kafka_topic_partition_list_new(intakes));
  for (const auto& name : topics_)
    rd_kafka_topic_partition_list_add(both.get(), name.c_str(), RD_KAFKA_PARTITION_UA);
  if (const auto code = rd_kafka_subscribe(client->get(), both.get());
      code != RD_KAFKA_RESP_ERR_NO_ERROR)
    return failure_of(code, "subscribing to the intake topics");
  listener_ = &listener;
  queue_.reset(rd_kafka_queue_get_consumer(client->get()));
  client_ = std::move(*client);
  thread_ = std::thread([this] { run(); });
  return {};
}

void group_consumer::close() {
  stopping_ = true;
  wake();
  if (thread_.joinable())
    thread_.join();
}

void group_consumer::start(shard_id shard, const intake_offsets& next, epoch_t tenure) {
  {
    const std::lock_guard lock(guard_);
    wishes_.start[shard] = {next, tenure};
  }
  wake();
}

void group_consumer::pause(shard_id shard, bool paused) {
  {
    const std::lock_guard lock(guard_);
    wishes_.pause[shard] = paused;
  }
  wake();
}

void group_consumer::report_progress(shard_id shard, const intake_offsets& next) {
  const std::lock_guard lock(guard_);
  progress_[shard] = next;
}

void group_consumer::wake() {
  const std::lock_guard lock(guard_);
  if (queue_)
    rd_kafka_queue_yield(queue_.get());
}

std::optional<size_t> group_consumer::topic_index(const char* name) const {
  for (size_t i = 0; i < topics_.size(); ++i)
    if (topics_[i] == name)
      return i;
  return {};
}

// The poll thread.

void group_consumer::run() {
  name_this_thread("kafka-intake");
  std::vector<rd_kafka_message_t*> room(poll_records);
  while (!stopping_) {
    fulfil_pauses();
    fulfil_starts();
    deliver();
    poll(room);
    commit_progress();
  }
  {
    const std::lock_guard lock(guard_);
    queue_.reset();
  }
  rd_kafka_consumer_close(client_.get());  // revokes, and so tells the listener
  on_revoked();                            // where the broker was away and no rebalance came
  client_.reset();
}

/// Waits for the first message, then takes what else is there: a batch call with a timeout would wait
/// all of it for a full batch.
void group_consumer::poll(std::vector<rd_kafka_message_t*>& room) {
  auto count = rd_kafka_consume_batch_queue(queue_.get(), poll_ms, room.data(), 1);
  if (count < 1)
    return;
  const auto more = rd_kafka_consume_batch_queue(queue_.get(), 0, room.data() + 1, room.size() - 1);
  count += std::max<ssize_t>(more, 0);
  for (ssize_t i = 0; i < count; ++i) {
    const message_ptr message(room[static_cast<size_t>(i)]);
    if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR)
      take(*message);
    else
      take_error(*message);
  }
  deliver();
}

/// Hands over what waits, in small batches, and looks after each whether the listener has had enough:
/// what the library has read ahead is thousands of records, which a pause must hold back too.
void group_consumer::deliver() {
  for (auto& [id, shard] : owned_)
    for (auto& p : shard.partitions)
      while (!p.waiting.empty() && !shard.paused) {
        const auto count = static_cast<ptrdiff_t>(std::min(batch_records, p.waiting.size()));
        std::vector<log_record> batch(std::make_move_iterator(p.waiting.begin()),
                                      std::make_move_iterator(p.waiting.begin() + count));
        p.waiting.erase(p.waiting.begin(), p.waiting.begin() + count);
        listener_->records(id, shard.tenure, std::move(batch));
        fulfil_pauses();
      }
}

void group_consumer::take(const rd_kafka_message_t& message) {
  const auto topic = topic_index(rd_kafka_topic_name(message.rkt));
  const auto found = owned_.find(shard_of(message.partition));
  // Fetched before a rebalance or a seek, handed out after it. Our own count decides.
  if (!topic || found == owned_.end() || !found->second.started)
    return;
  auto& from = found->second.partitions[*topic];
  if (message.offset < from.next)
    return;
  from.next = message.offset + 1;
  // The library connects a queue again when it begins to fetch, whatever we said before.
  if (found->second.paused && from.waiting.size() % poll_records == 0)
    route(found->second);
  rd_kafka_timestamp_type_t kind{};
  const auto stamp = rd_kafka_message_timestamp(&message, &kind);
  from.waiting.push_back({static_cast<intake>(*topic), found->first, message.offset,
                          from_micros(stamp < 0 ? 0 : stamp * 1000),
                          text_of(message.key, message.key_len),
                          text_of(message.payload, message.len), headers_of(message)});
}

void group_consumer::take_error(const rd_kafka_message_t& message) {
  const std::string text = rd_kafka_message_errstr(&message) != nullptr
                               ? rd_kafka_message_errstr(&message)
                               : rd_kafka_err2str(message.err);
  if (is_final(message.err))
    return fail(text);
  const auto now = steady::now();
  if (now - warned_ < warn_every) {
    log::debug("kafka.consumer", {{"text", text}});
    return;
  }
  warned_ = now;
  log::warning("kafka.consumer", {{"text", text}});
}

void group_consumer::fail(const std::string& why) {
  if (std::exchange(failed_, true))
    return;
  listener_->failed({errc::rejected, "the Kafka consumer cannot go on: " + why});
}

// Rebalances: called inside `poll` and at close, on the poll thread.

void group_consumer::on_rebalance(rd_kafka_t* client, rd_kafka_resp_err_t code,
                                  rd_kafka_topic_partition_list_t* list, void* self) {
  auto& consumer = *static_cast<group_consumer*>(self);
  if (code == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS && !consumer.stopping_) {
    consumer.on_assigned(*list);
    return;
  }
  consumer.on_revoked();
  rd_kafka_assign(client, nullptr);
}

void group_consumer::on_assigned(const rd_kafka_topic_partition_list_t& list) {
  // The empty list says that we have taken note. Nothing may come before `start` has said from where.
  const partitions_ptr nothing_yet(rd_kafka_topic_partition_list_new(0));
  rd_kafka_assign(client_.get(), nothing_yet.get());
  std::map<shard_id, size_t> halves;
  for (int i = 0; i < list.cnt; ++i)
    ++halves[shard_of(list.elems[i].partition)];
  std::vector<shard_id> shards;
  for (const auto& [shard, topics] : halves) {
    if (topics != intakes) {
      log::error("kafka.half_a_shard",
                 {{"shard", shard.value},
                  {"why",
                   "partitions of the two intake topics went to different members; all "
                   "members must subscribe to both, with equal partition counts"}});
      continue;
    }
    auto& mine = owned_[shard];
    for (size_t t = 0; t < intakes; ++t)
      mine.partitions[t].queue.reset(
          rd_kafka_queue_get_partition(client_.get(), topics_[t].c_str(), shard.value));
    shards.push_back(shard);
  }
  log::info("kafka.assigned", {{"shards", shards.size()}});
  if (!shards.empty())
    listener_->assigned(shards);
}

void group_consumer::on_revoked() {
  if (owned_.empty())
    return;
  const bool lost = rd_kafka_assignment_lost(client_.get()) != 0;
  std::vector<shard_id> shards;
  for (const auto& [shard, ignored] : owned_)
    shards.push_back(shard);
  listener_->revoked(shards, lost);
  // Wishes of this tenure must not reach the next one.
  const std::lock_guard lock(guard_);
  owned_.clear();
  starting_.clear();
  wishes_ = {};
  progress_.clear();
  log::info("kafka.revoked", {{"shards", shards.size()}, {"lost", lost}});
}

}  // namespace orrery::kafka
