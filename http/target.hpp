#pragma once
/// Reading request targets: percent-decoding, query strings, and small header values. Never throws.

#include "base/result.hpp"
#include "base/time.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace orrery::http {

bool is_utf8(std::string_view text) noexcept;

/// Empty for a broken escape, for what is not UTF-8 and for control characters.
std::optional<std::string> percent_decode(std::string_view text, bool plus_is_space = false);

struct parameter {
  std::string name;
  std::string value;
};
/// The failure names the parameter. One given twice is refused.
result<std::vector<parameter>> parse_query(std::string_view query);

/// `wait=n` of a `Prefer` header (RFC 7240), at most 30 s; 0 = none.
duration parse_prefer_wait(std::string_view header) noexcept;
/// Whether `header` is a `traceparent` of W3C Trace Context, version 00 or later.
bool is_traceparent(std::string_view header) noexcept;

/// Takes the same time wherever they differ; only the length shows.
bool equal_in_constant_time(std::string_view a, std::string_view b) noexcept;
/// ASCII only.
bool equal_ignoring_case(std::string_view a, std::string_view b) noexcept;
std::string_view trimmed(std::string_view text) noexcept;

}  // namespace orrery::http
