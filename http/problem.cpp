#include "http/problem.hpp"

#include "codec/json.hpp"

namespace orrery::http {

namespace {

std::string_view title_of(errc code) noexcept {
  switch (code) {
    case errc::invalid: return "The request is not valid";
    case errc::not_found: return "There is no such thing";
    case errc::conflict: return "It clashes with what is there";
    case errc::rejected: return "The present state does not allow it";
    case errc::busy: return "A limit is reached";
    case errc::unavailable: return "Not available just now";
    case errc::in_doubt: return "It may or may not have happened";
    case errc::corrupt: return "Stored data cannot be read";
  }
  return "Unknown";
}

struct document {
  std::string type;
  std::string_view title;
  int status;
  std::string_view detail;
  std::string_view field;
  std::string_view target;
};

response write(const document& d) {
  response out;
  out.status = d.status;
  out.type = media::problem;
  if (d.status == 429 || d.status == 503)
    out.retry_after_s = 1;
  codec::json_writer json(out.body);
  json.begin_object().field("type", d.type).field("title", d.title);
  json.field("status", static_cast<int32_t>(d.status)).optional_field("detail", d.detail);
  if (!d.target.empty())
    json.field("instance", safe_uri(d.target));
  if (!d.field.empty()) {
    json.key("errors").begin_array().begin_object();
    json.field("field", d.field).field("message", d.detail).end_object().end_array();
  }
  json.end_object();
  return out;
}

}  // namespace

int status_of(errc code, bool submits) noexcept {
  switch (code) {
    case errc::invalid: return 400;
    case errc::not_found: return 404;
    case errc::conflict: return submits ? 422 : 409;
    case errc::rejected: return 409;
    case errc::busy: return 429;
    case errc::unavailable:
    case errc::in_doubt: return 503;
    case errc::corrupt: return 500;
  }
  return 500;
}

std::string_view reason_phrase(int status) noexcept {
  switch (status) {
    case 200: return "OK";
    case 201: return "Created";
    case 204: return "No Content";
    case 304: return "Not Modified";
    case 308: return "Permanent Redirect";
    case 400: return "Bad Request";
    case 401: return "Unauthorized";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 408: return "Request Timeout";
    case 409: return "Conflict";
    case 412: return "Precondition Failed";
    case 413: return "Content Too Large";
    case 414: return "URI Too Long";
    case 415: return "Unsupported Media Type";
    case 417: return "Expectation Failed";
    case 422: return "Unprocessable Content";
    case 429: return "Too Many Requests";
    case 431: return "Request Header Fields Too Large";
    case 500: return "Internal Server Error";
    case 501: return "Not Implemented";
    case 503: return "Service Unavailable";
    case 504: return "Gateway Timeout";
    default: return "Unknown";
  }
}

response problem_of(const failure& why, bool submits, std::string_view target) {
  const bool changed = why.code == errc::conflict && why.field == "If-Match";
  auto out = write({"/problems/" + std::string(to_string(why.code)), title_of(why.code),
                    changed ? 412 : status_of(why.code, submits), why.detail, why.field, target});
  // In doubt is not "try again": who does may do it twice.
  if (why.code == errc::in_doubt)
    out.retry_after_s = 0;
  return out;
}

response plain_problem(int status, std::string_view detail, std::string_view target) {
  return write({"about:blank", reason_phrase(status), status, detail, {}, target});
}

std::string safe_uri(std::string_view target) {
  static constexpr char hex[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : target.substr(0, 512)) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte > 0x20 && byte < 0x7f && byte != '"' && byte != '<' && byte != '>' && byte != '\\') {
      out += c;
    } else {
      out += '%';
      out += hex[byte >> 4];
      out += hex[byte & 15];
    }
  }
  return out;
}

}  // namespace orrery::http
