#include "codec/detail/bodies.hpp"
#include "codec/detail/member.hpp"
#include "domain/lease.hpp"

#include <charconv>

namespace orrery::codec::detail {

namespace {

bool read_retry(const member& m, retry_policy& into, failure& error) {
  return m.each([&](std::string_view key, json_value& value) {
    const member one(key, value, error, "retry.");
    if (key == "maxAttempts")
      return one.whole(into.max_attempts);
    if (key == "kind")
      return one.choice(into.kind, parse_backoff_kind, "must be exponential, fixed or linear");
    if (key == "initial")
      return one.length(into.initial);
    if (key == "factor")
      return one.real(into.factor);
    if (key == "max")
      return one.length(into.max);
    if (key == "jitter")
      return one.real(into.jitter);
    if (key == "nonRetryable")
      return one.texts(into.non_retryable, limits::tags);
    if (key == "onExhausted")
      return one.choice(into.on_exhausted, parse_exhausted_action, "must be dead or pause");
    return true;
  });
}

bool read_idempotency(const member& m, task_options& into, failure& error) {
  return m.each([&](std::string_view key, json_value& value) {
    const member one(key, value, error, "idempotency.");
    if (key == "running")
      return one.choice(into.if_running, parse_on_running, "must be use-existing, fail or replace");
    if (key == "ended")
      return one.choice(into.if_ended, parse_on_ended,
                        "must be return-existing, allow-new or allow-if-failed");
    return true;
  });
}

/// Members that few submissions have. Those without any keep no options at all.
std::optional<bool> read_option(std::string_view key, const member& m, task_spec& s,
                                failure& error) {
  bool good = true;
  const auto take = [&](auto read) {
    s.options.edit([&](task_options& o) { good = read(o); });
    if (*s.options == task_options{})
      s.options = {};
    return good;
  };
  if (key == "labels")
    return take([&](task_options& o) { return m.texts(o.labels, limits::tags); });
  if (key == "limitKey")
    return take([&](task_options& o) { return m.text(o.limit_key); });
  if (key == "weight")
    return take([&](task_options& o) { return m.real(o.weight); });
  if (key == "unique")
    return take([&](task_options& o) {
      return m.choice(o.unique, parse_unique_mode,
                      "must be until-done, until-start, window, debounce or latest");
    });
  if (key == "uniqueWindow")
    return take([&](task_options& o) { return m.length(o.unique_window); });
  if (key == "idempotency")
    return take([&](task_options& o) { return read_idempotency(m, o, error); });
  if (key == "delay")
    return take([&](task_options& o) { return m.length(o.delay); });
  return std::nullopt;
}

/// Members of the spec; empty where `key` is none of them.
std::optional<bool> read_spec(std::string_view key, const member& m, task_spec& s, failure& error) {
  if (key == "kind")
    return m.text(s.kind);
  if (key == "payload")
    return m.json(s.payload, limits::payload_bytes);
  if (key == "queue")
    return m.text(s.queue);
  if (key == "priority")
    return m.whole(s.priority);
  if (key == "ttl")
    return m.length(s.ttl);
  if (key == "retry")
    return read_retry(m, s.retry, error);
  if (key == "tags")
    return m.texts(s.tags, limits::tags);
  if (key == "description")
    return m.text(s.description);
  if (key == "queueTtl")
    return m.length(s.queue_ttl);
  if (key == "totalTtl")
    return m.length(s.total_ttl);
  if (key == "heartbeat")
    return m.length(s.heartbeat);
  if (key == "deadline")
    return m.time(s.deadline);
  if (key == "runAt")
    return m.time(s.run_at);
  if (key == "uniqueKey")
    return m.text(s.unique_key);
  if (key == "delivery")
    return m.choice(s.delivery, parse_delivery_mode, "must be at-least-once or at-most-once");
  if (key == "onTimeout")
    return m.choice(s.on_timeout, parse_timeout_action, "must be fail or retry");
  return read_option(key, m, s, error);
}

/// A share from 0 to 1, or a percentage as a text: 0.25 or "25%".
bool read_progress(const member& m, double& into, const json_value& value) {
  if (value.is == json_value::form::string) {
    const std::string_view text = *value.text;
    double percent = -1;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), percent);
    if (error != std::errc{} || std::string_view(end, text.data() + text.size()) != "%" ||
        !(percent >= 0 && percent <= 100))
      return m.refuse("must lie between 0 and 1, or be a text like \"25%\"");
    into = percent / 100;
    return true;
  }
  if (!m.real(into))
    return false;
  if (value.is != json_value::form::null && !(into >= 0 && into <= 1))
    return m.refuse("must lie between 0 and 1, or be a text like \"25%\"");
  return true;
}

