/// What is checked of a header before its body is read.

#include "http/problem.hpp"
#include "http/repeats.hpp"
#include "http/routes.hpp"
#include "http/session.hpp"
#include "http/target.hpp"

#include <algorithm>
#include <iterator>

namespace orrery::http {

namespace {

using beast::http::field;

method method_of(beast::http::verb verb) noexcept {
  switch (verb) {
    case beast::http::verb::get: return method::get;
    case beast::http::verb::head: return method::head;
    case beast::http::verb::post: return method::post;
    case beast::http::verb::put: return method::put;
    case beast::http::verb::patch: return method::patch;
    case beast::http::verb::delete_: return method::erase;
    case beast::http::verb::options: return method::options;
    default: return method::other;
  }
}

bool is_printable(std::string_view text) noexcept {
  return std::all_of(text.begin(), text.end(), [](char c) { return c > 0x20 && c < 0x7f; });
}

bool is_json(std::string_view content_type) noexcept {
  const auto type = trimmed(content_type.substr(0, content_type.find(';')));
  return equal_ignoring_case(type, "application/json") ||
         equal_ignoring_case(type, "application/x-ndjson") ||
         equal_ignoring_case(type, "application/ndjson");
}

}  // namespace

std::string_view session::field(beast::http::field name) const {
  const auto& message = parser_->get();
  const auto it = message.find(name);
  return it == message.end() ? std::string_view{} : view(it->value());
}

bool session::has_body() const {
  return parser_->chunked() || parser_->content_length().value_or(0) > 0;
}

size_t session::body_limit() const {
  return exchange_->matched->body == body_kind::batch ? lane_.options.batch_bytes_max
                                                      : lane_.options.body_bytes_max;
}

bool session::check_header() {
  auto& in = exchange_->in;
  const auto& message = parser_->get();
  in.verb = method_of(message.method());
  in.target.assign(view(message.target()));
  const auto id = view(message["X-Request-Id"]);
  if (!id.empty() && id.size() <= 128 && is_printable(id))
    in.request_id.assign(id);
  else
    in.request_id = lane_.make_request_id();
  if (!check_framing())
    return false;
  if (check_edges())
    return false;
  const std::string_view target = in.target;
  const auto question = std::min(target.find('?'), target.size());
  in.path = target.substr(0, question);
  in.query = target.substr(std::min(question + 1, target.size()));
  return find_handler();
}

/// Where two readers could see different ends of one message, a request hides behind another. Such
/// messages are refused and the connection closed.
bool session::check_framing() {
  const auto& message = parser_->get();
  if (static_cast<size_t>(std::distance(message.begin(), message.end())) >
      lane_.options.header_fields_max)
    return refuse(431, "the header has more fields than the limit"), false;
  const auto hosts = message.count(field::host);
  if (hosts > 1 || (hosts == 0 && message.version() == 11))
    return refuse(400, "a request needs exactly one Host field"), false;
  const auto encodings = message.count(field::transfer_encoding);
  const auto lengths = message.count(field::content_length);
  // Beast takes a list of equal numbers as one.
  const bool list = session::field(field::content_length).find(',') != std::string_view::npos;
  if (encodings > 1 || lengths > 1 || list || (encodings == 1 && lengths == 1))
    return refuse(400, "the length of the body is not certain"), false;
  if (encodings == 1 && (message.version() == 10 ||
                         !equal_ignoring_case(session::field(field::transfer_encoding), "chunked")))
    return refuse(400, "the only transfer encoding understood is chunked"), false;
  const auto& target = exchange_->in.target;
  if (target.empty() || (target.front() != '/' && target != "*"))
    return refuse(400, "the target must be a path"), false;
  return true;
}

bool session::find_handler() {
  auto& in = exchange_->in;
  auto match = find_route(in.verb, in.path);
  const auto& open = lane_.options.open_routes;
  const bool is_open =
      match.found && (match.found->needs == permission::open ||
                      std::find(open.begin(), open.end(), match.found->name) != open.end());
  if (match.found && !match.bad_path) {
    exchange_->matched = match.found;
    in.id = std::move(match.id);
    in.action = std::move(match.action);
    return identify(is_open);
  }
  // Who has no credential does not learn which paths there are.
  if (!is_open && !identify(false))
    return false;
  if (match.bad_path) {
    unmatched_ = problem_of({errc::invalid, "is not an id or a verb", "id"}, false, in.target);
  } else if (in.verb == method::options && (in.target == "*" || !match.allow.empty())) {
    unmatched_ = {.status = 204, .type = media::none};
    unmatched_->allow =
        in.target == "*" ? "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS" : match.allow;
  } else if (!match.allow.empty()) {
    unmatched_ = plain_problem(405, "this path knows other methods", in.target);
    unmatched_->allow = std::move(match.allow);
  } else {
    unmatched_ = plain_problem(404, "there is no such path", in.target);
  }
  return true;
}

bool session::check_content() {
  const auto& target = exchange_->in.target;
  if (exchange_->matched->body != body_kind::none && has_body()) {
    const auto type = session::field(field::content_type);
    exchange_->in.lines = type.find("ndjson") != std::string_view::npos;
    if (!type.empty() && !is_json(type))
      return refuse(plain_problem(415, "send application/json or application/x-ndjson", target),
                    true),
             false;
    const auto encoding = session::field(field::content_encoding);
    if (!encoding.empty() && !equal_ignoring_case(encoding, "identity"))
      return refuse(plain_problem(415, "send the body without a content encoding", target), true),
             false;
  }
  if (parser_->content_length().value_or(0) > body_limit())
    return refuse(413, "the body is larger than the limit"), false;
  const auto expect = session::field(field::expect);
  if (expect.empty() || parser_->get().version() == 10)
    return true;
  if (!equal_ignoring_case(expect, "100-continue"))
    return refuse(417, "the only expectation understood is 100-continue"), false;
  if (has_body() && buffer_.size() == 0)
    out_ += "HTTP/1.1 100 Continue\r\n\r\n";
  return true;
}

bool session::copy_fields() {
  auto& in = exchange_->in;
  if (in.verb == method::get)
    if (session::field(field::accept).find("text/event-stream") != std::string_view::npos)
      in.accepts_events = true;
  if (const auto last = view(parser_->get()["Last-Event-ID"]); !last.empty())
    in.last_event_id.assign(last);
  const auto& message = parser_->get();
  if (const auto parent = view(message["traceparent"]); is_traceparent(parent)) {
    in.traceparent.assign(parent);
    in.tracestate = usable_tracestate(view(message["tracestate"]));
  }
  // Nobody wants a trace of each scrape and each look at the health.
  if (lane_.options.spans != nullptr && exchange_->matched->needs != permission::open &&
      exchange_->matched->answers != media::metrics)
    begin_span();
  const bool submits = exchange_->matched->submits;
  if (!submits && !keeps_answers(*exchange_->matched))
    return true;
  if (const auto n = message.count("Idempotency-Key"); n > 0) {
    const auto key = view(message["Idempotency-Key"]);
    if (n > 1 || key.empty() || key.size() > 255 || !is_printable(key)) {
      refuse(problem_of({errc::invalid, "must be 1 to 255 printable ASCII characters, once",
                         "Idempotency-Key"},
                        false, in.target),
             has_body());
      return false;
    }
    in.idempotency_key.emplace(key);
  }
  if (!submits)
    return true;
  if (exchange_->matched->body == body_kind::single)
    if (const auto prefer = view(message["Prefer"]); !prefer.empty())
      in.wait = parse_prefer_wait(prefer);
  return true;
}

}  // namespace orrery::http
