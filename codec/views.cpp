#include "codec/messages.hpp"

#include "codec/detail/write_spec.hpp"

namespace orrery::codec {

namespace {

using namespace detail;

void optional_reason(json_writer& out, std::string_view name, end_reason reason) {
  if (reason != end_reason::none)
    out.field(name, to_string(reason));
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
  void operator()(const task_rerun& e) const { optional_raw(out, "payload", e.payload); }
  void operator()(const order_created& e) const {
    out.optional_field("reference", e.spec->reference);
    write_members(out, *e.spec);
  }
  void operator()(const auto& e) const {
    if constexpr (requires { e.reason; })
      out.optional_field("reason", e.reason);
  }
};

std::string_view id_name(entity_kind kind) {
  return kind == entity_kind::task ? "taskId" : "orderId";
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
  std::visit([&](const auto& of_kind) { std::visit(event_writer{writer}, of_kind); }, record.event);
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
