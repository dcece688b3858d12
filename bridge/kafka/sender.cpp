#include "bridge/kafka/sender.hpp"

#include "base/check.hpp"
#include "base/crash_point.hpp"
#include "base/log.hpp"
#include "base/worker.hpp"

#include <array>

namespace orrery::kafka {

namespace {

using steady = std::chrono::steady_clock;

constexpr auto poll_every = 100ms;
constexpr auto ask_every = 1s;           // while there is no traffic
constexpr auto ask_again_every = 250ms;  // while Kafka is away
constexpr auto ask_timeout = 500ms;
constexpr auto bad_after_failure = 1s;
constexpr auto stop_grace = 5s;
// What the record format adds to key, value and headers, generously.
constexpr size_t frame_bytes = 128;

/// How long a topic may be unknown before its messages fail: the stock 30 s would hold up the others.
int unknown_topic_patience(int timeout) { return std::min(3000, timeout / 2); }

size_t size_of(const outgoing& m) {
  size_t bytes = m.key.size() + m.value.size() + frame_bytes;
  for (const auto& h : m.headers)
    bytes += h.name.size() + h.value.size() + 10;
  return bytes;
}

}  // namespace

sender::sender(const kafka_options& options, settings how)
    : options_(options), how_(std::move(how)) {}

result<std::unique_ptr<sender>> sender::open(const kafka_options& options, settings how) {
  std::unique_ptr<sender> made(new sender(options, std::move(how)));
  auto first = made->make_producer();
  if (!first)
    return std::move(first).error();
  made->producer_ = std::move(*first);
  made->thread_ = std::thread([self = made.get()] { self->run(); });
  return made;
}

sender::~sender() {
  stopping_ = true;
  if (!thread_.joinable())
    return;
  {
    const std::lock_guard lock(guard_);
    const queue_ptr queue(rd_kafka_queue_get_main(producer_->client.get()));
    rd_kafka_queue_yield(queue.get());
  }
  thread_.join();
}

result<std::shared_ptr<sender::producer>> sender::make_producer() {
  config wanted(options_);
  const auto timeout = milliseconds_of(options_.delivery_timeout);
  wanted.set("enable.idempotence", "true")
      .set("acks", "all")
      .set("compression.codec", options_.compression)
      .set("linger.ms", milliseconds_of(how_.linger))
      .set("batch.num.messages", 10'000)
      // Ours stay below these two, so that a call is taken whole or not at all.
      .set("queue.buffering.max.messages", static_cast<int64_t>(options_.queue_messages_max * 2))
      .set("queue.buffering.max.kbytes",
           static_cast<int64_t>(options_.queue_bytes_max / 1024 * 2 + 1024))
      .set("message.max.bytes", static_cast<int64_t>(how_.message_bytes_max + 2 * frame_bytes))
      .set("message.timeout.ms", timeout)
      .set("request.timeout.ms", timeout)
      .set("topic.metadata.propagation.max.ms", unknown_topic_patience(timeout))
      .set("partitioner", "murmur2_random")
      .set("socket.timeout.ms", std::max(timeout, 1000));
  rd_kafka_conf_set_opaque(wanted.raw(), this);
  rd_kafka_conf_set_dr_msg_cb(wanted.raw(), &sender::on_report);
  rd_kafka_conf_set_error_cb(wanted.raw(), &sender::on_error);
  auto client = std::move(wanted).build(RD_KAFKA_PRODUCER);
  if (!client)
    return std::move(client).error();
  auto made = std::make_shared<producer>();
  made->client = std::move(*client);
  for (const auto& name : how_.topics)
    made->topics.emplace_back(rd_kafka_topic_new(made->client.get(), name.c_str(), nullptr));
  return made;
}

std::shared_ptr<rd_kafka_t> sender::client() const {
  const std::lock_guard lock(guard_);
  return {producer_, producer_->client.get()};
}

result<void> sender::ready() const {
  if (!up_) {
    const std::lock_guard lock(guard_);
    return failure{errc::unavailable, down_reason_};
  }
  if (in_flight_ >= options_.queue_messages_max || in_flight_bytes_ >= options_.queue_bytes_max)
    return failure{errc::busy, "the queue to Kafka is full"};
  return {};
}

// The way out.

void sender::send(std::vector<outgoing> messages, answer done) {
  size_t bytes = 0;
  if (auto admitted = admit(messages, bytes); !admitted)
    return refuse(std::move(done), std::move(admitted).error());
  if (messages.empty())
    return refuse(std::move(done), std::vector<int64_t>{});

  auto* whole = new call;  // deleted by `finish`, after the last report
  const auto count = messages.size();
  whole->messages = std::move(messages);
  whole->slots.resize(count);
  whole->offsets.resize(count, -1);
  whole->open = count;
  whole->bytes = bytes;
  whole->done = std::move(done);
  std::shared_ptr<producer> to;
  {
    const std::lock_guard lock(guard_);
    to = producer_;
  }
  for (size_t i = 0; i < count; ++i) {
    auto& one = whole->slots[i];
    one = {whole, i};
    const auto code = hand_over(*to, one);
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR)
      continue;
    tell_refused(one, code);
    // What follows would overtake the one that failed, so the rest of the call is not tried. Its last
    // report may be ours: the answer then still has to run on the sender's thread.
    {
      const std::lock_guard lock(whole->guard);
      if (whole->outcome)
        whole->outcome = failure_of(code, "handing a message to the Kafka client");
    }
    if (whole->open.fetch_sub(count - i) == count - i) {
      auto [ended, outcome] = finish(*whole);
      refuse(std::move(ended), std::move(outcome));
    }
    return;
  }
  if (how_.role == "log")
    reach(crash_point::submit_before_durable);
}

/// Takes the room for a call, or says why not. All or nothing, before anything is handed over.
result<void> sender::admit(const std::vector<outgoing>& messages, size_t& bytes) {
  for (const auto& m : messages) {
    const auto size = size_of(m);
    if (size > how_.message_bytes_max)
      return failure{errc::invalid, "a message of " + std::to_string(size) +
                                        " bytes is larger than " +
                                        std::to_string(how_.message_bytes_max)};
    bytes += size;
  }
  const auto count = messages.size();
  if (in_flight_.fetch_add(count) + count > options_.queue_messages_max) {
    in_flight_ -= count;
    return failure{errc::busy, "the queue to Kafka is full"};
  }
  if (in_flight_bytes_.fetch_add(bytes) + bytes > options_.queue_bytes_max) {
    in_flight_bytes_ -= bytes;
    in_flight_ -= count;
    return failure{errc::busy, "the queue to Kafka is full"};
  }
  return {};
}

rd_kafka_resp_err_t sender::hand_over(producer& to, slot& one) {
  auto& m = one.owner->messages[one.index];
  std::array<rd_kafka_vu_t, 6> parts{};
  if (m.other_topic.empty()) {
    parts[0].vtype = RD_KAFKA_VTYPE_RKT;
    parts[0].u.rkt = to.topics[m.topic].get();
  } else {
    parts[0].vtype = RD_KAFKA_VTYPE_TOPIC;
    parts[0].u.cstr = m.other_topic.c_str();
  }
  parts[1].vtype = RD_KAFKA_VTYPE_PARTITION;
  parts[1].u.i32 = m.partition;
  parts[2].vtype = RD_KAFKA_VTYPE_VALUE;  // not copied: the call keeps it until the report
  parts[2].u.mem = {m.value.data(), m.value.size()};
  parts[3].vtype = RD_KAFKA_VTYPE_KEY;
  parts[3].u.mem = {m.key.data(), m.key.size()};
  parts[4].vtype = RD_KAFKA_VTYPE_OPAQUE;
  parts[4].u.ptr = &one;
  size_t count = 5;
  headers_ptr headers;
  if (!m.headers.empty()) {
    headers = make_headers(m.headers);
    parts[5].vtype = RD_KAFKA_VTYPE_HEADERS;
    parts[5].u.headers = headers.get();
    ++count;
  }
  const error_ptr error(rd_kafka_produceva(to.client.get(), parts.data(), count));
  if (error)
    return rd_kafka_error_code(error.get());
  (void)headers.release();  // the message owns them now
  return RD_KAFKA_RESP_ERR_NO_ERROR;
}

void sender::tell_refused(const slot& one, rd_kafka_resp_err_t code) const {
  const auto& m = one.owner->messages[one.index];
  if (how_.refused && !m.other_topic.empty())
    how_.refused(m, code);
}

void sender::refuse(answer done, result<std::vector<int64_t>> outcome) {
  const std::lock_guard lock(guard_);
  refused_.push_back({std::move(done), std::move(outcome)});
  const queue_ptr queue(rd_kafka_queue_get_main(producer_->client.get()));
  rd_kafka_queue_yield(queue.get());
}

/// Gives back the room of a call and takes its answer out; whoever reported last runs it.
sender::ended_call sender::finish(call& whole) {
  const std::unique_ptr<call> owned(&whole);
  in_flight_ -= whole.slots.size();
  in_flight_bytes_ -= whole.bytes;
  if (!whole.outcome) {
    // Who sends a call again that Kafka may have taken, wholly or in part, may have it twice.
    auto why = std::move(whole.outcome).error();
    if (whole.perhaps_there && why.code == errc::unavailable)
      why.code = errc::in_doubt;
    return {std::move(whole.done), std::move(why)};
  }
  return {std::move(whole.done), std::move(whole.offsets)};
}

void sender::on_report(rd_kafka_t*, const rd_kafka_message_t* message, void* self) {
  const bool perhaps = rd_kafka_message_status(message) != RD_KAFKA_MSG_STATUS_NOT_PERSISTED;
  static_cast<sender*>(self)->report(*static_cast<slot*>(message->_private), message->err,
                                     message->offset, perhaps);
}

void sender::report(slot& one, rd_kafka_resp_err_t code, int64_t offset, bool perhaps_there) {
  auto& whole = *one.owner;
  if (perhaps_there)
    whole.perhaps_there = true;
  if (code == RD_KAFKA_RESP_ERR_NO_ERROR && offset < 0) {
    // Not Kafka's word but the library's: to a batch that Kafka calls out of order, and that lies before
    // what it acknowledged, the library says that Kafka has had it. Yet Kafka takes whatever comes first
    // from a new producer. Where the first batch met a partition without a leader, the second is the
    // first; and the first, sent again, is nowhere (seen with librdkafka 2.0.2 and Kafka 3.9.1).
    log::warning("kafka.acknowledged_nowhere", {{"client", how_.role}});
    const std::lock_guard lock(whole.guard);
    if (whole.outcome)
      whole.outcome = failure{errc::in_doubt, "Kafka has not said where it put the message"};
  } else if (code == RD_KAFKA_RESP_ERR_NO_ERROR) {
    whole.offsets[one.index] = offset;
    heard_ = steady::now();
    silent_ = 0;
    if (!up_ && heard_ - failed_ > bad_after_failure)
      set_up();
  } else {
    if (code == RD_KAFKA_RESP_ERR__MSG_TIMED_OUT) {
      failed_ = steady::now();
      set_down("Kafka did not take messages in time");
    }
    tell_refused(one, code);
    const std::lock_guard lock(whole.guard);
    if (whole.outcome)
      whole.outcome = failure_of(code, "delivering to Kafka");
  }
  if (whole.open.fetch_sub(1) == 1) {
    auto [ended, outcome] = finish(whole);
    ended(std::move(outcome));
  }
}

// The thread.

void sender::run() {
  name_this_thread("kafka-" + how_.role);
  while (!stopping_) {
    std::shared_ptr<producer> mine;
    {
      const std::lock_guard lock(guard_);
      mine = producer_;
    }
    rd_kafka_poll(mine->client.get(), milliseconds_of(poll_every));
    answer_refused();
    if (mine->fatal) {
      mine.reset();
      replace_producer();
      continue;
    }
    probe();
  }
  drain(*producer_, up_ ? duration{stop_grace} : duration{0});
  answer_refused();
}

void sender::answer_refused() {
  std::deque<ended_call> now;
  {
    const std::lock_guard lock(guard_);
    now.swap(refused_);
  }
  for (auto& ended : now)
    ended.done(std::move(ended.outcome));
}

/// Asks Kafka whether it is there while nothing else tells. A hanging broker keeps its connections, so
/// without a question an idle node would learn of it from the first client's timeout.
void sender::probe() {
  const auto now = steady::now();
  const bool quiet = now - heard_ > ask_every;
  if (up_ ? !quiet || now - asked_ < ask_every : now - asked_ < ask_again_every)
    return;
  const rd_kafka_metadata_t* raw = nullptr;
  const auto code =
      rd_kafka_metadata(producer_->client.get(), 0, nullptr, &raw, milliseconds_of(ask_timeout));
  const metadata_ptr metadata(raw);
  asked_ = steady::now();
  bool answered = code == RD_KAFKA_RESP_ERR_NO_ERROR && metadata->broker_cnt > 0;
  std::string why = answered ? "" : failure_of(code, "asking Kafka").detail;
  for (int t = 0; answered && t < metadata->topic_cnt; ++t)
    for (int p = 0; p < metadata->topics[t].partition_cnt; ++p)
      if (metadata->topics[t].partitions[p].leader < 0) {
        answered = false;
        why = std::string("a partition of ") + metadata->topics[t].topic + " has no leader";
      }
  if (!answered) {
    // One slow answer is no outage.
    if (++silent_ >= 2)
      set_down(why);
    return;
  }
  silent_ = 0;
  heard_ = asked_;
  if (asked_ - failed_ > bad_after_failure)
    set_up();
}

void sender::answered() { set_up(); }

void sender::set_up() {
  if (up_.exchange(true))
    return;
  log::info("kafka.up", {{"client", how_.role}});
}

void sender::set_down(const std::string& why) {
  {
    const std::lock_guard lock(guard_);
    down_reason_ = "Kafka is away: " + why;
  }
  if (up_.exchange(false))
    log::warning("kafka.down", {{"client", how_.role}, {"why", why}});
}

void sender::on_error(rd_kafka_t* client, int code, const char* text, void* opaque) {
  auto& self = *static_cast<sender*>(opaque);
  if (code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN) {
    self.set_down(text);
  } else if (code == RD_KAFKA_RESP_ERR__FATAL) {
    std::array<char, 512> why{};
    rd_kafka_fatal_error(client, why.data(), why.size());
    log::warning("kafka.producer_failed", {{"client", self.how_.role}, {"why", why.data()}});
    const std::lock_guard lock(self.guard_);
    if (self.producer_->client.get() == client)
      self.producer_->fatal = true;
  }
}

/// A producer with a fatal error takes nothing any more. Its successor gets a new producer id; what the
/// old one still held is failed, and its callers repeat it or not.
void sender::replace_producer() {
  auto fresh = make_producer();
  CHECK(fresh.has_value(), "settings that made one producer make another");
  std::shared_ptr<producer> old;
  {
    const std::lock_guard lock(guard_);
    old = std::exchange(producer_, std::move(*fresh));
  }
  drain(*old, duration{0});
  log::info("kafka.producer_replaced", {{"client", how_.role}});
}

/// Every message of this producer is reported when this returns.
void sender::drain(producer& from, duration grace) {
  auto* client = from.client.get();
  const deadline polite(grace);
  while (rd_kafka_outq_len(client) > 0 && !polite.passed())
    rd_kafka_poll(client, 10);
  rd_kafka_purge(client, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
  const deadline patience(10s);
  while (rd_kafka_outq_len(client) > 0 && !patience.passed())
    rd_kafka_poll(client, 10);
  if (const auto left = rd_kafka_outq_len(client); left > 0)
    log::error("kafka.unanswered", {{"client", how_.role}, {"messages", left}});
}

}  // namespace orrery::kafka
