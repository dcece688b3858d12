#include "http/outbound_payload.hpp"

#include "http/target.hpp"

#include "codec/detail/member.hpp"
#include "codec/json.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>

namespace orrery::http {

namespace {

constexpr size_t headers_max = 50;
constexpr size_t own_header_bytes_max = 8 * 1024;

bool is_token(std::string_view text) noexcept {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
  });
}

/// What the connection needs, and what tells the other side who we are.
bool is_ours(std::string_view name) noexcept {
  static constexpr std::array names{"host",
                                    "content-length",
                                    "transfer-encoding",
                                    "connection",
                                    "keep-alive",
                                    "te",
                                    "trailer",
                                    "upgrade",
                                    "expect",
                                    "idempotency-key",
                                    "orrery-task",
                                    "orrery-attempt",
                                    "traceparent",
                                    "accept-encoding",
                                    "proxy-connection",
                                    "proxy-authorization"};
  return std::any_of(names.begin(), names.end(),
                     [&](std::string_view n) { return equal_ignoring_case(n, name); });
}

result<void> check_header(const std::string& name, const std::string& value) {
  const auto field = "headers." + name;
  if (!is_token(name) || name.size() > limits::name_bytes)
    return failure{errc::invalid, "is not the name of a header field", "headers"};
  if (is_ours(name))
    return failure{errc::invalid, "is set by the runtime", field};
  // A line end inside a value would begin another header, or another request.
  if (value.size() > own_header_bytes_max || std::any_of(value.begin(), value.end(), [](char c) {
        return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f;
      }))
    return failure{errc::invalid, "must be text of one line, at most 8 KiB", field};
  return {};
}

/// The fields as they came, before anything is made of them.
struct raw_payload {
  std::string url_text;
  outbound_request request;
  failure error;
};

bool read_headers(raw_payload& p, const codec::detail::member& m) {
  return m.each([&](std::string_view name, codec::detail::json_value& value) {
    std::string text;
    if (!codec::detail::member(name, value, p.error, "headers.").text(text, own_header_bytes_max))
      return false;
    if (p.request.headers.size() >= headers_max) {
      p.error = {errc::invalid, "has more than " + std::to_string(headers_max) + " fields",
                 "headers"};
      return false;
    }
    p.request.headers.emplace_back(std::string(name), std::move(text));
    return true;
  });
}

bool read_field(raw_payload& p, std::string_view key, codec::detail::json_value& value) {
  using codec::detail::json_value;
  const codec::detail::member m(key, value, p.error);
  if (key == "url")
    return m.text(p.url_text, 8 * 1024);
  if (key == "method")
    return m.text(p.request.method, 16);
  if (key == "timeout")
    return m.length(p.request.timeout);
  if (key == "headers")
    return read_headers(p, m);
  if (key != "body")
    return true;
  p.request.has_body = value.is != json_value::form::null;
  p.request.body_is_json = p.request.has_body && value.is != json_value::form::string;
  return p.request.body_is_json ? m.json(p.request.body, limits::payload_bytes)
                                : m.text(p.request.body, limits::payload_bytes);
}

void append_header(std::string& out, std::string_view name, std::string_view value) {
  out.append(name).append(": ").append(value).append("\r\n");
}

}  // namespace

