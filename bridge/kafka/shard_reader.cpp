#include "bridge/kafka/shard_reader.hpp"

#include "base/check.hpp"
#include "base/worker.hpp"
#include "bridge/kafka/topics.hpp"

#include <algorithm>

namespace orrery::kafka {

namespace {

constexpr int batch_poll_ms = 100;
constexpr size_t poll_records = 1000;
constexpr size_t batch_records = 500;

}  // namespace

shard_reader::shard_reader(const kafka_options& options)
    : options_(options),
      names_{intake_topic(options, intake::orders), intake_topic(options, intake::tasks)} {}

shard_reader::~shard_reader() { close(); }

result<client_ptr> shard_reader::make_client() {
  config settings(options_);
  settings.set("enable.auto.commit", "false")
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
  return std::move(settings).build(RD_KAFKA_CONSUMER);
}

result<void> shard_reader::open(intake_listener& listener,
                                std::function<void(const std::string&)> failed) {
  CHECK(!client_, "a reader is opened once");
  auto client = make_client();
  if (!client)
    return std::move(client).error();
  client_ = std::move(*client);
  for (size_t t = 0; t < intakes; ++t)
    topics_[t].reset(rd_kafka_topic_new(client_.get(), names_[t].c_str(), nullptr));
  queue_.reset(rd_kafka_queue_new(client_.get()));
  listener_ = &listener;
  thread_ = std::thread([this, failed = std::move(failed)] { run(failed); });
  return {};
}

void shard_reader::close() {
  stopping_ = true;
  wake();
  if (thread_.joinable())
    thread_.join();
}

void shard_reader::hold(const std::vector<shard_id>& shards) {
  {
    const std::lock_guard lock(guard_);
    for (const auto shard : shards)
      held_[shard] = ++last_;
  }
  wake();
}

void shard_reader::release(const std::vector<shard_id>& shards) {
  {
    const std::lock_guard under_way(delivery_);
    const std::lock_guard lock(guard_);
    for (const auto shard : shards) {
      held_.erase(shard);
      wishes_.start.erase(shard);
      wishes_.pause.erase(shard);
    }
  }
  wake();
}

void shard_reader::start(shard_id shard, const intake_offsets& next, epoch_t tenure) {
  {
    const std::lock_guard lock(guard_);
    if (const auto found = held_.find(shard); found != held_.end())
      wishes_.start[shard] = {found->second, next, tenure};
  }
  wake();
}

void shard_reader::pause(shard_id shard, bool paused) {
  {
    const std::lock_guard lock(guard_);
    if (const auto found = held_.find(shard); found != held_.end())
      wishes_.pause[shard] = {found->second, paused};
  }
  wake();
}

void shard_reader::wake() {
  const std::lock_guard lock(guard_);
  if (queue_)
    rd_kafka_queue_yield(queue_.get());
}

// The reader's thread.

void shard_reader::run(std::function<void(const std::string&)> failed) {
  name_this_thread("kafka-intake");
  consumer_troubles troubles(std::move(failed));
  std::vector<rd_kafka_message_t*> room(poll_records);
  while (!stopping_) {
    settle();
    fulfil_pauses();
    fulfil_starts();
    deliver();
    poll(room, troubles);
  }
  for (auto& [id, shard] : owned_)
    end(id, shard);
  owned_.clear();
  {
    const std::lock_guard lock(guard_);
    queue_.reset();
  }
  for (auto& topic : topics_)
    topic.reset();
  client_.reset();
}

/// Waits for the first message, then takes what else is there: a batch call with a timeout would wait
/// all of it for a full batch.
void shard_reader::poll(std::vector<rd_kafka_message_t*>& room, consumer_troubles& troubles) {
  (void)rd_kafka_poll(client_.get(), 0);
  auto count = rd_kafka_consume_batch_queue(queue_.get(), batch_poll_ms, room.data(), 1);
  if (count < 1)
    return;
  const auto more = rd_kafka_consume_batch_queue(queue_.get(), 0, room.data() + 1, room.size() - 1);
  count += std::max<ssize_t>(more, 0);
  for (ssize_t i = 0; i < count; ++i) {
    const message_ptr message(room[static_cast<size_t>(i)]);
    if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR)
      take(*message);
    else
      troubles.take(*message);
  }
  deliver();
}

void shard_reader::take(const rd_kafka_message_t& message) {
  const auto found = owned_.find(shard_id{static_cast<uint16_t>(message.partition)});
  // Fetched before the shard was given up or begun anew, handed out after it. Our own count decides.
  if (found == owned_.end() || !found->second.started)
    return;
  const bool orders = message.rkt == topics_[static_cast<size_t>(intake::orders)].get();
  const auto topic = orders ? intake::orders : intake::tasks;
  auto& from = found->second.partitions[static_cast<size_t>(topic)];
  if (message.offset < from.next)
    return;
  from.next = message.offset + 1;
  // The library may connect a queue again when it begins to fetch, whatever we said before.
  if (found->second.paused && from.waiting.size() % poll_records == 0)
    route(found->second);
  rd_kafka_timestamp_type_t kind{};
  const auto stamp = rd_kafka_message_timestamp(&message, &kind);
  from.waiting.push_back({topic, found->first, message.offset,
                          from_micros(stamp < 0 ? 0 : stamp * 1000),
                          text_of(message.key, message.key_len),
                          text_of(message.payload, message.len), headers_of(message)});
}

/// Hands over what waits, in small batches, and looks after each whether the listener has had enough:
/// what the library has read ahead is thousands of records, which a pause must hold back too.
void shard_reader::deliver() {
  for (auto& [id, shard] : owned_)
    for (auto& p : shard.partitions)
      while (!p.waiting.empty() && !shard.paused) {
        const auto count = static_cast<ptrdiff_t>(std::min(batch_records, p.waiting.size()));
        std::vector<log_record> batch(std::make_move_iterator(p.waiting.begin()),
                                      std::make_move_iterator(p.waiting.begin() + count));
        p.waiting.erase(p.waiting.begin(), p.waiting.begin() + count);
        if (!hand_over(id, shard, std::move(batch)))
          p.waiting.clear();
        fulfil_pauses();
      }
}

/// False where the shard was released meanwhile.
bool shard_reader::hand_over(shard_id id, const owned_shard& shard, std::vector<log_record> batch) {
  const std::lock_guard under_way(delivery_);
  {
    const std::lock_guard lock(guard_);
    const auto found = held_.find(id);
    if (found == held_.end() || found->second != shard.held)
      return false;
  }
  listener_->records(id, shard.tenure, std::move(batch));
  return true;
}

}  // namespace orrery::kafka
