/// The span of a request (W3C Trace Context; names after OpenTelemetry's conventions for HTTP).

#include "http/routes.hpp"
#include "http/session.hpp"

#include "base/clock.hpp"

namespace orrery::http {

/// The client's decision whether a trace is recorded is kept; where it has made none, the configuration
/// decides, and what follows keeps that: the context goes on with the submission either way.
void session::begin_span() {
  auto& in = exchange_->in;
  trace_context own;
  uint64_t parent = 0;
  if (const auto given = parse_traceparent(in.traceparent)) {
    own = *given;
    parent = given->span;
  } else {
    own.trace = {lane_.random(), lane_.random() | 1};
    own.sampled = is_recorded(own.trace, lane_.options.spans->ratio());
  }
  if (!own.sampled && parent != 0)
    return;  // nothing of ours lies between the client and what it asked for
  own.span = lane_.random() | 1;
  in.traceparent = to_string(own);
  if (!own.sampled)
    return;
  span_.emplace();
  span_->trace = own.trace;
  span_->id = own.span;
  span_->parent = parent;
  span_->state = in.tracestate;
  span_->kind = span_kind::server;
  span_->from = system_clock{}.now();
}

void session::end_span(int status) {
  const auto& in = exchange_->in;
  auto one = std::move(*span_);
  span_.reset();
  const auto verb = exchange_->matched ? to_string(exchange_->matched->verb) : "HTTP";
  one.name = verb;
  one.attributes.emplace_back("http.request.method", verb);
  if (exchange_->matched) {
    one.name.append(" ").append(exchange_->matched->pattern);
    one.attributes.emplace_back("http.route", exchange_->matched->pattern);
  }
  one.attributes.emplace_back("http.response.status_code", std::to_string(status));
  one.attributes.emplace_back("url.path", in.path);
  one.attributes.emplace_back("orrery.request.id", in.request_id);
  if (status >= 500)
    one.error = "status " + std::to_string(status);
  one.to = system_clock{}.now();
  lane_.options.spans->take(std::move(one));
}

}  // namespace orrery::http
