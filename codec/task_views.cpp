/// What is shown of a task beside itself: its runs, its result, what holds it, how many there are.

#include "codec/detail/write_spec.hpp"
#include "codec/messages.hpp"

#include <array>
#include <charconv>

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

void append_blocker(std::string& out, const task& t, const blocker& why) {
  json_writer writer(out);
  writer.begin_object().field("taskId", t.id.value).field("status", to_string(t.status));
  writer.key("blocker").begin_object().field("code", why.code).field("text", why.text);
  optional_time(writer, "until", why.until);
  writer.end_object().end_object();
}

void append_refused(std::string& out, const failure& why) {
  json_writer writer(out);
  writer.begin_object().key("error").begin_object();
  writer.field("code", to_string(why.code)).field("detail", why.detail);
  writer.optional_field("field", why.field).end_object().end_object();
}

std::string write(const lane_view& v) {
  std::string text;
  for (const auto n : {size_t{v.known_kind}, v.waiting, v.used_by_kind, v.limit_of_kind,
                       v.used_by_queue, v.limit_of_queue})
    text.append(std::to_string(n)).append(" ");
  return text + v.node;
}

result<lane_view> read_lane(std::string_view text) {
  std::array<size_t, 6> numbers{};
  for (auto& n : numbers) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), n);
    if (error != std::errc{} || end == text.data() + text.size() || *end != ' ')
      return failure{errc::corrupt, "not what a node says of its slots"};
    text.remove_prefix(static_cast<size_t>(end - text.data()) + 1);
  }
  lane_view v;
  v.known_kind = numbers[0] != 0;
  v.waiting = numbers[1];
  v.used_by_kind = numbers[2];
  v.limit_of_kind = numbers[3];
  v.used_by_queue = numbers[4];
  v.limit_of_queue = numbers[5];
  v.node = text;
  return v;
}

}  // namespace orrery::codec
