#include "domain/messages.hpp"

namespace orrery {

std::optional<task_status_event> status_event_of(
    const std::optional<status_brief<task_status>>& before, const task& after,
    const event_record& record) {
  const bool new_run = before && before->run != after.run;
  const auto* of_task = std::get_if<task_event>(&record.event);
  const auto* refused =
      of_task != nullptr ? std::get_if<task_submission_refused>(of_task) : nullptr;
  if (before && before->status == after.status && !new_run && refused == nullptr)
    return std::nullopt;
  task_status_event e;
  e.task_id = after.id;
  e.reference = after.spec->reference;
  e.kind = after.spec->kind;
  e.queue = after.spec->queue;
  e.status = after.status;
  if (before)
    e.previous = before->status;
  e.run = after.run;
  e.attempt = after.attempt;
  e.reason = after.status == task_status::running ? end_reason::none : after.reason;
  e.reason_text = refused != nullptr ? refused->reason : after.reason_text;
  e.result = after.result;
  e.error = after.error;
  e.shard = after.id.shard();
  e.position = record.position;
  e.at = record.at;
  e.traceparent = after.spec->traceparent;
  return e;
}

std::optional<order_status_event> status_event_of(
    const std::optional<status_brief<order_status>>& before, const order& after,
    const event_record& record) {
  const auto* of_order = std::get_if<order_event>(&record.event);
  const auto* refused =
      of_order != nullptr ? std::get_if<order_submission_refused>(of_order) : nullptr;
  if (before && before->status == after.status && refused == nullptr)
    return std::nullopt;
  order_status_event e;
  e.order_id = after.id;
  e.reference = after.spec->reference;
  e.product = after.spec->product;
  e.quantity = after.spec->quantity;
  e.status = after.status;
  if (before)
    e.previous = before->status;
  e.reason = refused != nullptr ? refused->reason : after.reason;
  e.shard = after.id.shard();
  e.position = record.position;
  e.at = record.at;
  e.traceparent = after.spec->traceparent;
  return e;
}

std::optional<task_status_event> status_event_of(const std::optional<task>& before,
                                                 const task& after, const event_record& record) {
  return status_event_of(
      before ? std::optional(status_brief<task_status>{before->status, before->run}) : std::nullopt,
      after, record);
}

std::optional<order_status_event> status_event_of(const std::optional<order>& before,
                                                  const order& after, const event_record& record) {
  return status_event_of(
      before ? std::optional(status_brief<order_status>{before->status, 1}) : std::nullopt, after,
      record);
}

std::optional<scheduled_message> message_in(const event_record& record) {
  const auto* of_schedule = std::get_if<schedule_event>(&record.event);
  const auto* fired = of_schedule != nullptr ? std::get_if<schedule_fired>(of_schedule) : nullptr;
  if (fired == nullptr || fired->message.topic.empty())
    return std::nullopt;
  return scheduled_message{fired->child, record.id,         fired->message,  fired->at,
                           fired->kind,  record.id.shard(), record.position, record.at};
}

namespace {

/// Of the event and not of the state: a replay folds without the fires, which move it as well.
time_point next_time_in(const schedule_event& event) {
  return std::visit(
      [](const auto& e) {
        if constexpr (
            requires { e.next_at; } && !requires { e.turn; })
          return e.next_at;
        else
          return never;
      },
      event);
}

}  // namespace

std::optional<status_event> status_event_of(
    const std::optional<status_brief<schedule_status>>& before, const schedule& after,
    const event_record& record) {
  if (auto message = message_in(record))
    return status_event{std::move(*message)};
  if (before && before->status == after.status)
    return std::nullopt;
  schedule_status_event e;
  e.schedule_id = after.id;
  e.name = after.spec->name;
  e.status = after.status;
  if (before)
    e.previous = before->status;
  e.note = after.note;
  e.definition = after.definition;
  e.next_at = next_time_in(std::get<schedule_event>(record.event));
  e.shard = after.id.shard();
  e.position = record.position;
  e.at = record.at;
  return status_event{std::move(e)};
}

std::optional<status_event> status_event_of(const std::optional<schedule>& before,
                                            const schedule& after, const event_record& record) {
  return status_event_of(
      before ? std::optional(status_brief<schedule_status>{before->status, 1}) : std::nullopt,
      after, record);
}

}  // namespace orrery
