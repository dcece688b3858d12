#include "persistence/sqlite/embedded_log.hpp"

#include "persistence/sqlite/embedded_consumer.hpp"
#include "persistence/sqlite/embedded_producer.hpp"

namespace orrery {

embedded_log::embedded_log(const sqlite_store& store, embedded_log_options how)
    : how_(std::move(how)),
      consumer_(std::make_unique<embedded_consumer>(store.writer())),
      producer_(std::make_unique<embedded_producer>(store.writer(), *consumer_, how_)) {}

embedded_log::~embedded_log() { consumer_->close(); }

result<void> embedded_log::prepare(uint32_t shards) { return producer_->prepare(shards); }

intake_producer& embedded_log::producer() { return *producer_; }

intake_consumer& embedded_log::consumer() { return *consumer_; }

std::string embedded_log::topic_name(intake topic) const {
  return how_.topic_prefix + (topic == intake::orders ? "order_topic" : "task_topic");
}

}  // namespace orrery
