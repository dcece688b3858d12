#pragma once
/// The event sink of an embedded node: its status topics are a view of the journal, so that
/// publishing has nothing left to do.

#include "base/worker.hpp"
#include "domain/ports/event_sink.hpp"

#include <memory>
#include <mutex>

namespace orrery {

/// Thread-safe. Works over any store; the store must outlive it.
class embedded_sink final : public event_sink {
public:
  explicit embedded_sink(store& where);

  /// Answers at once: what is committed is published.
  void publish(shard_id shard, std::vector<status_event> events,
               std::function<void(result<void>)> done) override;
  /// The committed position, for all topics; empty where nothing is committed.
  result<tails> last_published(shard_id shard, const publishing_state& known,
                               duration timeout) override;
  /// Answers at once: the letters stand in the store's table.
  void publish_dead_letters(std::vector<dead_letter> letters,
                            std::function<void(result<void>)> done) override;

  /// The status events of a shard from position `from` on, in order, about `limit` of them: as many
  /// as whole commits hold, at least one unless the journal ends. Go on after the last one's
  /// position.
  result<std::vector<status_event>> read(shard_id shard, position_t from, size_t limit);

private:
  void answer(std::function<void(result<void>)> done);
  result<void> append_status_events(const std::vector<event_record>& records,
                                    std::vector<status_event>& out);

  std::mutex guard_;
  std::unique_ptr<entity_store> reader_;
  worker answers_;
};

}  // namespace orrery
