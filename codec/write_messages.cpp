#include "codec/messages.hpp"

#include "codec/detail/schedule_body.hpp"
#include "codec/detail/write_spec.hpp"

namespace orrery::codec {

namespace {

using namespace detail;

void write_token(json_writer& out, attempt_token token) {
  out.field("run", token.run).field("attempt", token.attempt);
}

/// The members of a command beside its name and the entity's id. What only a shard's own timers and
/// slots say has none here.
struct member_writer {
  json_writer& out;

  void operator()(const submit_task& c) const { write_members(out, c.spec, defaults::left_out); }
  void operator()(const complete_task& c) const {
    out.optional_field("secret", c.secret);
    write_token(out, c.token);
    optional_raw(out, "result", c.result);
  }
  void operator()(const fail_task& c) const {
    out.optional_field("secret", c.secret);
    write_token(out, c.token);
    out.optional_field("error", c.error).optional_field("errorCode", c.code);
    if (!c.retryable)
      out.field("retryable", false);
    optional_length(out, "retryAfter", c.retry_after);
  }
  void operator()(const cancel_task& c) const {
    out.optional_field("reason", c.text);
    if (c.kill)
      out.field("kill", true);
  }
  void operator()(const pause_task& c) const { out.optional_field("reason", c.text); }
  void operator()(const heartbeat_task& c) const {
    out.optional_field("secret", c.secret);
    write_token(out, c.token);
    if (c.progress >= 0)
      out.field("progress", c.progress);
    out.optional_field("message", c.message);
    optional_raw(out, "cursor", c.cursor);
    optional_length(out, "extend", c.extend);
    optional_time(out, "extendTo", c.ends_at);
  }
  void operator()(const snooze_task& c) const {
    out.optional_field("secret", c.secret);
    write_token(out, c.token);
    optional_length(out, "delay", c.delay);
    out.optional_field("reason", c.text);
  }
  void operator()(const adopt_result& c) const { write_token(out, c.token); }
  void operator()(const reschedule_task& c) const { optional_time(out, "runAt", c.run_at); }
  void operator()(const pin_task& c) const {
    if (!c.pinned)
      out.field("pinned", false);
  }
  void operator()(const rerun_task& c) const { optional_raw(out, "payload", c.payload); }
  void operator()(const submit_order& c) const { write_members(out, c.spec); }
  void operator()(const reject_order& c) const { out.optional_field("reason", c.reason); }
  void operator()(const cancel_order& c) const {
    out.optional_field("reason", c.reason);
    if (c.kill)
      out.field("kill", true);
  }
  void operator()(const resume_order& c) const { out.optional_field("step", c.step); }
  void operator()(const skip_step& c) const {
    out.field("step", c.step).optional_field("reason", c.reason);
  }
  void operator()(const auto&) const {}
};

std::string_view reference_of(const entity_command& command) {
  if (const auto* of_task = std::get_if<task_command>(&command)) {
    const auto* submit = std::get_if<submit_task>(of_task);
    return submit ? std::string_view(submit->spec.reference) : std::string_view{};
  }
  const auto* of_order = std::get_if<order_command>(&command);
  const auto* submit = of_order != nullptr ? std::get_if<submit_order>(of_order) : nullptr;
  return submit ? std::string_view(submit->spec.reference) : std::string_view{};
}

size_t size_hint(const entity_command& command) {
  if (const auto* of_task = std::get_if<task_command>(&command)) {
    const auto* submit = std::get_if<submit_task>(of_task);
    return submit ? detail::size_hint(submit->spec) : 256;
  }
  const auto* of_order = std::get_if<order_command>(&command);
  const auto* submit = of_order != nullptr ? std::get_if<submit_order>(of_order) : nullptr;
  return submit ? detail::size_hint(submit->spec) : 256;
}

}  // namespace

std::string write_intake(entity_id id, const entity_command& command) {
  std::string text;
  text.reserve(size_hint(command));
  json_writer out(text);
  out.begin_object();
  const auto kind = kind_of(command);
  const auto name = std::visit([](const auto& c) { return name_of(c); }, command);
  if (const auto* of_schedule = std::get_if<schedule_command>(&command)) {
    write_members(out, *of_schedule);
    out.end_object();
    return text;
  }
  if (kind == entity_kind::task || name != "submit")
    out.field("command", name);
  out.key(kind == entity_kind::task ? "taskId" : "orderId");
  if (const auto reference = reference_of(command); !reference.empty())
    out.value(reference);
  else
    out.value(id.value);
  std::visit([&](const auto& of_kind) { std::visit(member_writer{out}, of_kind); }, command);
  out.end_object();
  return text;
}

std::string write(const order_status_event& e) {
  std::string text;
  text.reserve(256 + e.product.size() + e.reference.size() + e.reason.size());
  json_writer out(text);
  out.begin_object().field("orderId", e.order_id.value).optional_field("reference", e.reference);
  out.field("product", e.product).field("quantity", e.quantity);
  out.field("status", to_string(e.status));
  if (e.previous)
    out.field("previousStatus", to_string(*e.previous));
  out.optional_field("reason", e.reason);
  out.field("shard", uint32_t{e.shard.value}).field("position", e.position.value);
  out.field("at", e.at).end_object();
  return text;
}

std::string write(const task_status_event& e) {
  std::string text;
  text.reserve(320 + e.reference.size() + e.reason_text.size() + e.result.size() + e.error.size());
  json_writer out(text);
  out.begin_object().field("taskId", e.task_id.value).optional_field("reference", e.reference);
  out.field("kind", e.kind).field("queue", e.queue).field("status", to_string(e.status));
  if (e.previous)
    out.field("previousStatus", to_string(*e.previous));
  out.field("run", e.run).field("attempt", e.attempt);
  if (e.reason != end_reason::none)
    out.field("reason", to_string(e.reason));
  out.optional_field("reasonText", e.reason_text);
  optional_raw(out, "result", e.result);
  out.optional_field("error", e.error);
  out.field("shard", uint32_t{e.shard.value}).field("position", e.position.value);
  out.field("at", e.at).end_object();
  return text;
}

std::string write(const schedule_status_event& e) {
  std::string text;
  text.reserve(256 + e.name.size() + e.note.size());
  json_writer out(text);
  out.begin_object().field("scheduleId", e.schedule_id.value).field("name", e.name);
  out.field("status", to_string(e.status));
  if (e.previous)
    out.field("previousStatus", to_string(*e.previous));
  out.optional_field("note", e.note);
  optional_time(out, "nextAt", e.next_at);
  out.field("definition", e.definition);
  out.field("shard", uint32_t{e.shard.value}).field("position", e.position.value);
  out.field("at", e.at).end_object();
  return text;
}

std::string ce_type(entity_kind kind, uint8_t status) {
  std::string type = "io.orrery.";
  type.append(to_string(kind)).append(".");
  for (const char c : status_text(kind, status))
    type += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return type;
}

}  // namespace orrery::codec
