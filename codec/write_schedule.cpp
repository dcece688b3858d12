#include "codec/detail/schedule_body.hpp"
#include "codec/detail/write_spec.hpp"
#include "codec/messages.hpp"
#include "domain/cron/describe.hpp"

namespace orrery::codec::detail {

namespace {

void write_texts(json_writer& out, std::string_view name, const std::vector<std::string>& texts) {
  if (texts.empty())
    return;
  out.key(name).begin_array();
  for (const auto& text : texts)
    out.value(text);
  out.end_array();
}

struct command_writer {
  json_writer& out;

  void operator()(const submit_schedule& c) const { write_members(out, c.spec); }
  void operator()(const update_schedule& c) const {
    write_members(out, c.spec);
    if (c.definition != 0)
      out.field("definition", c.definition);
  }
  void operator()(const pause_schedule& c) const { out.optional_field("note", c.note); }
  void operator()(const resume_schedule& c) const { out.optional_field("note", c.note); }
  void operator()(const trigger_schedule& c) const {
    if (c.overlap)
      out.field("overlap", to_string(*c.overlap));
  }
  void operator()(const backfill_schedule& c) const {
    out.field("from", c.from).field("to", c.to);
    if (c.overlap)
      out.field("overlap", to_string(*c.overlap));
  }
  void operator()(const auto&) const {}
};

void write_message(json_writer& out, const message_template& message) {
  out.key("message").begin_object().field("topic", message.topic);
  out.optional_field("key", message.key);
  optional_raw(out, "value", message.value);
  out.end_object();
}

void write_fire(json_writer& out, const schedule_fire& fire, bool outcome_known) {
  out.begin_object().field("at", fire.at).field("firedAt", fire.fired_at);
  out.field("lateness", format_duration(fire.fired_at - fire.due_at));
  out.field("kind", to_string(fire.kind));
  if (outcome_known)
    out.field("outcome", to_string(fire.outcome));
  out.field("started", fire.child.value).end_object();
}

void write_counters(json_writer& out, const schedule_counters& c) {
  out.key("counters").begin_object();
  out.field("fired", c.fired).field("triggered", c.triggered).field("failed", c.failed);
  out.field("missedCatchup", c.missed_catchup).field("misfiresSkipped", c.misfires_skipped);
  out.field("overlapSkipped", c.overlap_skipped).field("bufferDropped", c.buffer_dropped);
  out.end_object();
}

struct event_writer {
  json_writer& out;