bool read_member(std::string_view key, json_value& value, task_body& b, failure& error) {
  const member m(key, value, error);
  if (key == "taskId")
    return m.text(b.id_text, limits::reference_bytes);
  if (key == "command")
    return m.text(b.command, limits::name_bytes);
  if (const auto read = read_spec(key, m, b.spec, error))
    return *read;
  const bool given = value.is != json_value::form::null;
  if (key == "run") {
    b.has_run = given;
    return m.whole(b.token.run);
  }
  if (key == "attempt") {
    b.has_attempt = given;
    return m.whole(b.token.attempt);
  }
  if (key == "lease") {
    std::string text;
    if (!m.text(text, limits::reference_bytes) || text.empty())
      return text.empty();
    const auto lease = parse_lease(text);
    if (!lease)
      return m.refuse("is not a lease");
    b.id_text = to_string(lease->task);
    b.token = lease->token;
    b.secret = lease->secret;
    return b.has_run = b.has_attempt = true;
  }
  if (key == "secret")
    return m.text(b.secret, limits::name_bytes);
  if (key == "result")
    return m.json(b.result, limits::result_bytes);
  if (key == "error")
    return m.text(b.error, limits::text_bytes);
  if (key == "errorCode")
    return m.text(b.error_code, limits::name_bytes);
  if (key == "retryable")
    return m.flag(b.retryable);
  if (key == "retryAfter")
    return m.length(b.retry_after);
  if (key == "reason")
    return m.text(b.reason, limits::text_bytes);
  if (key == "kill")
    return m.flag(b.kill);
  if (key == "progress")
    return read_progress(m, b.progress, value);
  if (key == "message")
    return m.text(b.message, limits::text_bytes);
  if (key == "cursor")
    return m.json(b.cursor, limits::cursor_bytes);
  if (key == "extend")
    return m.length(b.extend);
  if (key == "pinned")
    return m.flag(b.pinned);
  if (key == "extendTo")
    return m.time(b.extend_to);
  return true;
}

result<void> needs_token(const task_body& b) {
  if (!b.has_run)
    return failure{errc::invalid, "is missing", "run"};
  if (!b.has_attempt)
    return failure{errc::invalid, "is missing", "attempt"};
  if (b.retry_after > limits::ttl_max)
    return failure{errc::invalid, "must lie between 0 and 30 days", "retryAfter"};
  return {};
}

std::optional<entity_command> some(task_command command) {
  return entity_command{std::move(command)};
}

/// What speaks for an attempt.
std::optional<task_command> attempt_command(std::string_view verb, task_body& b) {
  if (verb == "complete")
    return complete_task{b.token, std::move(b.result), std::move(b.secret)};
  if (verb == "fail")
    return fail_task{b.token,     std::move(b.error), std::move(b.error_code),
                     b.retryable, b.retry_after,      std::move(b.secret)};
  if (verb == "heartbeat")
    return heartbeat_task{b.token,  b.progress,  std::move(b.message), std::move(b.cursor),
                          b.extend, b.extend_to, std::move(b.secret)};
  if (verb == "snooze")
    return snooze_task{b.token, b.spec.options->delay, std::move(b.reason), std::move(b.secret)};
  if (verb == "adopt")
    return adopt_result{b.token};
  return std::nullopt;
}

/// An operator's wishes of a task that exists.
std::optional<task_command> control_command(std::string_view verb, task_body& b) {
  if (verb == "cancel" || verb == "kill")
    return cancel_task{std::move(b.reason), b.kill || verb == "kill"};
  if (verb == "rerun")
    return rerun_task{std::move(b.spec.payload)};
  if (verb == "pause")
    return pause_task{std::move(b.reason)};
  if (verb == "resume")
    return resume_task{};
  if (verb == "reschedule")
    return reschedule_task{b.spec.run_at};
  if (verb == "pin" || verb == "unpin")
    return pin_task{verb == "pin" && b.pinned};
  return std::nullopt;
}

}  // namespace

result<task_body> read_task_body(std::string_view text) {
  task_body body;
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

result<std::optional<entity_command>> command_of(std::string_view verb, task_body&& b) {
  if (verb == "submit") {
    if (auto ok = validate(b.spec); !ok)
      return std::move(ok).error();
    return some(submit_task{std::move(b.spec)});
  }
  if (auto control = control_command(verb, b))
    return some(std::move(*control));
  const bool of_attempt = verb == "complete" || verb == "fail" || verb == "heartbeat" ||
                          verb == "snooze" || verb == "adopt";
  if (!of_attempt)
    return std::optional<entity_command>{};
  if (auto ok = needs_token(b); !ok)
    return std::move(ok).error();
  return some(*attempt_command(verb, b));
}

}  // namespace orrery::codec::detail
