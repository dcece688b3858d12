#pragma once
/// The event sink on Kafka: the status topics and `<topic>.DLT`, partition = shard, and the topics that
/// schedules publish to, partition by key. Values are plain JSON; the envelope is CloudEvents 1.0 in
/// binary mode.

#include "bridge/kafka/kafka_options.hpp"
#include "domain/ports/event_sink.hpp"

#include <memory>

namespace orrery {

namespace kafka {
class refused_messages;
class sender;
class tail_reader;
}  // namespace kafka

/// Has a producer of its own, so that status events never wait behind the intake. The topics are
/// created by `kafka_log::prepare`.
class kafka_sink final : public event_sink {
public:
  /// `invalid` where the library refuses a setting.
  static result<std::unique_ptr<kafka_sink>> make(kafka_options options);
  /// Waits a few seconds for what is on its way, fails the rest.
  ~kafka_sink() override;

  void publish(shard_id shard, std::vector<status_event> events,
               std::function<void(result<void>)> done) override;
  result<tails> last_published(shard_id shard, const publishing_state& known,
                               duration timeout) override;
  void publish_dead_letters(std::vector<dead_letter> letters,
                            std::function<void(result<void>)> done) override;
  /// Whether Kafka answers, for health pages. Cheap.
  result<void> ready() const;

private:
  explicit kafka_sink(kafka_options options);

  const kafka_options options_;
  std::shared_ptr<kafka::refused_messages> refusals_;  ///< Shared with the sender's reports.
  std::unique_ptr<kafka::sender> sender_;
  std::unique_ptr<kafka::tail_reader> tail_;
};

}  // namespace orrery
