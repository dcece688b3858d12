#include "codec/messages.hpp"

#include "codec/detail/schedule_body.hpp"
#include "codec/detail/write_spec.hpp"

namespace orrery::codec {

namespace {

using namespace detail;

void optional_reason(json_writer& out, std::string_view name, end_reason reason) {
  if (reason != end_reason::none)
    out.field(name, to_string(reason));
}

void write_progress(json_writer& out, double progress, const std::string& message,
                    const std::string& cursor) {
  if (progress >= 0)
    out.field("progress", progress);
  out.optional_field("message", message);
  optional_raw(out, "cursor", cursor);
}

void write_extra(json_writer& out, const task_extra& e) {
  write_progress(out, e.progress, e.message, e.cursor);
  optional_time(out, "extendedTo", e.ends_at);
  if (e.snoozes > 0)
    out.field("snoozes", e.snoozes);
  if (e.follow_up.is_set())
    out.field("followUp", true);
  if (e.orphans.empty())
    return;
  out.key("lateResults").begin_array();
  for (const auto& late : e.orphans) {
    out.begin_object().field("run", late.token.run).field("attempt", late.token.attempt);
    out.field("at", late.at);
    optional_raw(out, "result", late.result);
    out.end_object();
  }
  out.end_array();
}

void write_parent(json_writer& out, entity_id parent) {
  if (!parent.is_nil())
    out.field("parentId", parent.value);
}

void write_steps(json_writer& out, const order& o) {
  out.field("flowVersion", o.plan->version).key("steps").begin_array();
  for (size_t i = 0; i < o.steps.size(); ++i) {
    const auto& step = o.steps[i];
    out.begin_object().field("name", o.plan->steps[i].name);
    out.field("status", to_string(step.status));
    if (!step.child.is_nil())
      out.field("taskId", step.child.value);
    optional_time(out, "startedAt", step.started_at);
    optional_time(out, "endedAt", step.ended_at);
    optional_raw(out, "result", step.result);
    out.optional_field("error", step.error).optional_field("errorCode", step.error_code);
    out.end_object();
  }
  out.end_array();
}

void write_view(json_writer& out, const task& t) {
  out.field("taskId", t.id.value).optional_field("reference", t.spec->reference);
  out.field("status", to_string(t.status));
  write_members(out, *t.spec, defaults::written);
  out.field("run", t.run).field("attempt", t.attempt);
  out.field("createdAt", t.created_at).field("updatedAt", t.updated_at);
  optional_time(out, "queuedAt", t.queued_at);
  optional_time(out, "startedAt", t.started_at);
  optional_time(out, "finishedAt", t.finished_at);
  optional_time(out, "nextAt", t.next_at);
  optional_reason(out, "reason", t.reason);
  out.optional_field("reasonText", t.reason_text);
  optional_raw(out, "result", t.result);
  out.optional_field("error", t.error).optional_field("errorCode", t.error_code);
  out.optional_field("worker", t.worker);
  if (t.hold)
    out.field("pauseRequested", true);
  if (t.pinned)
    out.field("pinned", true);
  if (t.extra.is_set())
    write_extra(out, *t.extra);
  write_parent(out, t.spec->parent);
  out.field("version", t.version).field("shard", uint32_t{t.id.shard().value});
}

void write_view(json_writer& out, const order& o) {
  out.field("orderId", o.id.value).optional_field("reference", o.spec->reference);
  out.field("status", to_string(o.status));
  write_members(out, *o.spec);
  optional_time(out, "expiresAt", o.expires_at());
  out.optional_field("reason", o.reason);
  out.field("createdAt", o.created_at).field("updatedAt", o.updated_at);
  optional_time(out, "finishedAt", o.finished_at);
  write_parent(out, o.spec->parent);
  if (!o.steps.empty())
    write_steps(out, o);
  out.field("version", o.version).field("shard", uint32_t{o.id.shard().value});
}

/// The members of an event beside its type, position, time and id.
struct event_writer {
  json_writer& out;

  void error(end_reason reason, const std::string& text, const std::string& code) const {
    optional_reason(out, "reason", reason);
    out.optional_field("error", text).optional_field("errorCode", code);
  }

