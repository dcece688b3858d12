#pragma once
/// Children: entities that another entity starts, in its own shard and in its own commit.
///
/// A parent's `decide` answers with a `decision`: its own events, the children it starts and what it
/// wishes of those that exist. The events and the first events of the children are one unit: they get
/// their positions together and are committed together, or not at all. The id of a child follows from
/// the parent's and a name, so the same start is the same child, and a repeat is absorbed.
///
/// When a run of a child ends, its parent gets `children_ended`, after that end in the order of
/// positions. It may get the same news again: it keeps the newest run it has heard of, and what is not
/// newer changes nothing. What was on its way when an owner died is found again from the rows: a parent
/// that is woken names the children it waits for (`child_watch`), and they are looked at. For that its
/// `wake_at` must not be `never` while it waits for any. docs/decisions/0007.

#include "domain/order_spec.hpp"
#include "domain/task.hpp"

#include <variant>

namespace orrery {

/// `name` is chosen by the parent, one per child: the step and round, the fire time.
entity_id id_of_child(entity_id parent, std::string_view name);

/// A child to be started. Its spec names the parent.
struct child_start {
  entity_id id;
  /// Order of the alternatives = values of `entity_kind`.
  std::variant<shared_value<task_spec>, shared_value<order_spec>> spec;
  /// Set where an earlier decision may have started it: then it is looked up first. Where the parent's
  /// own state excludes that, leave it: it costs a read.
  bool look_up = false;
};

struct cancel_child {
  std::string text;
  bool kill = false;
};
/// A wish for a child that exists. Done at least once: a child that has ended already refuses it.
struct child_command {
  entity_id id;
  entity_kind kind = entity_kind::task;
  cancel_child wish;
};

/// What an entity decides. `starts` holds at most `limits::children_at_once`.
template <class Event>
struct decision {
  std::vector<Event> events;
  std::vector<child_start> starts;
  std::vector<child_command> commands;
};

/// What an entity without children decides is its events.
template <class Event>
decision<Event> as_decision(std::vector<Event> events) {
  return {std::move(events), {}, {}};
}
template <class Event>
decision<Event> as_decision(decision<Event> whole) {
  return whole;
}

enum class child_outcome : uint8_t { succeeded = 0, failed, expired, cancelled };
std::string_view to_string(child_outcome outcome) noexcept;

/// How a run of a child ended.
struct child_end {
  entity_id id;
  uint32_t run = 1;
  child_outcome outcome = child_outcome::succeeded;
  bool began = true;   ///< An attempt was begun: the work may have had an effect.
  std::string result;  ///< JSON text.
  std::string error;
  std::string error_code;

  friend bool operator==(const child_end&, const child_end&) = default;
};
/// Command to the parent: these have ended.
struct children_ended {
  std::vector<child_end> ends;
};

/// A child that a parent waits for.
struct child_watch {
  entity_id id;
  uint32_t heard = 0;  ///< The newest run whose end the parent knows; 0 = none.
  /// What it should have been told by now; told again where it has not ended.
  std::optional<child_command> wish;
};

}  // namespace orrery
