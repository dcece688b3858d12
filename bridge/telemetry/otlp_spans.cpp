#include "bridge/telemetry/otlp_spans.hpp"

#include "base/log.hpp"
#include "base/worker.hpp"
#include "codec/json.hpp"
#include "codec/object.hpp"

namespace orrery {

namespace {

using codec::json_writer;

void attribute(json_writer& to, std::string_view name, std::string_view value) {
  to.begin_object().field("key", name).key("value").begin_object();
  to.field("stringValue", value).end_object().end_object();
}

std::string nanos(time_point at) { return std::to_string(micros(at) * 1000); }

void write_span(json_writer& to, const span& one) {
  to.begin_object().field("traceId", to_string(one.trace)).field("spanId", span_text(one.id));
  if (one.parent != 0)
    to.field("parentSpanId", span_text(one.parent));
  to.optional_field("traceState", one.state).field("name", one.name);
  to.field("kind", static_cast<int64_t>(one.kind));
  to.field("startTimeUnixNano", nanos(one.from)).field("endTimeUnixNano", nanos(one.to));
  to.key("attributes").begin_array();
  for (const auto& [name, value] : one.attributes)
    attribute(to, name, value);
  to.end_array().key("status").begin_object();
  if (!one.error.empty())
    to.field("message", one.error).field("code", int64_t{2});
  to.end_object().end_object();
}

/// How many a collector did not take of what it answered 200 for.
uint64_t rejected_in(const std::string& body) {
  const auto at = body.find("\"rejectedSpans\"");
  if (at == std::string::npos)
    return 0;
  const auto digit = body.find_first_of("0123456789", at);
  return digit == std::string::npos ? 0 : std::strtoull(body.c_str() + digit, nullptr, 10);
}

}  // namespace

std::string otlp_body(const std::vector<span>& batch, const otlp_options& how) {
  std::string out;
  json_writer to(out);
  to.begin_object().key("resourceSpans").begin_array().begin_object();
  to.key("resource").begin_object().key("attributes").begin_array();
  attribute(to, "service.name", "orrery");
  attribute(to, "service.instance.id", how.node);
  attribute(to, "service.version", how.version);
  to.end_array().end_object().key("scopeSpans").begin_array().begin_object();
  to.key("scope").begin_object().field("name", "orrery").field("version", how.version);
  to.end_object().key("spans").begin_array();
  for (const auto& one : batch)
    write_span(to, one);
  to.end_array().end_object().end_array().end_object().end_array().end_object();
  return out;
}

otlp_spans::otlp_spans(otlp_options how, web_client& client)
    : how_(std::move(how)), client_(client) {
  thread_ = std::jthread([this] {
    name_this_thread("spans");
    run();
  });
}

otlp_spans::~otlp_spans() { stop(); }

void otlp_spans::take(span one) noexcept {
  try {
    const std::lock_guard lock(guard_);
    if (stopping_ || queue_.size() >= how_.queue_max) {
      dropped_.fetch_add(1, std::memory_order_relaxed);
      return;
    }
    queue_.push_back(std::move(one));
    if (queue_.size() == how_.batch_max)
      wake_.notify_one();
  } catch (...) {
    dropped_.fetch_add(1, std::memory_order_relaxed);  // no memory
  }
}

otlp_figures otlp_spans::figures() const {
  const std::lock_guard lock(guard_);
  return {exported_, dropped_, refused_, failures_, queue_.size()};
}

void otlp_spans::stop() {
  {
    const std::lock_guard lock(guard_);
    stopping_ = true;
  }
  wake_.notify_one();
  if (thread_.joinable())
    thread_.join();
}

void otlp_spans::run() {
  std::vector<span> batch;
  auto give_up = back_off::instant::max();
  for (;;) {
    {
      std::unique_lock lock(guard_);
      const auto until = std::max(back_off_.until(), std::chrono::steady_clock::now() + how_.pace);
      wake_.wait_until(lock, until, [this] {
        return stopping_ || (queue_.size() >= how_.batch_max &&
                             !back_off_.must_wait(std::chrono::steady_clock::now()));
      });
      if (stopping_ && give_up == back_off::instant::max())
        give_up = std::chrono::steady_clock::now() + how_.drain_limit;
      while (batch.size() < how_.batch_max && !queue_.empty()) {
        batch.push_back(std::move(queue_.front()));
        queue_.pop_front();
      }
      if (batch.empty() && stopping_)
        return;
    }
    const bool late = std::chrono::steady_clock::now() > give_up;
    if (!batch.empty() && !late && send(batch)) {
      batch.clear();
    } else if (late || (!batch.empty() && give_up != back_off::instant::max())) {
      const std::lock_guard lock(guard_);
      dropped_ += batch.size() + queue_.size();
      queue_.clear();
      return;
    }
  }
}

bool otlp_spans::send(const std::vector<span>& batch) {
  const auto body = otlp_body(batch, how_);
  const auto answer = client_.post(
      {how_.endpoint + "/v1/traces", "application/json", body, how_.headers, how_.timeout});
  const auto now = std::chrono::steady_clock::now();
  if (answer && answer->status / 100 == 2) {
    const auto rejected = std::min<uint64_t>(rejected_in(answer->body), batch.size());
    refused_ += rejected;
    exported_ += batch.size() - rejected;
    back_off_.succeeded();
    return true;
  }
  if (answer && !is_passing(answer->status)) {
    log::warning("spans.refused", {{"status", answer->status}, {"spans", batch.size()}});
    refused_ += batch.size();
    back_off_.succeeded();
    return true;
  }
  if (failures_++ % 20 == 0)
    log::warning("spans.not_taken", {{"detail", answer ? "status " + std::to_string(answer->status)
                                                       : answer.error().detail}});
  back_off_.failed(now, answer ? answer->retry_after : duration{});
  return false;
}

}  // namespace orrery
