#include "http/wire.hpp"

#include "http/problem.hpp"

#include <array>
#include <charconv>
#include <cstdio>
#include <ctime>

namespace orrery::http {

namespace {

void append_number(std::string& out, int64_t number) {
  std::array<char, 24> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
  out.append(digits.data(), end);
}

std::string_view content_type(media type) noexcept {
  switch (type) {
    case media::json: return "application/json";
    case media::lines: return "application/x-ndjson";
    case media::problem: return "application/problem+json";
    case media::metrics: return "text/plain; version=0.0.4; charset=utf-8";
    case media::html: return "text/html; charset=utf-8";
    case media::script: return "text/javascript; charset=utf-8";
    case media::style: return "text/css; charset=utf-8";
    case media::image: return "image/png";
    case media::events: return "text/event-stream";
    case media::none: break;
  }
  return {};
}

void append_field(std::string& out, std::string_view name, std::string_view value) {
  out.append(name).append(": ").append(value).append("\r\n");
}

/// Fields that most answers lack.
void append_rare_fields(std::string& out, const response& a) {
  if (!a.location.empty())
    append_field(out, "Location", a.location);
  if (!a.allow.empty())
    append_field(out, "Allow", a.allow);
  if (a.wait_applied_s > 0)
    append_field(out, "Preference-Applied", "wait=" + std::to_string(a.wait_applied_s));
  if (a.retry_after_s > 0)
    append_field(out, "Retry-After", std::to_string(a.retry_after_s));
  if (a.version > 0)
    append_field(out, "ETag", "\"" + std::to_string(a.version) + "\"");
  if (!a.link.empty())
    append_field(out, "Link", a.link);
  if (a.status == 401)
    append_field(out, "WWW-Authenticate", "Bearer realm=\"orrery\"");
}

}  // namespace

void append_response(std::string& out, const response& a, const wire_context& context) {
  out.append("HTTP/1.1 ");
  append_number(out, a.status);
  out.append(1, ' ').append(reason_phrase(a.status)).append("\r\nServer: orrery\r\nDate: ");
  out.append(context.date).append("\r\n");
  if (a.type != media::none)
    append_field(out, "Content-Type", content_type(a.type));
  if (a.stream) {
    // Told to proxies that collect answers before passing them on.
    append_field(out, "X-Accel-Buffering", "no");
  } else if (a.status != 204 && a.status != 304) {
    out.append("Content-Length: ");
    append_number(out, static_cast<int64_t>(a.body.size()));
    out.append("\r\n");
  }
  if (!context.request_id.empty())
    append_field(out, "X-Request-Id", context.request_id);
  out.append("X-Content-Type-Options: nosniff\r\nCache-Control: no-store\r\n");
  append_rare_fields(out, a);
  out.append(context.more);
  if (context.close)
    out.append("Connection: close\r\n");
  else if (context.version_1_0)
    out.append("Connection: keep-alive\r\n");
  out.append("\r\n");
  if (!context.head_only && a.status != 204 && a.status != 304)
    out.append(a.body);
}

std::string http_date(int64_t unix_seconds) {
  static constexpr const char* days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  static constexpr const char* months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                           "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const auto at = static_cast<std::time_t>(unix_seconds);
  std::tm utc{};
  gmtime_r(&at, &utc);
  // Not strftime: its names follow the locale.
  std::array<char, 64> text;
  const int n = std::snprintf(text.data(), text.size(), "%s, %02d %s %04d %02d:%02d:%02d GMT",
                              days[utc.tm_wday], utc.tm_mday, months[utc.tm_mon],
                              utc.tm_year + 1900, utc.tm_hour, utc.tm_min, utc.tm_sec);
  return {text.data(), static_cast<size_t>(n)};
}

}  // namespace orrery::http
