#pragma once
/// Where committed events go: the status topics, the topics of schedules' messages, the dead letters.
///
/// Adapters: Kafka; embedded, where the status topics are a view of the journal and publishing has
/// nothing left to do; memory (bridge/). Suite: tests/contract/log/sink_contract.hpp.

#include "domain/messages.hpp"
#include "domain/ports/store.hpp"

#include <functional>
#include <optional>
#include <variant>
#include <vector>

namespace orrery {

/// Where a shard's publishing stands, by the store.
struct publishing_state {
  position_t committed;  ///< Of the last committed event.
  position_t published;  ///< Every event up to here is known to be published (a lower bound).
};

class event_sink {
public:
  virtual ~event_sink() = default;

  /// Publishes in the order given; positions rise within a shard. `done` runs exactly once on a thread
  /// of the sink when all are durable, or with the failure. Calls for one shard are made one after the
  /// other. Thread-safe, never blocks. After a failure the caller asks `last_published` and repeats from
  /// there; `conflict`: another publishes this shard now. A message of a schedule that its topic will
  /// never take goes to `schedule_topic.DLT` instead and holds up nothing.
  virtual void publish(shard_id shard, std::vector<status_event> events,
                       std::function<void(result<void>)> done) = 0;

  /// Position up to which all status events of the shard are durable, per topic (indexed by
  /// `entity_kind`): that of the last one in the topic, or a later one; empty where a topic holds none.
  /// And for the messages of schedules (`message_stream`), whose topics are not only ours: what is known,
  /// so that they may be published again from there.
  /// `conflict`: going on from what is `known` would repeat events or leave some out, and people must
  /// decide. Blocks up to `timeout`.
  using tails = std::array<std::optional<position_t>, std::variant_size_v<status_event>>;
  virtual result<tails> last_published(shard_id shard, const publishing_state& known,
                                       duration timeout) = 0;

  /// Copies records to `<topic>.DLT`, byte for byte, with their own headers and behind them headers for
  /// reason, source topic, partition and offset. A repeat after a crash is possible. `invalid`: one of
  /// them will never be taken.
  virtual void publish_dead_letters(std::vector<dead_letter> letters,
                                    std::function<void(result<void>)> done) = 0;
};

}  // namespace orrery
