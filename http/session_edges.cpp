/// What surrounds every answer: other origins, security fields, compression, unchanged copies, the way to
/// TLS.

#include "http/gzip.hpp"
#include "http/problem.hpp"
#include "http/routes.hpp"
#include "http/session.hpp"
#include "http/target.hpp"

#include <algorithm>

namespace orrery::http {

namespace {

constexpr size_t gzip_bytes_min = 1'024;
/// Compressing blocks the io thread: about 10 ms for this much.
constexpr size_t gzip_bytes_max = 512 * 1024;

/// A name or address, perhaps with a port: nothing that could end a header line or a host.
bool is_host(std::string_view text) noexcept {
  return !text.empty() && text.size() <= 255 && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '.' ||
           c == '-' || c == ':' || c == '[' || c == ']';
  });
}

std::string_view without_port(std::string_view host) noexcept {
  const auto colon = host.rfind(':');
  const bool inside = host.find(']') != std::string_view::npos && host.rfind(']') > colon;
  return colon == std::string_view::npos || inside ? host : host.substr(0, colon);
}

}  // namespace

/// Fields of the answer that follow from the request alone. True where the request is answered already.
bool session::check_edges() {
  auto& in = exchange_->in;
  const auto& options = lane_.options;
  const auto& message = parser_->get();
  in.gzip = accepts_gzip(view(message["Accept-Encoding"]));
  in.if_none_match.assign(view(message["If-None-Match"]));
  if (options.redirect_port != 0) {
    const auto host = view(message["Host"]);
    if (!is_host(host))
      return refuse(400, "a request needs a Host field that is one"), true;
    response out{.status = 308, .type = media::none};
    out.location = "https://" + std::string(without_port(host));
    if (options.redirect_port != 443)
      out.location += ":" + std::to_string(options.redirect_port);
    out.location += safe_uri(in.target);
    refuse(std::move(out), true);
    return true;
  }
  if (tls_)
    lines_ += "Strict-Transport-Security: max-age=31536000\r\n";
  return check_origin();
}

/// CORS by list: an origin that is not on it gets no field, and its browser keeps the answer from it. No
/// cookies are used, so no credentials are allowed.
bool session::check_origin() {
  const auto& message = parser_->get();
  const auto origin = view(message["Origin"]);
  const auto& list = lane_.options.cors_origins;
  if (list.empty())
    return false;
  lines_ += "Vary: Origin\r\n";
  if (origin.empty() || std::find(list.begin(), list.end(), origin) == list.end())
    return false;
  lines_.append("Access-Control-Allow-Origin: ").append(origin).append("\r\n");
  if (exchange_->in.verb != method::options ||
      view(message["Access-Control-Request-Method"]).empty()) {
    lines_ +=
        "Access-Control-Expose-Headers: ETag, Link, Location, RateLimit, RateLimit-Policy, "
        "Retry-After, X-Request-Id\r\n";
    return false;
  }
  // A preflight carries no credential; it tells nothing but what is allowed everywhere.
  lines_ +=
      "Access-Control-Allow-Methods: GET, POST, PUT, PATCH, DELETE\r\n"
      "Access-Control-Allow-Headers: Authorization, Content-Type, Idempotency-Key, If-Match, "
      "If-None-Match, Last-Event-ID, Prefer, traceparent, X-Request-Id\r\n"
      "Access-Control-Max-Age: 600\r\n";
  refuse({.status = 204, .type = media::none}, has_body());
  return true;
}

void session::finish_answer(response& answer) {
  const auto& in = exchange_->in;
  if (answer.type == media::html)
    lines_ +=
        "Content-Security-Policy: default-src 'none'; script-src 'self'; style-src 'self' "
        "'unsafe-inline'; img-src 'self' data:; connect-src 'self'; frame-ancestors 'none'; "
        "base-uri 'none'; form-action 'self'\r\nReferrer-Policy: no-referrer\r\n";
  const bool reads = in.verb == method::get || in.verb == method::head;
  if (reads && answer.status == 200 && answer.version > 0 && !in.if_none_match.empty()) {
    const auto tag = "\"" + std::to_string(answer.version) + "\"";
    if (in.if_none_match == "*" || in.if_none_match.find(tag) != std::string::npos) {
      answer.status = 304;
      answer.type = media::none;
      answer.body.clear();
      return;
    }
  }
  if (in.gzip && answer.body.size() >= gzip_bytes_min && answer.body.size() <= gzip_bytes_max &&
      answer.type != media::image)
    if (auto packed = gzip(answer.body)) {
      answer.body = std::move(*packed);
      lines_ += "Content-Encoding: gzip\r\nVary: Accept-Encoding\r\n";
    }
}

}  // namespace orrery::http
