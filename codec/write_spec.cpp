#include "codec/detail/write_spec.hpp"

namespace orrery::codec::detail {

namespace {

void write_list(json_writer& out, std::string_view name, const std::vector<std::string>& values) {
  if (values.empty())
    return;
  out.key(name).begin_array();
  for (const auto& value : values)
    out.value(value);
  out.end_array();
}

void write_length(json_writer& out, std::string_view name, duration length) {
  out.field(name, format_duration(length));
}

void write_retry(json_writer& out, const retry_policy& r, defaults mode) {
  static const retry_policy usual;
  const bool all = mode == defaults::written;
  out.key("retry").begin_object();
  if (all || r.max_attempts != usual.max_attempts)
    out.field("maxAttempts", r.max_attempts);
  if (all || r.kind != usual.kind)
    out.field("kind", to_string(r.kind));
  if (all || r.initial != usual.initial)
    write_length(out, "initial", r.initial);
  if (all || r.factor != usual.factor)
    out.field("factor", r.factor);
  if (all || r.max != usual.max)
    write_length(out, "max", r.max);
  if (all || r.jitter != usual.jitter)
    out.field("jitter", r.jitter);
  write_list(out, "nonRetryable", r.non_retryable);
  if (all || r.on_exhausted != usual.on_exhausted)
    out.field("onExhausted", to_string(r.on_exhausted));
  out.end_object();
}

void write_options(json_writer& out, const task_options& o) {
  static const task_options usual;
  write_list(out, "labels", o.labels);
  out.optional_field("limitKey", o.limit_key);
  if (o.weight != 1)
    out.field("weight", o.weight);
  if (o.unique != usual.unique)
    out.field("unique", to_string(o.unique));
  optional_length(out, "uniqueWindow", o.unique_window);
  if (o.if_running != usual.if_running || o.if_ended != usual.if_ended) {
    out.key("idempotency").begin_object();
    if (o.if_running != usual.if_running)
      out.field("running", to_string(o.if_running));
    if (o.if_ended != usual.if_ended)
      out.field("ended", to_string(o.if_ended));
    out.end_object();
  }
  optional_length(out, "delay", o.delay);
}

}  // namespace

void optional_length(json_writer& out, std::string_view name, duration length) {
  if (length != 0us)
    write_length(out, name, length);
}

void optional_time(json_writer& out, std::string_view name, time_point at) {
  if (at != never)
    out.field(name, at);
}

void optional_raw(json_writer& out, std::string_view name, std::string_view json) {
  if (json.empty())
    return;
  // What came through a reader is on one line already; what a program printed may not be.
  if (json.find('\n') == std::string_view::npos) {
    out.key(name).raw(json);
    return;
  }
  std::string one_line;
  append_minified(one_line, json);
  out.key(name).raw(one_line);
}

void write_members(json_writer& out, const task_spec& s, defaults mode) {
  static const task_spec usual;
  const bool all = mode == defaults::written;
  out.field("kind", s.kind).optional_field("description", s.description);
  optional_raw(out, "payload", s.payload);
  if (all || s.queue != usual.queue)
    out.field("queue", s.queue);
  if (all || s.priority != usual.priority)
    out.field("priority", s.priority);
  if (all || s.ttl != usual.ttl)
    write_length(out, "ttl", s.ttl);
  optional_length(out, "queueTtl", s.queue_ttl);
  optional_length(out, "totalTtl", s.total_ttl);
  optional_length(out, "heartbeat", s.heartbeat);
  optional_time(out, "deadline", s.deadline);
  optional_time(out, "runAt", s.run_at);
  if (all || s.delivery != usual.delivery)
    out.field("delivery", to_string(s.delivery));
  if (all || s.on_timeout != usual.on_timeout)
    out.field("onTimeout", to_string(s.on_timeout));
  if (all || s.retry != usual.retry)
    write_retry(out, s.retry, mode);
  out.optional_field("uniqueKey", s.unique_key);
  write_list(out, "tags", s.tags);
  if (s.options.is_set())
    write_options(out, *s.options);
}

void write_members(json_writer& out, const order_spec& s) {
  out.field("product", s.product).field("quantity", s.quantity);
  out.optional_field("customer", s.customer).optional_field("flow", s.flow);
  optional_length(out, "expiresIn", s.expires_in);
  optional_raw(out, "metadata", s.metadata);
}

size_t size_hint(const task_spec& s) noexcept {
  return 256 + s.kind.size() + s.description.size() + s.payload.size() + s.queue.size() +
         s.unique_key.size() + s.reference.size() + 32 * s.tags.size();
}

size_t size_hint(const order_spec& s) noexcept {
  return 160 + s.product.size() + s.customer.size() + s.flow.size() + s.metadata.size() +
         s.reference.size();
}

}  // namespace orrery::codec::detail
