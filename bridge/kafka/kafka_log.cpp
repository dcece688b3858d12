#include "bridge/kafka/kafka_log.hpp"

#include "bridge/kafka/group_consumer.hpp"
#include "bridge/kafka/sender.hpp"
#include "bridge/kafka/topics.hpp"

namespace orrery {

kafka_log::kafka_log(kafka_options options) : options_(std::move(options)), shards_(shards_max) {}

result<std::unique_ptr<kafka_log>> kafka_log::make(kafka_options options) {
  std::unique_ptr<kafka_log> log(new kafka_log(std::move(options)));
  auto sender = kafka::sender::open(log->options_,
                                    {.role = "log",
                                     .topics = {kafka::intake_topic(log->options_, intake::orders),
                                                kafka::intake_topic(log->options_, intake::tasks)},
                                     .linger = log->options_.log_linger,
                                     .message_bytes_max = log->options_.message_bytes_max});
  if (!sender)
    return std::move(sender).error();
  log->sender_ = std::move(*sender);
  log->consumer_ = std::make_unique<kafka::group_consumer>(log->options_);
  return log;
}

kafka_log::~kafka_log() {
  if (consumer_)
    consumer_->close();
}

result<void> kafka_log::prepare(uint32_t shards) {
  auto prepared = kafka::prepare_topics(sender_->client().get(), options_, shards);
  if (prepared) {
    shards_ = shards;
    sender_->answered();
  }
  return prepared;
}

std::string kafka_log::topic_name(intake topic) const {
  return kafka::intake_topic(options_, topic);
}

void kafka_log::produce(std::vector<log_message> messages,
                        std::function<void(result<std::vector<log_place>>)> done) {
  const auto shards = shards_.load();
  bool known = true;
  std::vector<kafka::outgoing> out;
  std::vector<log_place> places;
  out.reserve(messages.size());
  places.reserve(messages.size());
  for (auto& m : messages) {
    known = known && m.shard.value < shards;
    places.push_back({m.topic, m.shard, -1});
    out.push_back({static_cast<size_t>(m.topic), static_cast<int32_t>(m.shard.value),
                   std::move(m.key), std::move(m.value), std::move(m.headers)});
  }
  auto answer = [places = std::move(places),
                 done = std::move(done)](result<std::vector<int64_t>> offsets) mutable {
    if (!offsets)
      return done(std::move(offsets).error());
    for (size_t i = 0; i < places.size(); ++i)
      places[i].offset = (*offsets)[i];
    done(std::move(places));
  };
  if (known)
    sender_->send(std::move(out), std::move(answer));
  else
    sender_->refuse(std::move(answer),
                    failure{errc::invalid, "a message names a shard that does not exist"});
}

result<void> kafka_log::ready() const { return sender_->ready(); }

result<void> kafka_log::open(intake_listener& listener) { return consumer_->open(listener); }

void kafka_log::start(shard_id shard, const intake_offsets& next, epoch_t tenure) {
  consumer_->start(shard, next, tenure);
}

void kafka_log::pause(shard_id shard) { consumer_->pause(shard, true); }

void kafka_log::resume(shard_id shard) { consumer_->pause(shard, false); }

void kafka_log::report_progress(shard_id shard, const intake_offsets& next) {
  consumer_->report_progress(shard, next);
}

result<intake_offsets> kafka_log::end(shard_id shard, duration timeout) {
  const kafka::partitions_ptr list(rd_kafka_topic_partition_list_new(intakes));
  for (const auto topic : {intake::orders, intake::tasks})
    rd_kafka_topic_partition_list_add(list.get(), topic_name(topic).c_str(), shard.value);
  auto ranges = kafka::ranges_of(sender_->client().get(), *list, timeout);
  if (!ranges)
    return std::move(ranges).error();
  return intake_offsets{(*ranges)[0].end, (*ranges)[1].end};
}

void kafka_log::close() { consumer_->close(); }

}  // namespace orrery
