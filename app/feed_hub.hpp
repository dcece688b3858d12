#pragma once
/// What the live feed's thread and its readers share: the ring of what is new. Internal to app/.

#include "app/feed_cursor.hpp"
#include "app/live_feed.hpp"

#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <unordered_set>

namespace orrery::app {

/// One event, rendered once for everybody.
struct feed_item {
  entity_id id;
  entity_kind kind = entity_kind::task;
  int64_t position = 0;
  std::string name;  ///< `TaskStarted`, …
  std::string json;
  std::string place;  ///< Of a reader of everything that has seen this event.
};

/// What one look brought.
struct feed_batch {
  uint64_t number = 0;
  feed_positions after;  ///< The head once it is read.
  std::vector<feed_item> items;
  std::string text;  ///< All of it as frames, for those who want everything.
};
using feed_batch_ptr = std::shared_ptr<const feed_batch>;

/// Renders one event; `seen` is the reader's place before it and is moved on.
feed_item make_feed_item(const event_record& record, feed_positions& seen);
void append_feed_frame(std::string& out, std::string_view place, const feed_item& item);

class feed_reader;

/// Thread-safe.
class feed_hub {
public:
  explicit feed_hub(const feed_options& how) : options(how) {}

  const feed_options options;

  // Readers.

  bool add(feed_reader& reader);
  void remove(feed_reader& reader);
  void count_refused();
  void count_cut();

  // The ring. Numbers start at 1; the head stands after batch `head_number`.

  struct head_place {
    uint64_t number = 0;
    feed_positions seen;
  };
  /// Empty until somebody has looked.
  std::optional<head_place> head() const;
  /// Takes effect where there is no head yet.
  void begin(feed_positions seen);
  void push(feed_batch batch);
  enum class found { here, not_yet, gone };
  found batch(uint64_t number, feed_batch_ptr& out) const;

  // The thread.

  /// Waits for the pace, or for a first reader; false = stop. Without readers the ring is forgotten.
  bool wait();
  void stop();
  bool stopping() const;
  feed_figures figures() const;

private:
  mutable std::mutex guard_;
  std::condition_variable changed_;
  std::unordered_set<feed_reader*> readers_;
  std::optional<head_place> head_;
  std::deque<feed_batch_ptr> ring_;
  size_t ring_bytes_ = 0;
  bool stopping_ = false;
  std::chrono::steady_clock::time_point looked_at_{};
  feed_figures figures_;
};

}  // namespace orrery::app