  void operator()(const task_submitted& e) const {
    out.optional_field("reference", e.spec->reference);
    write_members(out, *e.spec, defaults::left_out);
  }
  void operator()(const task_started& e) const {
    out.field("run", e.token.run).field("attempt", e.token.attempt);
    out.optional_field("worker", e.worker);
  }
  void operator()(const task_succeeded& e) const { optional_raw(out, "result", e.result); }
  void operator()(const task_retry_scheduled& e) const {
    error(e.reason, e.error, e.error_code);
    optional_time(out, "nextAt", e.next_at);
  }
  void operator()(const task_failed& e) const { error(e.reason, e.error, e.error_code); }
  void operator()(const task_expired& e) const { optional_reason(out, "reason", e.clock); }
  void operator()(const task_cancelled& e) const {
    optional_reason(out, "reason", e.reason);
    out.optional_field("reasonText", e.text);
  }
  void operator()(const task_paused& e) const {
    error(e.reason, e.error, e.error_code);
    out.optional_field("reasonText", e.text);
  }
  void operator()(const task_progressed& e) const {
    write_progress(out, e.progress, e.message, e.cursor);
    optional_time(out, "extendedTo", e.ends_at);
  }
  void operator()(const task_snoozed& e) const {
    optional_time(out, "nextAt", e.next_at);
    out.optional_field("reasonText", e.text);
  }
  void operator()(const task_result_orphaned& e) const {
    out.field("run", e.token.run).field("attempt", e.token.attempt);
    optional_raw(out, "result", e.result);
  }
  void operator()(const task_result_adopted& e) const {
    out.field("run", e.token.run).field("attempt", e.token.attempt);
  }
  void operator()(const task_rescheduled& e) const { optional_time(out, "runAt", e.run_at); }
  void operator()(const task_replaced& e) const { write_members(out, *e.spec, defaults::left_out); }
  void operator()(const task_followed& e) const { write_members(out, *e.spec, defaults::left_out); }
  void operator()(const task_pause_requested& e) const { out.optional_field("reasonText", e.text); }
  void operator()(const task_pinned& e) const { out.field("pinned", e.pinned); }
  void operator()(const task_rerun& e) const { optional_raw(out, "payload", e.payload); }
  void operator()(const order_created& e) const {
    out.optional_field("reference", e.spec->reference);
    write_members(out, *e.spec);
  }
  void operator()(const order_flow_begun& e) const {
    out.field("flow", e.plan->name).field("flowVersion", e.plan->version);
  }
  void operator()(const order_step_started& e) const {
    out.field("step", e.step).field("taskId", e.child.value);
    if (e.undo)
      out.field("compensation", true);
  }
  void operator()(const order_step_ended& e) const {
    out.field("step", e.step).field("taskId", e.end.id.value).field("run", e.end.run);
    out.field("outcome", to_string(e.end.outcome));
    optional_raw(out, "result", e.end.result);
    out.optional_field("error", e.end.error).optional_field("errorCode", e.end.error_code);
  }
  void operator()(const order_step_skipped& e) const {
    out.field("step", e.step).optional_field("reason", e.reason);
  }
  void operator()(const order_resumed& e) const {
    out.key("steps").begin_array();
    for (const auto step : e.steps)
      out.value(step);
    out.end_array();
  }
  void operator()(const auto& e) const {
    if constexpr (requires { e.reason; })
      out.optional_field("reason", e.reason);
  }
};

std::string_view id_name(entity_kind kind) {
  return kind == entity_kind::task    ? "taskId"
         : kind == entity_kind::order ? "orderId"
                                      : "scheduleId";
}

}  // namespace

void append_view(std::string& out, const entity& e) {
  json_writer writer(out);
  writer.begin_object();
  std::visit([&](const auto& one) { write_view(writer, one); }, e);
  writer.end_object();
}

void append_view(std::string& out, const event_record& record) {
  json_writer writer(out);
  writer.begin_object().field("type", name_of(record.event));
  writer.field("position", record.position.value).field("at", record.at);
  writer.field(id_name(kind_of(record.event)), record.id.value);
  if (const auto* of_schedule = std::get_if<schedule_event>(&record.event))
    write_event(writer, *of_schedule);
  else
    std::visit(
        [&](const auto& of_kind) {
          if constexpr (!std::is_same_v<std::decay_t<decltype(of_kind)>, schedule_event>)
            std::visit(event_writer{writer}, of_kind);
        },
        record.event);
  writer.end_object();
}

void append_accepted(std::string& out, const accepted& a) {
  json_writer writer(out);
  writer.begin_object().field(id_name(a.kind), a.id.value).field("status", "ACCEPTED");
  writer.optional_field("reference", a.reference);
  writer.field("shard", uint32_t{a.shard.value}).field("offset", a.offset);
  if (a.deduplicated)
    writer.field("deduplicated", true);
  writer.end_object();
}

}  // namespace orrery::codec
