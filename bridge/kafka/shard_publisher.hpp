#pragma once
/// Publishes the events of one shard in Kafka transactions, each with the watermark in it.

#include "bridge/kafka/refused_messages.hpp"
#include "domain/ports/event_sink.hpp"

#include <mutex>

namespace orrery::kafka {

/// Thread-safe; one call at a time. Any failure ends the producer: whether the transaction was committed
/// is then told by the watermark, once `open` has fenced this one and begun anew.
class shard_publisher {
public:
  /// `refusals` outlives it.
  shard_publisher(const kafka_options& options, std::string store, duration transaction_limit,
                  shard_id shard, refused_messages& refusals);

  /// Fences every earlier publisher of the shard, this one included, and ends its open transaction.
  result<void> open(duration timeout);
  /// What is known to be published, after `open`: nothing at or before `watermark` is taken. Up to
  /// `floor` the topics differ, and no watermark is written: their ends say more.
  void begin_after(position_t watermark, position_t floor);
  /// One transaction. `conflict`: not opened, fenced by another, or at or before the watermark.
  result<void> publish(const std::vector<status_event>& events, duration timeout);
  /// Commits the watermark once more where that was last done before `since`; nothing where closed.
  result<void> refresh(std::chrono::steady_clock::time_point since, duration timeout);
  void close();
  bool opened() const;

private:
  result<void> transact(const std::vector<status_event>& events, position_t upto,
                        const deadline& until);
  error_ptr add_watermark(position_t upto, const deadline& until);
  result<void> produce(const std::vector<status_event>& events);
  result<void> fail(error_ptr error, std::string_view doing);
  static void on_report(rd_kafka_t* client, const rd_kafka_message_t* message, void* self);

  const kafka_options options_;
  const std::string store_;
  const duration transaction_limit_;
  const shard_id shard_;
  refused_messages& refusals_;
  std::vector<std::string> others_;  ///< Topics of schedules' messages in the open transaction.
  mutable std::mutex guard_;
  client_ptr client_;
  bool begun_ = false;  ///< `begin_after` was said.
  position_t watermark_;
  position_t floor_;
  std::chrono::steady_clock::time_point committed_{};
};

}  // namespace orrery::kafka
