#pragma once
/// One reader of the live feed: led up to the ring from the journal, then taking from the ring. Internal
/// to app/.

#include "app/feed_hub.hpp"

#include <atomic>

namespace orrery::app {

class feed_reader final : public feed_stream, public std::enable_shared_from_this<feed_reader> {
public:
  feed_reader(std::shared_ptr<feed_hub> hub, std::shared_ptr<read_pool> reads, feed_wish wish,
              std::function<void()> wake);
  ~feed_reader() override;

  /// Finds the place to begin at; `done` runs once, with the failure or when the stream may be read.
  void begin(std::function<void(result<void>)> done);
  /// Any thread.
  void wake() const { wake_(); }

  void take(std::string& out, size_t bytes_max) override;
  std::string place() const override;
  feed_end ended() const override;

private:
  /// A job of the reader threads: reads one page from the journal towards `target_`.
  void lead_up();
  result<bool> read_page(entity_store& store);
  result<bool> read_shard(entity_store& store, uint16_t shard);
  result<bool> read_history(entity_store& store);
  void emit(const event_record& record);
  bool wants(const feed_item& item) const;
  void take_from_ring(std::string& out, size_t bytes_max);
  void fell_out();
  void finish(feed_end why);

  const std::shared_ptr<feed_hub> hub_;
  const std::shared_ptr<read_pool> reads_;
  const feed_wish wish_;
  const bool everything_;
  const std::function<void()> wake_;
  bool counted_ = false;

  mutable std::mutex guard_;  ///< Of all below: the reader's thread and a reading job meet here.
  feed_end ended_ = feed_end::none;
  bool live_ = false;
  bool fresh_ = false;  ///< Led up, and nothing taken from the ring yet.
  bool reading_ = false;
  feed_hub::head_place target_;
  feed_positions seen_;
  int64_t entity_seen_ = 0;
  std::string pending_;
  uint64_t next_batch_ = 0;
};

}  // namespace orrery::app