result<outbound_request> read_payload(std::string_view payload) {
  raw_payload p;
  bool taken = true;
  const auto read =
      codec::detail::read_json(payload, codec::detail::outermost::object,
                               [&](std::string_view key, codec::detail::json_value& value) {
                                 return taken = read_field(p, key, value);
                               });
  if (!read)
    return read.error();
  if (!taken)
    return std::move(p.error);
  if (p.url_text.empty())
    return failure{errc::invalid, "is missing", "url"};
  auto to = parse_url(p.url_text);
  if (!to)
    return std::move(to).error();
  p.request.to = std::move(*to);
  static constexpr std::array methods{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"};
  if (std::find(methods.begin(), methods.end(), p.request.method) == methods.end())
    return failure{errc::invalid, "must be GET, HEAD, POST, PUT, PATCH or DELETE", "method"};
  for (const auto& [name, value] : p.request.headers)
    if (auto good = check_header(name, value); !good)
      return std::move(good).error();
  return std::move(p.request);
}

std::string write_request(const outbound_request& request, const work_item& item) {
  std::string out;
  out.reserve(512 + request.body.size());
  out.append(request.method).append(" ").append(request.to.target).append(" HTTP/1.1\r\n");
  append_header(out, "Host", request.to.authority);
  const auto has = [&](std::string_view name) {
    return std::any_of(request.headers.begin(), request.headers.end(),
                       [&](const auto& h) { return equal_ignoring_case(h.first, name); });
  };
  if (!has("User-Agent"))
    append_header(out, "User-Agent", "orrery");
  if (!has("Accept"))
    append_header(out, "Accept", "application/json, */*;q=0.5");
  if (request.has_body && !has("Content-Type"))
    append_header(out, "Content-Type",
                  request.body_is_json ? "application/json" : "text/plain; charset=utf-8");
  const auto task = to_string(item.task);
  append_header(out, "Idempotency-Key", task + "-" + std::to_string(item.token.run));
  append_header(out, "Orrery-Task", task);
  append_header(out, "Orrery-Attempt",
                std::to_string(item.token.run) + "/" + std::to_string(item.token.attempt) + "/" +
                    std::to_string(item.epoch.value));
  if (is_traceparent(item.traceparent))
    append_header(out, "traceparent", item.traceparent);
  for (const auto& [name, value] : request.headers)
    append_header(out, name, value);
  if (request.has_body || (request.method != "GET" && request.method != "HEAD"))
    append_header(out, "Content-Length", std::to_string(request.body.size()));
  append_header(out, "Connection", "close");
  return out.append("\r\n").append(request.body);
}

work_outcome outcome_of(const outbound_answer& answer, size_t result_bytes_max, time_point now) {
  work_outcome out;
  const int status = answer.status;
  if (status >= 200 && status < 300) {
    out.succeeded = true;
    const auto type =
        trimmed(std::string_view(answer.content_type).substr(0, answer.content_type.find(';')));
    const bool json =
        equal_ignoring_case(type, "application/json") ||
        (type.size() > 5 && equal_ignoring_case(type.substr(type.size() - 5), "+json"));
    if (json && !answer.cut && !answer.body.empty() && answer.body.size() <= result_bytes_max &&
        codec::check_json(answer.body))
      out.result = answer.body;
    else if (!answer.body.empty())
      out.result = json_string(answer.body, result_bytes_max);
    return out;
  }
  out.error_code = "http-" + std::to_string(status);
  out.retryable = status == 408 || status == 425 || status == 429 || status >= 500;
  // As text of the answer for people: without its JSON quotes, which `json_string` is certain to
  // add.
  auto head = json_string(answer.body.substr(0, 4096), limits::text_bytes);
  out.output = head.substr(1, head.size() - 2);
  out.error = "the server answered " + std::to_string(status);
  if (status >= 300 && status < 400)
    out.error += "; redirects are not followed";
  if (out.retryable)
    out.retry_after = parse_retry_after(answer.retry_after, now);
  return out;
}

work_outcome failed_outcome(std::string code, std::string error, bool retryable) {
  work_outcome out;
  out.error_code = std::move(code);
  out.error = std::move(error);
  out.retryable = retryable;
  return out;
}

std::string json_string(std::string_view text, size_t bytes_max) {
  std::string out;
  out.reserve(std::min(text.size() + 16, bytes_max));
  if (text.size() < bytes_max && is_utf8(text)) {
    codec::append_string(out, text);
    if (out.size() <= bytes_max)
      return out;
    out.clear();
  }
  // Character by character: cut where it is full, mended where it is broken.
  std::string one;
  out += '"';
  for (size_t i = 0; i < text.size();) {
    size_t length = 1;
    while (length < 4 && i + length < text.size() && !is_utf8(text.substr(i, length)))
      ++length;
    one.clear();
    if (is_utf8(text.substr(i, length))) {
      codec::append_string(one, text.substr(i, length));
    } else {
      one = "\"\xef\xbf\xbd\"";
      length = 1;
    }
    if (out.size() + one.size() - 1 > bytes_max)
      break;
    out.append(one, 1, one.size() - 2);
    i += length;
  }
  return out += '"';
}

duration parse_retry_after(std::string_view value, time_point now) {
  value = trimmed(value);
  int64_t seconds = 0;
  const auto* end = value.data() + value.size();
  const auto [last, error] = std::from_chars(value.data(), end, seconds);
  if (value.empty())
    return {};
  if (last == end && (error == std::errc{} || error == std::errc::result_out_of_range)) {
    if (error == std::errc{} && seconds <= 0)
      return {};
    return error == std::errc{} ? std::chrono::seconds(std::min<int64_t>(seconds, 86'400)) : 24h;
  }
  // IMF-fixdate: `Sat, 21 Nov 2026 10:15:00 GMT`.
  static constexpr std::string_view months = "JanFebMarAprMayJunJulAugSepOctNovDec";
  int day = 0, year = 0, hour = 0, minute = 0, second = 0;
  std::array<char, 4> month{};
  if (std::sscanf(std::string(value).c_str(), "%*3s, %2d %3s %4d %2d:%2d:%2d GMT", &day,
                  month.data(), &year, &hour, &minute, &second) != 6)
    return {};
  const auto at_month = months.find(month.data());
  if (at_month == std::string_view::npos || at_month % 3 != 0)
    return {};
  using namespace std::chrono;
  const year_month_day date{std::chrono::year(year), std::chrono::month(unsigned(at_month / 3 + 1)),
                            std::chrono::day(unsigned(day))};
  if (!date.ok())
    return {};
  const time_point at =
      sys_days(date) + hours(hour) + minutes(minute) + std::chrono::seconds(second);
  return std::clamp<duration>(at - now, duration{}, 24h);
}

}  // namespace orrery::http
