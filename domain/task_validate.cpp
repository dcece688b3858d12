#include "domain/task.hpp"

/// What a task may ask for. Limits: domain/limits.hpp.

namespace orrery {

namespace {

failure bad_field(std::string_view field, std::string sentence) {
  return {errc::invalid, std::move(sentence), std::string(field)};
}

result<void> validate_text(std::string_view field, const std::string& text, size_t bytes_max,
                           bool required) {
  if (required && text.empty())
    return bad_field(field, "is missing");
  if (text.size() > bytes_max)
    return bad_field(field, "is longer than " + std::to_string(bytes_max) + " bytes");
  return {};
}

result<void> validate_retry(const retry_policy& r) {
  if (r.max_attempts < 1 || r.max_attempts > limits::attempts)
    return bad_field("retry.maxAttempts", "must lie between 1 and 1000");
  if (r.initial < 0us || r.initial > limits::ttl_max)
    return bad_field("retry.initial", "must lie between 0 and 30 days");
  if (r.max < 0us || r.max > limits::ttl_max)
    return bad_field("retry.max", "must lie between 0 and 30 days");
  if (!(r.factor >= 1.0 && r.factor <= 100.0))
    return bad_field("retry.factor", "must lie between 1 and 100");
  if (!(r.jitter >= 0.0 && r.jitter <= 1.0))
    return bad_field("retry.jitter", "must lie between 0 and 1");
  if (r.non_retryable.size() > limits::tags)
    return bad_field("retry.nonRetryable", "has more than 32 entries");
  for (const auto& code : r.non_retryable)
    if (auto ok = validate_text("retry.nonRetryable", code, limits::name_bytes, true); !ok)
      return ok;
  return {};
}

result<void> validate_clock(std::string_view field, duration length) {
  if (length != 0us && (length < limits::ttl_min || length > limits::ttl_max))
    return bad_field(field, "must lie between 1 ms and 30 days");
  return {};
}

result<void> validate_options(const task_spec& s) {
  const auto& o = *s.options;
  if (o.limit_key.size() > limits::name_bytes)
    return bad_field("limitKey", "is longer than 128 bytes");
  if (!(o.weight >= 0.001 && o.weight <= 1000))
    return bad_field("weight", "must lie between 0.001 and 1000");
  if (o.labels.size() > limits::tags)
    return bad_field("labels", "has more than 32 entries");
  for (const auto& label : o.labels)
    if (auto ok = validate_text("labels", label, limits::name_bytes, true); !ok)
      return ok;
  if (s.unique_key.empty() && (o.unique != unique_mode::until_done || o.unique_window != 0us))
    return bad_field("unique", "needs a uniqueKey");
  const bool windowed = o.unique == unique_mode::window || o.unique == unique_mode::debounce;
  if (windowed && o.unique_window == 0us)
    return bad_field("uniqueWindow", "is missing");
  if (o.delay < 0us || o.delay > limits::delay_max)
    return bad_field("delay", "must lie between 0 and ten years");
  if (o.delay != 0us && s.run_at != never)
    return bad_field("delay", "cannot be given together with runAt");
  return validate_clock("uniqueWindow", o.unique_window);
}

}  // namespace

void settle_delay(task_spec& spec, time_point submitted_at) {
  if (spec.options->delay <= 0us)
    return;
  spec.run_at = submitted_at + spec.options->delay;
  spec.options.edit([](task_options& o) { o.delay = {}; });
  if (*spec.options == task_options{})
    spec.options = {};
}

result<void> validate(const task_spec& s) {
  for (auto&& checked : {validate_text("kind", s.kind, limits::name_bytes, true),
                         validate_text("queue", s.queue, limits::name_bytes, true),
                         validate_text("description", s.description, limits::text_bytes, false),
                         validate_text("payload", s.payload, limits::payload_bytes, false),
                         validate_text("uniqueKey", s.unique_key, limits::name_bytes, false),
                         validate_text("taskId", s.reference, limits::reference_bytes, false),
                         validate_clock("ttl", s.ttl), validate_clock("queueTtl", s.queue_ttl),
                         validate_clock("totalTtl", s.total_ttl),
                         validate_clock("heartbeat", s.heartbeat), validate_retry(s.retry)})
    if (!checked)
      return checked;
  if (s.ttl == 0us)
    return bad_field("ttl", "must lie between 1 ms and 30 days");
  if (s.priority < limits::priority_min || s.priority > limits::priority_max)
    return bad_field("priority", "must lie between 1 and 5");
  if (s.tags.size() > limits::tags)
    return bad_field("tags", "has more than 32 entries");
  for (const auto& tag : s.tags)
    if (auto ok = validate_text("tags", tag, limits::name_bytes, true); !ok)
      return ok;
  return s.options.is_set() ? validate_options(s) : result<void>{};
}

}  // namespace orrery
