#pragma once
/// The messages of our topics as structs: the one definition that both sides use. Their JSON form
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

/// A value of `schedule_status_topic`.
struct schedule_status_event {
  entity_id schedule_id;
  std::string name;
  schedule_status status = schedule_status::active;
  std::optional<schedule_status> previous;
  std::string note;
  uint64_t definition = 1;
  time_point next_at{};  ///< Where the change decided it.
  shard_id shard;
  position_t position;
  time_point at{};
  std::string traceparent;

  friend bool operator==(const schedule_status_event&, const schedule_status_event&) = default;
};

/// A record that a schedule's fire publishes to a topic of somebody else.
struct scheduled_message {
  entity_id id;  ///< Follows from schedule and fire time: a repeat has the same.
  entity_id schedule_id;
  message_template record;
  time_point fire_at{};
  fire_kind kind = fire_kind::scheduled;
  shard_id shard;
  position_t position;
  time_point at{};

  friend bool operator==(const scheduled_message&, const scheduled_message&) = default;
};

/// What committed events lead to outside: a status event, or a schedule's message. The first alternatives
/// are in the order of `entity_kind`.
using status_event =
    std::variant<task_status_event, order_status_event, schedule_status_event, scheduled_message>;
/// The index of messages among them.
inline constexpr size_t message_stream = 3;

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
/// A status event, or the message of a fire.
std::optional<status_event> status_event_of(
    const std::optional<status_brief<schedule_status>>& before, const schedule& after,
    const event_record& record);
/// The message that this event publishes. Needs nothing but the event.
std::optional<scheduled_message> message_in(const event_record& record);
std::optional<task_status_event> status_event_of(const std::optional<task>& before,
                                                 const task& after, const event_record& record);
std::optional<order_status_event> status_event_of(const std::optional<order>& before,
                                                  const order& after, const event_record& record);
std::optional<status_event> status_event_of(const std::optional<schedule>& before,
                                            const schedule& after, const event_record& record);

}  // namespace orrery
