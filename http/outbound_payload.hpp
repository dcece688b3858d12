#pragma once
/// The payload of an `http` task, and what a request and its answer look like. No sockets here.

#include "http/outbound_address.hpp"

#include "domain/ports/executor.hpp"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace orrery::http {

struct outbound_request {
  url to;
  std::string method = "POST";
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
  bool body_is_json = false;
  bool has_body = false;
  duration timeout{};  ///< 0 = the executor's.
};

/// Everything that can be checked without the network. The failure names the field: `url`,
/// `headers.X-A`, `timeout`, …
result<outbound_request> read_payload(std::string_view payload);

/// The bytes to send.
std::string write_request(const outbound_request& request, const work_item& item);

struct outbound_answer {
  int status = 0;
  std::string reason;
  std::string content_type;
  std::string retry_after;
  std::string body;
  bool cut = false;  ///< There was more of the body than is kept.
};
/// `now` is for a `Retry-After` that names a date.
work_outcome outcome_of(const outbound_answer& answer, size_t result_bytes_max, time_point now);
work_outcome failed_outcome(std::string code, std::string error, bool retryable);

/// `text` as a JSON string of at most `bytes_max` bytes; what is not UTF-8 becomes U+FFFD.
std::string json_string(std::string_view text, size_t bytes_max);
/// Seconds or an HTTP date, at most one day; 0 where it is neither or past.
duration parse_retry_after(std::string_view value, time_point now);

}  // namespace orrery::http
