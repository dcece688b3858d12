#pragma once
/// Committed events as they come, for readers that stay: what server-sent events are made of.
///
/// Implemented in app/ over the journal: a reader sees the events of every shard, whichever node owns it,
/// each once, in order of position within its shard, and may go on where it stopped on any node.

#include "domain/events.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace orrery {

/// What a reader wants. Empty members do not filter.
struct feed_wish {
  std::optional<entity_kind> kind = {};
  std::optional<entity_id> id = {};  ///< This entity only; its stream begins with its first event.
  std::vector<std::string> events = {};  ///< Names: `TaskStarted`, `OrderCreated`, …
  /// The id of the last event the reader has seen; empty = from now on (of one entity: from its first).
  std::string after = {};
};

/// Why a stream ended.
enum class feed_end { none, slow, failed, stopping, complete };

/// One reader's place. Used by one thread at a time.
class feed_stream {
public:
  virtual ~feed_stream() = default;

  /// Appends whole frames (`id:`, `event:`, `data:`, an empty line) to `out`, about `bytes_max` of them;
  /// nothing when there is nothing new. Never blocks: `wake` runs when more can be had.
  virtual void take(std::string& out, size_t bytes_max) = 0;
  /// Where the reader stands, as `feed_wish::after` takes it: also past what it did not want.
  virtual std::string place() const = 0;
  /// Set once nothing more will come; the stream is then closed by its reader.
  virtual feed_end ended() const = 0;
};

class live_feed {
public:
  virtual ~live_feed() = default;

  /// Opens a stream. `wake` may run on any thread and often, also before `done`; it must only post.
  /// Failures: `invalid` (a place that is none of ours), `busy` (too many readers). Thread-safe, returns
  /// at once.
  virtual void open(feed_wish wish, std::function<void()> wake,
                    std::function<void(result<std::shared_ptr<feed_stream>>)> done) = 0;
};

}  // namespace orrery
