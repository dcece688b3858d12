#include "codec/detail/bodies.hpp"
#include "codec/detail/member.hpp"
#include "codec/detail/schedule_body.hpp"

namespace orrery::codec::detail {

namespace {

struct schedule_body {
  schedule_spec spec;
  std::string task;
  std::string order;
  bool has_message = false;
  uint64_t definition = 0;
  std::string note;
  std::optional<overlap_policy> overlap;
  bool has_from = false;
  bool has_to = false;
  time_point from{};
  time_point to{};
};

constexpr std::string_view overlap_words =
    "must be skip, buffer_one, buffer_all, cancel_other or allow";

bool read_message_template(const member& m, message_template& into, failure& error) {
  return m.each([&](std::string_view key, json_value& value) {
    const member one(key, value, error, "message.");
    if (key == "topic")
      return one.text(into.topic);
    if (key == "key")
      return one.text(into.key);
    if (key == "value")
      return one.json(into.value, limits::payload_bytes);
    return true;
  });
}

/// Members about when and how; empty where `key` is none of them.
std::optional<bool> read_times(std::string_view key, const member& m, schedule_body& b) {
  auto& s = b.spec;
  if (key == "expressions")
    return m.texts(s.times.expressions, fire_times::rules_max);
  if (key == "except")
    return m.texts(s.times.except, fire_times::rules_max);
  if (key == "zone")
    return m.text(s.times.zone, limits::name_bytes);
  if (key == "dst")
    return m.choice(s.times.dst, parse_dst_policy, "must be smart, quartz or literal");
  if (key == "start")
    return m.time(s.times.start);
  if (key == "end")
    return m.time(s.times.end);
  if (key == "misfire")
    return m.choice(s.misfire, parse_misfire_policy, "must be once_now, skip or all");
  if (key == "misfireAfter")
    return m.length(s.misfire_after);
  if (key == "catchupWindow")
    return m.length(s.catchup_window);
  if (key == "jitter")
    return m.length(s.jitter);
  if (key == "pauseOnFailure")
    return m.flag(s.pause_on_failure);
  return std::nullopt;
}

bool read_count(const member& m, uint64_t& into) {
  int64_t value = 0;
  if (!m.whole(value))
    return false;
  if (value < 0)
    return m.refuse("must not be negative");
  into = static_cast<uint64_t>(value);
  return true;
}

bool read_member(std::string_view key, json_value& value, schedule_body& b, failure& error) {
  const member m(key, value, error);
  if (const auto read = read_times(key, m, b))
    return *read;
  const bool given = value.is != json_value::form::null;
  if (key == "name")
    return m.text(b.spec.name);
  if (key == "description")
    return m.text(b.spec.description);
  if (key == "task")
    return m.object(b.task, limits::payload_bytes * 2);
  if (key == "order")
    return m.object(b.order, limits::payload_bytes);
  if (key == "message") {
    b.has_message = given;
    return !given || read_message_template(m, b.spec.message, error);
  }
  if (key == "overlap") {
    overlap_policy read{};
    if (!m.choice(read, parse_overlap_policy, overlap_words))
      return false;
    if (given)
      b.overlap = read;
    return true;
  }
  if (key == "limit")
    return read_count(m, b.spec.limit);
  if (key == "definition")
    return read_count(m, b.definition);
  if (key == "note" || key == "reason")
    return m.text(b.note, limits::text_bytes);
  if (key == "from") {
    b.has_from = given;
    return m.time(b.from);
  }
  if (key == "to") {
    b.has_to = given;
    return m.time(b.to);
  }
  return true;
}

result<schedule_body> read_body(std::string_view text) {
  schedule_body body;
  failure error;
  bool good = true;
  auto told = read_json(text, outermost::object, [&](std::string_view key, json_value& value) {
    return good = read_member(key, value, body, error);
  });
  if (!good)
    return error;
  if (!told)
    return std::move(told).error();
  return body;
}

failure within(std::string_view place, failure why) {
  why.field = std::string(place) + (why.field.empty() ? "" : "." + why.field);
  return why;
}

/// Exactly one of task, order and message.
result<void> read_action(schedule_body& b) {
  const int given = (b.task.empty() ? 0 : 1) + (b.order.empty() ? 0 : 1) + (b.has_message ? 1 : 0);
  if (given != 1)
    return failure{errc::invalid, "a schedule starts exactly one of task, order and message",
                   given == 0      ? "task"
                   : b.has_message ? "message"
                                   : "order"};
  auto& spec = b.spec;
  spec.overlap = b.overlap.value_or(overlap_policy::skip);
  if (!b.task.empty()) {
    auto read = read_task_body(b.task);
    if (!read)
      return within("task", std::move(read).error());
    spec.action = schedule_action::task;
    spec.task = std::move(read->spec);
  } else if (!b.order.empty()) {
    auto read = read_order_body(b.order);
    if (!read)
      return within("order", std::move(read).error());
    spec.action = schedule_action::order;
    spec.order = std::move(read->spec);
  } else {
    spec.action = schedule_action::message;
  }
  return validate(spec);
}

std::optional<entity_command> some(schedule_command command) {
  return entity_command{std::move(command)};
}

failure missing(std::string_view field) {
  return {errc::invalid, "is missing", std::string(field)};
}

}  // namespace

result<std::optional<entity_command>> schedule_command_of(std::string_view verb,
                                                          std::string_view text) {
  auto body = read_body(text);
  if (!body)
    return std::move(body).error();
  auto& b = *body;
  if (verb == "submit" || verb == "update") {
    if (auto ok = read_action(b); !ok)
      return std::move(ok).error();
    if (b.spec.times.expressions.empty())
      return missing("expressions");
    if (verb == "submit")
      return some(submit_schedule{std::move(b.spec), {}});
    return some(update_schedule{std::move(b.spec), b.definition, {}, {}});
  }
  if (verb == "pause")
    return some(pause_schedule{std::move(b.note), {}});
  if (verb == "resume")
    return some(resume_schedule{std::move(b.note), {}});
  if (verb == "trigger")
    return some(trigger_schedule{b.overlap, {}});
  if (verb == "delete")
    return some(delete_schedule{});
  if (verb != "backfill")
    return std::optional<entity_command>{};
  if (!b.has_from)
    return missing("from");
  if (!b.has_to)
    return missing("to");
  return some(backfill_schedule{b.from, b.to, b.overlap, {}});
}

}  // namespace orrery::codec::detail
