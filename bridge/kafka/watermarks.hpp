#pragma once
/// The watermarks of publishing: offsets that transactions commit for a consumer group without members,
/// on the partitions of a control topic. Read here; written by shard_publisher.

#include "bridge/kafka/handles.hpp"
#include "domain/ports/event_sink.hpp"

#include <mutex>
#include <optional>

namespace orrery::kafka {

std::string control_topic(const kafka_options& options);
std::string watermark_group(const kafka_options& options);

struct watermark {
  position_t position;
  std::string store;  ///< Identity of the store that the position is of.
};

/// Thread-safe; one question at a time.
class watermarks {
public:
  /// What `read` does while a transaction on the watermark is open.
  enum class pending {
    awaited,  ///< It waits for its end, up to the time limit: then `unavailable`.
    ignored,  ///< It answers what was committed before.
  };
  watermarks(const kafka_options& options, pending how) : options_(options), how_(how) {}
  /// Empty where none was ever committed, or Kafka has forgotten it. Blocks up to `timeout`.
  result<std::optional<watermark>> read(shard_id shard, duration timeout);

private:
  const kafka_options options_;
  const pending how_;
  std::mutex guard_;
  client_ptr client_;
};

/// What is known of a shard's publishing, by the store and by Kafka, put side by side.
struct publishing_facts {
  shard_id shard;
  publishing_state known;
  std::optional<watermark> mark;
  event_sink::tails tails{};  ///< Ends of the topics.
};
/// The positions after which to go on, by topic: the later of mark and end, as the idempotent producer
/// may have published in between. `conflict` where going on could publish an event twice,
/// or leave one out.
result<event_sink::tails> resume_after(const publishing_facts& facts, const std::string& store);

}  // namespace orrery::kafka
