#include "bridge/kafka/kafka_sink.hpp"

#include "bridge/kafka/refused_messages.hpp"
#include "bridge/kafka/sender.hpp"
#include "bridge/kafka/status_message.hpp"
#include "bridge/kafka/tail_reader.hpp"
#include "bridge/kafka/topics.hpp"
#include "domain/limits.hpp"

namespace orrery {

namespace {

// A dead letter may be as large as a broker takes, and has headers on top.
constexpr size_t dead_letter_bytes_max = 2'000'000;

// The sender's topics: status topics by entity kind, then dead-letter topics by intake.
size_t dead_letter_index(intake source) { return published_kinds + static_cast<size_t>(source); }

kafka::sender::answer without_offsets(std::function<void(result<void>)> done) {
  return [done = std::move(done)](result<std::vector<int64_t>> offsets) {
    done(offsets ? result<void>{} : result<void>{std::move(offsets).error()});
  };
}

}  // namespace

kafka_sink::kafka_sink(kafka_options options)
    : options_(std::move(options)),
      refusals_(std::make_shared<kafka::refused_messages>(options_)) {}

kafka_sink::~kafka_sink() = default;

result<std::unique_ptr<kafka_sink>> kafka_sink::make(kafka_options options) {
  std::unique_ptr<kafka_sink> sink(new kafka_sink(std::move(options)));
  const auto& o = sink->options_;
  auto refusals = sink->refusals_;
  auto sender =
      kafka::sender::open(o, {.role = "sink",
                              .topics = {kafka::status_topic(o, static_cast<entity_kind>(0)),
                                         kafka::status_topic(o, static_cast<entity_kind>(1)),
                                         kafka::status_topic(o, static_cast<entity_kind>(2)),
                                         kafka::dead_letter_topic(o, static_cast<intake>(0)),
                                         kafka::dead_letter_topic(o, static_cast<intake>(1))},
                              .linger = o.sink_linger,
                              .message_bytes_max = dead_letter_bytes_max,
                              .refused = [refusals](const auto& m, auto code) {
                                refusals->note(m.other_topic, kafka::id_of(m), code);
                              }});
  if (!sender)
    return std::move(sender).error();
  sink->sender_ = std::move(*sender);
  sink->tail_ = std::make_unique<kafka::tail_reader>(o);
  return sink;
}

result<void> kafka_sink::ready() const { return sender_->ready(); }

void kafka_sink::publish(shard_id shard, std::vector<status_event> events,
                         std::function<void(result<void>)> done) {
  std::vector<kafka::outgoing> out;
  out.reserve(events.size());
  for (const auto& event : events) {
    out.push_back(kafka::message_of(shard, event, options_.traces_sample));
    refusals_->divert(out.back(), shard);
  }
  sender_->send(std::move(out), without_offsets(std::move(done)));
}

result<event_sink::tails> kafka_sink::last_published(shard_id shard, const publishing_state& known,
                                                     duration timeout) {
  const kafka::deadline until(timeout);
  tails last{};
  for (size_t kind = 0; kind < published_kinds; ++kind) {
    const auto text =
        tail_->last_header(kafka::status_topic(options_, static_cast<entity_kind>(kind)),
                           shard.value, kafka::position_header, until.left());
    if (!text)
      return text.error();
    const auto position = kafka::read_position(*text);
    if (!position)
      return position.error();
    last[kind] = *position;
  }
  // The topics of others cannot be asked. What was published since the store last heard of it comes again.
  if (known.published.value > 0)
    last[message_stream] = known.published;
  return last;
}

void kafka_sink::publish_dead_letters(std::vector<dead_letter> letters,
                                      std::function<void(result<void>)> done) {
  std::vector<kafka::outgoing> out;
  out.reserve(letters.size());
  for (auto& letter : letters) {
    kafka::outgoing m;
    m.topic = dead_letter_index(letter.source);
    m.partition = letter.shard.value;
    m.key = std::move(letter.key);
    m.value = std::move(letter.value);
    // The producer's own first: who looks one of ours up by its name finds ours.
    m.headers = std::move(letter.headers);
    m.headers.insert(m.headers.end(),
                     {{"orrery-reason", letter.reason.substr(0, limits::text_bytes)},
                      {"orrery-source-topic", kafka::intake_topic(options_, letter.source)},
                      {"orrery-source-partition", std::to_string(letter.shard.value)},
                      {"orrery-source-offset", std::to_string(letter.offset)},
                      {"orrery-source-time", format_time(letter.at)}});
    out.push_back(std::move(m));
  }
  sender_->send(std::move(out), without_offsets(std::move(done)));
}

}  // namespace orrery
