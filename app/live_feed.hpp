#pragma once
/// The live feed of a node, read from the journal: so it shows what every node commits, and only that.
///
/// While there are readers, one thread looks every few hundredths of a second at how far each shard has
/// come, reads what is new once, renders it once, and keeps it in a bounded ring that all readers take
/// from at their own pace; a reader has no queue of its own. Who comes with an older place is led up to
/// the ring from the journal; who falls out of the ring is cut and may come back with its place.

#include "app/read_pool.hpp"
#include "domain/ports/live_feed.hpp"

#include <memory>
#include <thread>

namespace orrery::app {

struct feed_options {
  uint32_t shards = 16;
  duration pace = 20ms;  ///< Between two looks; grows with the number of readers up to 40 ms.
  size_t readers_max = 10'000;  ///< More are refused with `busy`.
  size_t ring_bytes = 32 << 20;
  size_t page_events = 1'000;  ///< Read from the journal at once.
};

/// For /metrics.
struct feed_figures {
  size_t readers = 0;
  uint64_t opened = 0;
  uint64_t refused = 0;
  uint64_t cut = 0;  ///< Readers that were too slow.
  uint64_t events = 0;
};

class feed_hub;

/// Thread-safe. Streams may outlive it; they have then ended.
class journal_feed final : public live_feed {
public:
  journal_feed(store& where, const feed_options& how);
  ~journal_feed() override;

  void open(feed_wish wish, std::function<void()> wake,
            std::function<void(result<std::shared_ptr<feed_stream>>)> done) override;
  /// Ends all streams and the thread. Idempotent.
  void stop();
  feed_figures figures() const;

private:
  void follow();
  bool look(entity_store& reader);

  const feed_options how_;
  store& where_;
  std::shared_ptr<feed_hub> hub_;
  std::shared_ptr<read_pool> reads_;
  std::jthread thread_;
};

}  // namespace orrery::app
