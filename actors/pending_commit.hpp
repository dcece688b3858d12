#pragma once
/// What a shard has released and the writer has not yet taken: the batch that is sealed as late as
/// possible. Shared by the shard's actor, which adds, and the journal writer's thread, which seals.

#include "domain/ports/intake_log.hpp"

#include <functional>
#include <mutex>
#include <optional>
#include <unordered_map>

namespace orrery::actors {

struct commit_note;

/// One released effect: events with their positions, the state they lead to, the offset they answer.
struct commit_release {
  uint64_t ordinal = 0;  ///< Counts the releases of the shard, from 1.
  std::vector<event_record> events;
  std::optional<entity> state;           ///< Set where there are events.
  std::optional<uint8_t> status_before;  ///< Empty = the entity is new.
  std::optional<log_place> answered;     ///< The intake record that this completes.
  std::optional<dead_letter> letter;
  bool erased = false;  ///< `state` is what it was: its row goes.
};

struct sealed_commit {
  shard_batch batch;
  uint64_t ordinal = 0;  ///< Of the last release inside.
};

/// At most one batch of a shard is with the writer at a time.
class pending_commit {
public:
  /// `notify` is called from the writer's thread and must only hand over.
  pending_commit(const shard_tenure& tenure, std::function<void(commit_note)> notify);

  /// Adds a release. True: nothing was waiting, so the caller must enlist this with the writer.
  [[nodiscard]] bool add(commit_release release);
  /// Adds several that are one unit: they are never sealed apart.
  [[nodiscard]] bool add(std::vector<commit_release> unit);
  /// Takes all there is. The caller must call `finish` before it seals again.
  sealed_commit seal();
  /// The sealed batch is done. True: more has come, keep this enlisted.
  [[nodiscard]] bool finish();
  /// Entities waiting to be sealed; for pacing.
  size_t size() const;
  shard_id shard() const noexcept { return shard_; }
  void notify(const commit_note& note) const;

private:
  void take_in(commit_release release);
  bool enlists();

  void count_queue(const commit_release& release);
  void note_stock(const commit_release& release);
  enum class stage { idle, enlisted, sealed };

  const shard_id shard_;
  const epoch_t epoch_;
  const std::function<void(commit_note)> notify_;
  mutable std::mutex guard_;
  stage stage_ = stage::idle;
  shard_batch next_;
  uint64_t ordinal_ = 0;
  bool dirty_ = false;
  std::unordered_map<entity_id, size_t> index_;
  std::unordered_map<std::string, size_t> moved_index_;  ///< By queue and kind.
  size_t last_moved_ = 0;  ///< Most releases are of the queue and kind of the one before.
};

}  // namespace orrery::actors
