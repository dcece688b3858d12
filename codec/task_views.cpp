/// What is shown of a task beside itself: its runs, its result, what holds it, how many there are.

#include "codec/detail/write_spec.hpp"
#include "codec/messages.hpp"
#include "codec/object.hpp"

#include <array>
#include <algorithm>

namespace orrery::codec {

using namespace detail;

namespace {

void write_attempt(json_writer& out, const attempt_record& a) {
  out.begin_object().field("attempt", a.attempt).optional_field("worker", a.worker);
  out.field("startedAt", a.started_at);
  optional_time(out, "endedAt", a.ended_at);
  if (a.reason != end_reason::none)
    out.field("reason", to_string(a.reason));
  out.optional_field("error", a.error).optional_field("errorCode", a.error_code);
  optional_time(out, "nextAt", a.next_at);
  out.end_object();
}

}  // namespace

void append_view(std::string& out, const run_record& run) {
  json_writer writer(out);
  writer.begin_object().field("run", run.run).field("status", to_string(run.status));
  if (run.reason != end_reason::none)
    writer.field("reason", to_string(run.reason));
  writer.field("createdAt", run.created_at);
  optional_time(writer, "finishedAt", run.finished_at);
  optional_raw(writer, "result", run.result);
  writer.key("attempts").begin_array();
  for (const auto& attempt : run.attempts)
    write_attempt(writer, attempt);
  writer.end_array().end_object();
}

void append_view(std::string& out, const queue_counts& counts) {
  json_writer writer(out);
  writer.begin_object().field("queue", counts.queue).field("kind", counts.task_kind);
  writer.key("counts").begin_object();
  for (size_t i = 0; i < task_statuses; ++i)
    writer.field(to_string(static_cast<task_status>(i)), counts.tasks[i]);
  writer.end_object().end_object();
}

void append_result(std::string& out, const task& t) {
  json_writer writer(out);
  writer.begin_object().field("taskId", t.id.value).field("status", to_string(t.status));
  writer.field("run", t.run).field("attempt", t.attempt);
  if (t.reason != end_reason::none)
    writer.field("reason", to_string(t.reason));
  optional_raw(writer, "result", t.result);
  writer.optional_field("error", t.error).optional_field("errorCode", t.error_code);
  optional_time(writer, "finishedAt", t.finished_at);
  writer.end_object();
}

void append_blocker(std::string& out, const task& t, const blocker& why,
                    const std::vector<task>& holders) {
  json_writer writer(out);
  writer.begin_object().field("taskId", t.id.value).field("status", to_string(t.status));
  writer.key("blocker").begin_object().field("code", why.code).field("text", why.text);
  optional_time(writer, "until", why.until);
  if (!holders.empty()) {
    writer.key("holders").begin_array();
    for (const auto& one : holders) {
      writer.begin_object().field("taskId", one.id.value).field("attempt", one.attempt);
      writer.optional_field("worker", one.worker);
      optional_time(writer, "startedAt", one.started_at);
      writer.end_object();
    }
    writer.end_array();
  }
  writer.end_object().end_object();
}

void append_refused(std::string& out, const failure& why) {
  json_writer writer(out);
  writer.begin_object().key("error").begin_object();
  writer.field("code", to_string(why.code)).field("detail", why.detail);
  writer.optional_field("field", why.field).end_object().end_object();
}

namespace {

void write_texts(json_writer& out, std::string_view name, const std::vector<std::string>& texts) {
  out.key(name).begin_array();
  for (const auto& text : texts)
    out.value(text);
  out.end_array();
}

}  // namespace

std::string write(const lane_question& q) {
  std::string text;
  json_writer out(text);
  out.begin_object().field("queue", q.queue).field("kind", q.kind).field("key", q.limit_key);
  write_texts(out, "labels", q.labels);
  out.end_object();
  return text;
}

result<lane_question> read_lane_question(std::string_view text) {
  auto in = json_object::read(text);
  if (!in)
    return std::move(in).error();
  return lane_question{in->text("queue").value_or(""), in->text("kind").value_or(""),
                       in->text("key").value_or(""),
                       in->texts("labels").value_or(std::vector<std::string>{})};
}

std::string write(const lane_view& v) {
  std::string text;
  json_writer out(text);
  const auto number = [&](std::string_view name, size_t n) {
    out.field(name, static_cast<int64_t>(n));
  };
  out.begin_object().field("node", v.node).field("knownKind", v.known_kind);
  number("waiting", v.waiting);
  number("usedByKind", v.used_by_kind);
  number("limitOfKind", v.limit_of_kind);
  number("usedByQueue", v.used_by_queue);
  number("limitOfQueue", v.limit_of_queue);
  out.field("pause", v.pause).field("ruleReached", v.rule_reached);
  number("ruleLimit", v.rule_limit);
  number("keyRunning", v.key_running);
  number("keyLimit", v.key_limit);
  // As a whole number of starts in 1,000 s: the reader of small objects knows no others.
  out.field("rateMilli", static_cast<int64_t>(v.rate * 1000)).field("rateOfKey", v.rate_of_key);
  out.field("rateUntil", micros(v.rate_until));
  out.field("external", v.external).field("workerAsks", v.worker_asks);
  write_texts(out, "missingLabels", v.missing_labels);
  out.end_object();
  return text;
}

result<lane_view> read_lane(std::string_view text) {
  auto in = json_object::read(text);
  if (!in || !in->has("node"))
    return failure{errc::corrupt, "not what a node says of its slots"};
  const auto number = [&](std::string_view name) {
    return static_cast<size_t>(std::max<int64_t>(in->whole(name).value_or(0), 0));
  };
  lane_view v;
  v.node = in->text("node").value_or("");
  v.known_kind = in->flag("knownKind").value_or(true);
  v.waiting = number("waiting");
  v.used_by_kind = number("usedByKind");
  v.limit_of_kind = number("limitOfKind");
  v.used_by_queue = number("usedByQueue");
  v.limit_of_queue = number("limitOfQueue");
  v.pause = in->text("pause").value_or("");
  v.rule_reached = in->flag("ruleReached").value_or(false);
  v.rule_limit = number("ruleLimit");
  v.key_running = number("keyRunning");
  v.key_limit = number("keyLimit");
  v.rate = static_cast<double>(number("rateMilli")) / 1000;
  v.rate_of_key = in->flag("rateOfKey").value_or(false);
  v.rate_until = from_micros(in->whole("rateUntil").value_or(0));
  v.external = in->flag("external").value_or(false);
  v.worker_asks = in->flag("workerAsks").value_or(false);
  v.missing_labels = in->texts("missingLabels").value_or(std::vector<std::string>{});
  return v;
}

}  // namespace orrery::codec
