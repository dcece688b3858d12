#pragma once
/// The rules of unique keys, pure: who holds a key, how long, and what a submission of a held key means.
/// The shard that a key names applies them; all submissions of a key meet there. A task with a limit key lies in
/// the shard that this one names: its unique key counts among the tasks of its limit key.

#include "domain/task.hpp"

namespace orrery {

/// What chooses the shard of a task: its limit key, else its unique key; empty = neither.
const std::string& home_key(const task_spec& spec) noexcept;
/// What its unique key is held as: no two pairs of keys are held as the same, and a unique key alone as it is, unless
/// it begins with U+001F. Empty = it has none.
std::string held_as(const task_spec& spec);

/// The task that holds a key, or held it last.
struct key_holder {
  entity_id id;
  std::string kind;
  std::string queue;
  unique_mode mode = unique_mode::until_done;
  duration window{};
  task_status status = task_status::queued;
  bool started = false;  ///< An attempt has begun in its present run.
  time_point created_at{};

  /// Whether it holds its key, for as long as its window lasts where it has one.
  bool may_hold() const noexcept;
  /// By the mode of the holder. A task that failed, expired or was cancelled holds nothing.
  bool holds(time_point now) const noexcept;
};
key_holder holder_of(const task& t);

/// Whether a row must be found by its key: it holds it, or may do so until its window has passed.
bool may_hold_key(const task& t);
/// Then what it is held as, else empty.
std::string held_key(const task& t);

enum class key_verdict : uint8_t {
  free,       ///< The submission becomes the holder.
  duplicate,  ///< It is recorded as a duplicate of the holder.
  follow,     ///< The same, and its wishes go to the holder (`follow_task`).
};
key_verdict judge_key(const std::optional<key_holder>& holder, const task_spec& wish,
                      time_point now) noexcept;

/// A debounced submission starts `unique_window` after it came, not earlier than it asked for itself.
void settle_debounce(task_spec& spec, time_point submitted_at);

}  // namespace orrery
