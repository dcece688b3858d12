#pragma once
/// Bulk operations: one command for every task that a filter finds, as work that is tracked, can be
/// stopped, and goes on after a restart.
///
/// `operation_store` is what a store keeps of them; adapters as for domain/ports/store.hpp.
/// `operation_desk` is what the faces of a node may ask; implemented in app/.

#include "domain/ports/store.hpp"

#include <functional>
#include <string>
#include <vector>

namespace orrery {

enum class bulk_action : uint8_t { cancel = 0, kill, pause, resume, rerun, reschedule, pin, unpin };
std::string_view to_string(bulk_action action) noexcept;
std::optional<bulk_action> parse_bulk_action(std::string_view text) noexcept;

enum class operation_state : uint8_t { running = 0, done, stopped };
std::string_view to_string(operation_state state) noexcept;
std::optional<operation_state> parse_operation_state(std::string_view text) noexcept;

/// What is wanted, of which tasks.
struct bulk_wish {
  bulk_action action = bulk_action::cancel;
  entity_query filter;   ///< Without cursor, order and limit. At least one member, or `all`.
  bool all = false;      ///< Every task there is.
  std::string reason;    ///< Given with cancel, kill and pause.
  std::string payload;   ///< Rerun: JSON text that replaces the task's; empty = its own.
  time_point run_at{};   ///< Reschedule.
  double rate = 0;       ///< Commands per second; 0 = as fast as they are answered.
  bool dry_run = false;  ///< Only counts what it would touch.
  std::string by;        ///< The principal.
};

struct bulk_operation {
  entity_id id;
  bulk_wish wish;
  operation_state state = operation_state::running;
  bool stop_asked = false;
  std::string node;     ///< Who runs it, or ran it last.
  std::string cursor;   ///< How far it has come.
  int64_t matched = 0;  ///< Tasks found.
  int64_t applied = 0;  ///< Of those, commands that were taken.
  int64_t refused = 0;  ///< Of those, commands that were refused: their state did not allow it.
  std::string refusal;  ///< The last of the refusals.
  time_point created_at{};
  time_point updated_at{};
  time_point finished_at{};
};

/// The command that the operation sends to each task.
task_command command_of(const bulk_wish& wish);
result<void> validate(const bulk_wish& wish);

/// Used by one thread at a time; calls block.
class operation_store {
public:
  virtual ~operation_store() = default;
  virtual result<void> add(const bulk_operation& operation) = 0;
  /// `not_found` where there is none.
  virtual result<bulk_operation> get(entity_id id) = 0;
  /// Newest first.
  virtual result<std::vector<bulk_operation>> list(size_t limit) = 0;
  /// Those that run and are `node`'s, or whose node has not saved them since `stale`: now `node`'s.
  virtual result<std::vector<bulk_operation>> claim(std::string_view node, time_point now,
                                                    time_point stale) = 0;
  /// Saves the progress of what `operation.node` runs; answers whether a stop was asked for.
  /// `conflict` where another node has claimed it.
  virtual result<bool> save(const bulk_operation& operation) = 0;
  /// `not_found`; of what has ended nothing changes.
  virtual result<void> ask_stop(entity_id id) = 0;
};

/// Thread-safe; every call returns at once and runs its callback once, on any thread.
class operation_desk {
public:
  template <class T>
  using answer = std::function<void(result<T>)>;

  virtual ~operation_desk() = default;
  /// Durable before the answer.
  virtual void begin(bulk_wish wish, answer<bulk_operation> done) = 0;
  virtual void get(entity_id id, answer<bulk_operation> done) = 0;
  virtual void list(size_t limit, answer<std::vector<bulk_operation>> done) = 0;
  /// Takes effect before the next page of tasks.
  virtual void stop(entity_id id, answer<bulk_operation> done) = 0;
};

}  // namespace orrery
