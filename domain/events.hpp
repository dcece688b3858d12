#pragma once
/// Any entity, any of its events: what the store and the publisher handle alike.

#include "domain/order.hpp"
#include "domain/schedule.hpp"
#include "domain/task.hpp"

namespace orrery {

/// Order of the alternatives = values of `entity_kind`.
using entity = std::variant<task, order, schedule>;
using entity_event = std::variant<task_event, order_event, schedule_event>;
using entity_command = std::variant<task_command, order_command, schedule_command>;

inline entity_kind kind_of(const entity& e) noexcept { return static_cast<entity_kind>(e.index()); }
inline entity_kind kind_of(const entity_event& e) noexcept {
  return static_cast<entity_kind>(e.index());
}
inline entity_kind kind_of(const entity_command& c) noexcept {
  return static_cast<entity_kind>(c.index());
}

entity_id id_of(const entity& e) noexcept;
/// The status as its number, for counters and rows: `task_status` or `order_status`.
uint8_t status_of(const entity& e) noexcept;
bool is_final(const entity& e) noexcept;
time_point wake_at(const entity& e) noexcept;
std::string_view status_text(entity_kind kind, uint8_t status) noexcept;
std::string_view name_of(const entity_event& event) noexcept;
/// Whether any event is called so.
bool is_event_name(std::string_view name) noexcept;

/// Who started it; nil = nobody.
entity_id parent_of(const entity& e) noexcept;
/// How the present run ended. Only of what has ended.
child_end end_of(const entity& e);
/// Whether it has children under way, whose ends it waits for.
bool waits_for_children(const entity& e) noexcept;
/// The command by which a parent hears of its children; empty: its kind has none.
std::optional<entity_command> news_for(entity_kind parent, std::vector<child_end> ends);
entity_command command_of(const child_command& wish);
/// The command by which an entity hears that its time has come.
entity_command wake_command(entity_kind kind);
/// Stored with the entity's own history (all are in the journal).
bool is_kept_in_history(const entity_event& event) noexcept;

/// One event with all that surrounds it. `position` is given by the shard's owner.
struct event_record {
  position_t position;
  entity_id id;
  time_point at{};
  entity_event event;

  friend bool operator==(const event_record&, const event_record&) = default;
};

/// Whether it tells that the entity's row was deleted by retention; the id may then be born again.
bool is_erasure(const entity_event& event) noexcept;
/// The event by which a task or an order is erased.
entity_event erasure_of(entity_kind kind);

/// Folds any event into any entity; the event's kind must be the entity's. An erasure leaves nothing.
void evolve(std::optional<entity>& state, const event_record& record);

}  // namespace orrery
