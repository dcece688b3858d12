#pragma once
/// The messages of the four topics as structs: the one definition that both sides use. Their JSON form
/// is codec/messages.hpp; the catalogue with examples is event_catalog.md.

#include "domain/events.hpp"

#include <optional>
#include <string>
#include <variant>

namespace orrery {

/// A value of `order_topic` or `task_topic` after reading: a command for one entity.
struct intake_message {
  std::string id_text;     ///< `orderId` / `taskId` as it came; empty = none.
  entity_command command;  ///< A submit carries the spec, without `reference`.
};

/// `order_topic`: `{"product":"Laptop","quantity":1,…}` or `{"command":"cancel","orderId":…}`.
/// `task_topic`: `{"command":"submit","kind":…}`, also cancel, rerun, complete, fail.

/// A value of `order_status_topic`.
struct order_status_event {
  entity_id order_id;
  std::string reference;
  std::string product;
  int64_t quantity = 0;
  order_status status = order_status::created;
  std::optional<order_status> previous;  ///< Absent for the first.
  std::string reason;
  shard_id shard;
  position_t position;
  time_point at{};
  std::string traceparent;  ///< A header, not part of the value.

  friend bool operator==(const order_status_event&, const order_status_event&) = default;
};

/// A value of `task_status_topic`.
struct task_status_event {
  entity_id task_id;
  std::string reference;
  std::string kind;
  std::string queue;
  task_status status = task_status::queued;
  std::optional<task_status> previous;
  uint32_t run = 1;
  uint32_t attempt = 0;
  end_reason reason = end_reason::none;  ///< Left out of the JSON where none.
  std::string reason_text;
  std::string result;  ///< JSON text.
  std::string error;
  shard_id shard;
  position_t position;
  time_point at{};
  std::string traceparent;

  friend bool operator==(const task_status_event&, const task_status_event&) = default;
};

/// What a status event needs to know of the state before the event.
template <class Status>
struct status_brief {
  Status status{};
  uint32_t run = 1;
};

/// The status event that tells of `record`, which led from `before` (empty: nothing) to `after`. Empty
/// where the status did not change.
std::optional<task_status_event> status_event_of(
    const std::optional<status_brief<task_status>>& before, const task& after,
    const event_record& record);
std::optional<order_status_event> status_event_of(
    const std::optional<status_brief<order_status>>& before, const order& after,
    const event_record& record);
std::optional<task_status_event> status_event_of(const std::optional<task>& before,
                                                 const task& after, const event_record& record);
std::optional<order_status_event> status_event_of(const std::optional<order>& before,
                                                  const order& after, const event_record& record);

}  // namespace orrery