  void turn(const auto& e) const {
    if (e.turn)
      optional_time(out, "nextAt", e.next_at);
  }
  void operator()(const schedule_created& e) const {
    write_members(out, *e.spec);
    optional_time(out, "nextAt", e.next_at);
  }
  void operator()(const schedule_updated& e) const {
    write_members(out, *e.spec);
    optional_time(out, "nextAt", e.next_at);
  }
  void operator()(const schedule_paused& e) const { out.optional_field("note", e.note); }
  void operator()(const schedule_resumed& e) const {
    out.optional_field("note", e.note);
    optional_time(out, "nextAt", e.next_at);
  }
  void operator()(const schedule_fired& e) const {
    out.field("fireAt", e.at).field("kind", to_string(e.kind)).field("started", e.child.value);
    if (!e.message.topic.empty())
      write_message(out, e.message);
    turn(e);
  }
  void operator()(const schedule_skipped& e) const {
    out.field("fireAt", e.at).field("reason", to_string(e.reason)).field("count", e.count);
    turn(e);
  }
  void operator()(const schedule_buffered& e) const {
    out.field("fireAt", e.fire.at).field("kind", to_string(e.fire.kind));
    turn(e);
  }
  void operator()(const schedule_child_ended& e) const {
    constexpr std::string_view words[] = {"succeeded", "failed", "expired", "cancelled"};
    out.field("started", e.child.value).field("run", e.run);
    out.field("outcome", words[static_cast<size_t>(e.outcome)]);
  }
  void operator()(const schedule_backfill_started& e) const {
    out.field("from", e.range.next).field("to", e.range.to);
    out.field("overlap", to_string(e.range.overlap));
  }
  void operator()(const schedule_backfill_moved& e) const { optional_time(out, "next", e.next); }
  void operator()(const auto&) const {}
};

}  // namespace

void write_members(json_writer& out, const schedule_spec& spec) {
  out.field("name", spec.name).optional_field("description", spec.description);
  write_texts(out, "expressions", spec.times.expressions);
  write_texts(out, "except", spec.times.except);
  out.field("zone", spec.times.zone).field("dst", to_string(spec.times.dst));
  optional_time(out, "start", spec.times.start);
  optional_time(out, "end", spec.times.end);
  switch (spec.action) {
    case schedule_action::task:
      out.key("task").begin_object();
      write_members(out, spec.task, defaults::left_out);
      out.end_object();
      break;
    case schedule_action::order:
      out.key("order").begin_object();
      write_members(out, spec.order);
      out.end_object();
      break;
    case schedule_action::message: write_message(out, spec.message); break;
  }
  out.field("overlap", to_string(spec.overlap)).field("misfire", to_string(spec.misfire));
  out.field("misfireAfter", format_duration(spec.misfire_after));
  out.field("catchupWindow", format_duration(spec.catchup_window));
  optional_length(out, "jitter", spec.jitter);
  if (spec.limit != 0)
    out.field("limit", spec.limit);
  if (spec.pause_on_failure)
    out.field("pauseOnFailure", true);
}

void write_members(json_writer& out, const schedule_command& command) {
  std::visit(command_writer{out}, command);
}

void write_view(json_writer& out, const schedule& s) {
  out.field("scheduleId", s.id.value).field("status", to_string(s.status));
  write_members(out, *s.spec);
  out.field("meaning", describe(s.spec->times));
  out.optional_field("note", s.note);
  optional_time(out, "nextAt", s.next_at);
  if (s.next_at != never && s.due_at() != s.next_at)
    out.field("dueAt", s.due_at());
  write_counters(out, s.counters);
  out.key("recent").begin_array();
  for (auto fire = s.recent.rbegin(); fire != s.recent.rend(); ++fire)
    write_fire(out, *fire, true);
  out.end_array();
  if (!s.waiting.empty())
    out.field("waiting", static_cast<uint64_t>(s.waiting.size()));
  if (!s.backfills.empty()) {
    out.key("backfills").begin_array();
    for (const auto& range : s.backfills)
      out.begin_object().field("next", range.next).field("to", range.to).end_object();
    out.end_array();
  }
  out.field("createdAt", s.created_at).field("updatedAt", s.updated_at);
  optional_time(out, "finishedAt", s.finished_at);
  out.field("definition", s.definition).field("version", s.version);
  out.field("shard", uint32_t{s.id.shard().value});
}

void write_event(json_writer& out, const schedule_event& event) {
  std::visit(event_writer{out}, event);
}

}  // namespace orrery::codec::detail

namespace orrery::codec {

void append_fires(std::string& out, const schedule& s) {
  json_writer writer(out);
  writer.begin_object().key("items").begin_array();
  for (auto fire = s.recent.rbegin(); fire != s.recent.rend(); ++fire)
    detail::write_fire(writer, *fire, true);
  writer.end_array().key("next");
  if (s.counters.fired + s.counters.triggered > s.recent.size())
    writer.value("end");
  else
    writer.raw("null");
  writer.end_object();
}

void append_fires(std::string& out, const fire_page& page) {
  json_writer writer(out);
  writer.begin_object().key("items").begin_array();
  for (const auto& one : page.items)
    detail::write_fire(writer, one.fire, one.outcome_known);
  writer.end_array().key("next");
  if (page.next.value > 0)
    writer.value(std::to_string(page.next.value));
  else
    writer.raw("null");
  writer.end_object();
}

void append_preview(std::string& out, const fire_preview& seen) {
  json_writer writer(out);
  const auto at = [](unix_seconds value) { return time_point{std::chrono::seconds{value}}; };
  writer.begin_object().key("items").begin_array();
  for (const auto& fire : seen.fires) {
    writer.begin_object().field("at", at(fire.at));
    writer.field("local", format_zoned(fire.at, fire.offset));
    writer.optional_field("note", to_string(fire.note)).end_object();
  }
  writer.end_array().key("clockChanges").begin_array();
  for (const auto& change : seen.changes) {
    writer.begin_object().field("at", at(change.at));
    writer.field("kind", change.is_gap() ? "gap" : "overlap");
    writer.field("fromOffset", change.from_offset).field("toOffset", change.to_offset);
    writer.key("skippedLocalTimes").begin_array();
    for (const auto local : change.skipped)
      writer.value(format_local(local));
    writer.end_array().end_object();
  }
  writer.end_array().field("complete", seen.complete);
  writer.field("never", seen.fires.empty() && seen.complete).end_object();
}

}  // namespace orrery::codec
