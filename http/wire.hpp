#pragma once
/// Writing an answer as HTTP/1.1 bytes.

#include "http/exchange.hpp"

#include <string>
#include <string_view>

namespace orrery::http {

struct wire_context {
  std::string_view date;  ///< `Sat, 21 Nov 2026 10:15:00 GMT`
  std::string_view request_id;
  bool close = false;  ///< The connection ends after this answer.
  bool version_1_0 = false;
  std::string_view more = {};  ///< Further header lines, each with its end.
  bool head_only = false;      ///< The answer to HEAD: its length is told, its body is not sent.
};

void append_response(std::string& out, const response& answer, const wire_context& context);
/// IMF-fixdate (RFC 9110).
std::string http_date(int64_t unix_seconds);

}  // namespace orrery::http
