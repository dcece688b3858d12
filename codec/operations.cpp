#include "codec/operations.hpp"

#include "codec/detail/member.hpp"
#include "codec/detail/write_spec.hpp"
#include "codec/json.hpp"

namespace orrery::codec {

namespace {

using namespace detail;

bool read_statuses(const member& m, entity_query& query) {
  std::vector<std::string> names;
  if (!m.texts(names, task_statuses))
    return false;
  for (const auto& name : names) {
    const auto status = parse_task_status(name);
    if (!status)
      return m.refuse("must be a list of statuses of a task");
    query.statuses.push_back(static_cast<uint8_t>(*status));
  }
  return true;
}

bool read_filter(const member& m, entity_query& q, failure& error) {
  return m.each([&](std::string_view key, json_value& value) {
    const member one(key, value, error, "filter.");
    if (key == "status")
      return read_statuses(one, q);
    if (key == "kind")
      return one.text(q.task_kind, limits::name_bytes);
    if (key == "queue")
      return one.text(q.queue, limits::name_bytes);
    if (key == "tag")
      return one.text(q.tag, limits::name_bytes);
    if (key == "key")
      return one.text(q.unique_key, limits::name_bytes);
    if (key == "text")
      return one.text(q.text, limits::name_bytes);
    if (key == "reference")
      return one.text(q.reference, limits::reference_bytes);
    if (key == "createdFrom")
      return one.time(q.created_from);
    if (key == "createdTo")
      return one.time(q.created_to);
    // A misspelt filter would mean every task.
    return one.refuse("is not known here");
  });
}

bool read_wish_member(std::string_view key, const member& m, bulk_wish& w, failure& error,
                      bool& has_action) {
  if (key == "action") {
    has_action = true;
    return m.choice(w.action, parse_bulk_action,
                    "must be cancel, kill, pause, resume, rerun, reschedule, pin or unpin");
  }
  if (key == "filter")
    return read_filter(m, w.filter, error);
  if (key == "all")
    return m.flag(w.all);
  if (key == "reason")
    return m.text(w.reason, limits::text_bytes);
  if (key == "payload")
    return m.json(w.payload, limits::payload_bytes);
  if (key == "runAt")
    return m.time(w.run_at);
  if (key == "rate")
    return m.real(w.rate);
  if (key == "dryRun")
    return m.flag(w.dry_run);
  return true;
}

bool read_id(const member& m, entity_id& into) {
  std::string text;
  if (!m.text(text))
    return false;
  const auto id = parse_entity_id(text);
  if (!id)
    return m.refuse("must be an id");
  into = *id;
  return true;
}

bool read_progress(std::string_view key, const member& m, bulk_operation& o) {
  if (key == "operationId")
    return read_id(m, o.id);
  if (key == "state")
    return m.choice(o.state, parse_operation_state, "must be RUNNING, DONE or STOPPED");
  if (key == "cursor")
    return m.text(o.cursor);
  if (key == "matched")
    return m.whole(o.matched);
  if (key == "applied")
    return m.whole(o.applied);
  if (key == "refused")
    return m.whole(o.refused);
  if (key == "refusal")
    return m.text(o.refusal);
  if (key == "by")
    return m.text(o.wish.by);
  if (key == "createdAt")
    return m.time(o.created_at);
  if (key == "updatedAt")
    return m.time(o.updated_at);
  if (key == "finishedAt")
    return m.time(o.finished_at);
  return true;
}

void write_filter(json_writer& out, const entity_query& q) {
  out.key("filter").begin_object();
  if (!q.statuses.empty()) {
    out.key("status").begin_array();
    for (const auto s : q.statuses)
      out.value(to_string(static_cast<task_status>(s)));
    out.end_array();
  }
  out.optional_field("kind", q.task_kind).optional_field("queue", q.queue);
  out.optional_field("tag", q.tag).optional_field("key", q.unique_key);
  out.optional_field("text", q.text).optional_field("reference", q.reference);
  optional_time(out, "createdFrom", q.created_from);
  optional_time(out, "createdTo", q.created_to);
  out.end_object();
}

}  // namespace

result<bulk_wish> read_wish(std::string_view body) {
  bulk_wish wish;
  failure error;
  bool good = true;
  bool has_action = false;
  auto told = read_json(body, outermost::object, [&](std::string_view key, json_value& value) {
    return good = read_wish_member(key, member(key, value, error), wish, error, has_action);
  });
  if (!good)
    return error;
  if (!told)
    return std::move(told).error();
  if (!has_action)
    return failure{errc::invalid, "is missing", "action"};
  if (auto ok = validate(wish); !ok)
    return std::move(ok).error();
  return wish;
}

void append_view(std::string& out, const bulk_operation& o) {
  json_writer writer(out);
  const auto& w = o.wish;
  writer.begin_object().field("operationId", o.id.value).field("action", to_string(w.action));
  writer.field("state", to_string(o.state));
  if (o.stop_asked && o.state == operation_state::running)
    writer.field("stopping", true);
  if (w.all)
    writer.field("all", true);
  write_filter(writer, w.filter);
  writer.optional_field("reason", w.reason);
  optional_raw(writer, "payload", w.payload);
  optional_time(writer, "runAt", w.run_at);
  if (w.rate > 0)
    writer.field("rate", w.rate);
  writer.field("dryRun", w.dry_run).field("matched", o.matched).field("applied", o.applied);
  writer.field("refused", o.refused).optional_field("refusal", o.refusal);
  writer.optional_field("by", w.by).optional_field("node", o.node);
  writer.optional_field("cursor", o.cursor);
  writer.field("createdAt", o.created_at).field("updatedAt", o.updated_at);
  optional_time(writer, "finishedAt", o.finished_at);
  writer.end_object();
}

std::string write(const bulk_operation& operation) {
  std::string text;
  append_view(text, operation);
  return text;
}

result<bulk_operation> read_operation(std::string_view text) {
  bulk_operation operation;
  failure error;
  bool good = true;
  bool has_action = false;
  const auto told =
      read_json(text, outermost::object, [&](std::string_view key, json_value& value) {
        const member m(key, value, error);
        return good = read_wish_member(key, m, operation.wish, error, has_action) &&
                      read_progress(key, m, operation);
      });
  if (!good || !told || !has_action)
    return failure{errc::corrupt, "the stored operation cannot be read"};
  return operation;
}

}  // namespace orrery::codec
