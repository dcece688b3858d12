#include "http/target.hpp"

#include "http/problem.hpp"

#include <algorithm>
#include <charconv>

namespace orrery::http {

namespace {

int hex_value(char c) noexcept {
  if (c >= '0' && c <= '9')
    return c - '0';
  if (c >= 'a' && c <= 'f')
    return c - 'a' + 10;
  if (c >= 'A' && c <= 'F')
    return c - 'A' + 10;
  return -1;
}

char lower(char c) noexcept { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

bool is_lower_hex(std::string_view text) noexcept {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

bool is_all_zero(std::string_view text) noexcept {
  return text.find_first_not_of('0') == std::string_view::npos;
}

/// Length of the UTF-8 sequence at the start of `text`, 0 where there is none (RFC 3629).
size_t sequence_length(std::string_view text) noexcept {
  const auto at = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  const auto b = at(0);
  if (b < 0x80)
    return 1;
  const size_t length = b >= 0xc2 && b < 0xe0   ? 2
                        : b >= 0xe0 && b < 0xf0 ? 3
                        : b >= 0xf0 && b < 0xf5 ? 4
                                                : 0;
  if (length == 0 || text.size() < length)
    return 0;
  for (size_t i = 1; i < length; ++i)
    if ((at(i) & 0xc0) != 0x80)
      return 0;
  if ((b == 0xe0 && at(1) < 0xa0) || (b == 0xed && at(1) > 0x9f) || (b == 0xf0 && at(1) < 0x90) ||
      (b == 0xf4 && at(1) > 0x8f))
    return 0;
  return length;
}

}  // namespace

bool is_utf8(std::string_view text) noexcept {
  while (!text.empty()) {
    const auto n = sequence_length(text);
    if (n == 0)
      return false;
    text.remove_prefix(n);
  }
  return true;
}

std::optional<std::string> percent_decode(std::string_view text, bool plus_is_space) {
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == '%') {
      const int high = i + 2 < text.size() ? hex_value(text[i + 1]) : -1;
      const int low = i + 2 < text.size() ? hex_value(text[i + 2]) : -1;
      if (high < 0 || low < 0)
        return std::nullopt;
      c = static_cast<char>(high * 16 + low);
      i += 2;
    } else if (c == '+' && plus_is_space) {
      c = ' ';
    }
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f)
      return std::nullopt;
    out += c;
  }
  if (!is_utf8(out))
    return std::nullopt;
  return out;
}

result<std::vector<parameter>> parse_query(std::string_view query) {
  std::vector<parameter> out;
  while (!query.empty()) {
    const auto part = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(query.size(), part.size() + 1));
    if (part.empty())
      continue;
    const auto equals = std::min(part.find('='), part.size());
    auto name = percent_decode(part.substr(0, equals), true);
    auto value = percent_decode(part.substr(std::min(equals + 1, part.size())), true);
    if (!name || !value)
      return failure{errc::invalid, "is not percent-encoded UTF-8 text",
                     name ? *name : safe_uri(part.substr(0, equals))};
    for (const auto& p : out)
      if (p.name == *name)
        return failure{errc::invalid, "is given twice", *name};
    out.push_back({std::move(*name), std::move(*value)});
  }
  return out;
}

duration parse_prefer_wait(std::string_view header) noexcept {
  while (!header.empty()) {
    const auto end = std::min(header.find_first_of(",;"), header.size());
    const auto item = trimmed(header.substr(0, end));
    header.remove_prefix(std::min(end + 1, header.size()));
    const auto equals = item.find('=');
    if (equals == std::string_view::npos ||
        !equal_ignoring_case(trimmed(item.substr(0, equals)), "wait"))
      continue;
    const auto digits = trimmed(item.substr(equals + 1));
    int64_t seconds = 0;
    const auto [last, error] =
        std::from_chars(digits.data(), digits.data() + digits.size(), seconds);
    if (error == std::errc::result_out_of_range)
      return 30s;
    if (error != std::errc{} || last != digits.data() + digits.size() || seconds <= 0)
      return {};
    return std::chrono::seconds(std::min<int64_t>(seconds, 30));
  }
  return {};
}

bool is_traceparent(std::string_view h) noexcept {
  if (h.size() < 55 || h[2] != '-' || h[35] != '-' || h[52] != '-')
    return false;
  const auto version = h.substr(0, 2);
  if (!is_lower_hex(version) || version == "ff" || !is_lower_hex(h.substr(3, 32)) ||
      !is_lower_hex(h.substr(36, 16)) || !is_lower_hex(h.substr(53, 2)))
    return false;
  if (is_all_zero(h.substr(3, 32)) || is_all_zero(h.substr(36, 16)))
    return false;
  return h.size() == 55 || (version != "00" && h[55] == '-' && h.size() <= 128);
}

bool equal_in_constant_time(std::string_view a, std::string_view b) noexcept {
  if (a.size() != b.size())
    return false;
  volatile unsigned char difference = 0;
  for (size_t i = 0; i < a.size(); ++i)
    difference = static_cast<unsigned char>(difference | (a[i] ^ b[i]));
  return difference == 0;
}

bool equal_ignoring_case(std::string_view a, std::string_view b) noexcept {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return lower(x) == lower(y); });
}

std::string_view trimmed(std::string_view text) noexcept {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t'))
    text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t'))
    text.remove_suffix(1);
  return text;
}

}  // namespace orrery::http
