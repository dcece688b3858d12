#include "base/time.hpp"

#include <algorithm>
#include <array>
#include <limits>

namespace orrery {

namespace {

void append_digits(std::string& out, uint64_t value, int width) {
  std::array<char, 20> digits{};
  for (int i = width - 1; i >= 0; --i) {
    digits[static_cast<size_t>(i)] = static_cast<char>('0' + value % 10);
    value /= 10;
  }
  out.append(digits.data(), static_cast<size_t>(width));
}

/// Reads exactly `width` digits at `text[at]`; -1 when they are not there.
int read_digits(std::string_view text, size_t at, size_t width) {
  if (at + width > text.size())
    return -1;
  int value = 0;
  for (size_t i = at; i < at + width; ++i) {
    if (text[i] < '0' || text[i] > '9')
      return -1;
    value = value * 10 + (text[i] - '0');
  }
  return value;
}

failure bad_time(std::string_view text) {
  return {errc::invalid,
          "not an RFC 3339 time (like 2026-11-21T10:15:00Z): " + std::string(text.substr(0, 64))};
}

failure bad_duration(std::string_view text) {
  return {errc::invalid, "not a duration (like PT30S or 30s): " + std::string(text.substr(0, 64))};
}

constexpr int64_t microseconds_per_day = 86'400'000'000;

int64_t unit_length(char unit, bool time_part) {
  switch (unit) {
    case 'W': return time_part ? 0 : 7 * microseconds_per_day;
    case 'D': return time_part ? 0 : microseconds_per_day;
    case 'H': return time_part ? 3'600'000'000 : 0;
    case 'M': return time_part ? 60'000'000 : 0;
    case 'S': return time_part ? 1'000'000 : 0;
    default: return 0;
  }
}

/// A decimal number at `at`, moved past it: whole part and microfraction (6 digits, cut).
bool read_number(std::string_view text, size_t& at, int64_t& whole, int64_t& micro_fraction) {
  const size_t start = at;
  whole = 0;
  micro_fraction = 0;
  while (at < text.size() && text[at] >= '0' && text[at] <= '9') {
    if (whole > std::numeric_limits<int64_t>::max() / 100)
      return false;
    whole = whole * 10 + (text[at++] - '0');
  }
  if (at == start)
    return false;
  if (at < text.size() && (text[at] == '.' || text[at] == ',')) {
    ++at;
    int64_t scale = 100'000;
    const size_t fraction = at;
    while (at < text.size() && text[at] >= '0' && text[at] <= '9') {
      micro_fraction += (text[at++] - '0') * scale;
      scale /= 10;
    }
    if (at == fraction)
      return false;
  }
  return true;
}

bool add_units(int64_t& total, int64_t whole, int64_t micro_fraction, int64_t unit) {
  int64_t part = 0;
  if (__builtin_mul_overflow(whole, unit, &part) || __builtin_add_overflow(total, part, &total))
    return false;
  // Below 10^6 times at most a week in microseconds: far from overflow.
  return !__builtin_add_overflow(total, micro_fraction * unit / 1'000'000, &total);
}

result<duration> parse_iso_duration(std::string_view text) {
  int64_t total = 0;
  bool time_part = false;
  bool any = false;
  size_t at = 1;
  std::string_view order = "WDHMS";
  while (at < text.size()) {
    if (text[at] == 'T' && !time_part) {
      time_part = true;
      ++at;
      if (at == text.size())
        return bad_duration(text);
      order = "HMS";
      continue;
    }
    int64_t whole = 0;
    int64_t fraction = 0;
    if (!read_number(text, at, whole, fraction) || at == text.size())
      return bad_duration(text);
    const char unit = text[at++];
    const auto place = order.find(unit);
    const auto length = unit_length(unit, time_part);
    if (place == std::string_view::npos || length == 0 ||
        !add_units(total, whole, fraction, length))
      return bad_duration(text);
    order.remove_prefix(place + 1);  // units come once and in falling order
    any = true;
  }
  if (!any)
    return bad_duration(text);
  return duration{total};
}

int64_t short_unit(std::string_view unit) {
  if (unit == "us")
    return 1;
  if (unit == "ms")
    return 1000;
  if (unit == "s")
    return 1'000'000;
  if (unit == "m")
    return 60'000'000;
  if (unit == "h")
    return 3'600'000'000;
  if (unit == "d")
    return microseconds_per_day;
  return 0;
}

result<duration> parse_short_duration(std::string_view text) {
  int64_t total = 0;
  size_t at = 0;
  while (at < text.size()) {
    int64_t whole = 0;
    int64_t fraction = 0;
    if (!read_number(text, at, whole, fraction))
      return bad_duration(text);
    const size_t start = at;
    while (at < text.size() && text[at] >= 'a' && text[at] <= 'z')
      ++at;
    const auto length = short_unit(text.substr(start, at - start));
    if (length == 0 || !add_units(total, whole, fraction, length))
      return bad_duration(text);
  }
  return duration{total};
}

}  // namespace

void append_time(std::string& out, time_point at) {
  // 0000-01-01 to 9999-12-31: what lies beyond, out of damaged bytes, has no four-digit year.
  at = std::clamp(at, from_micros(-62'167'219'200'000'000), from_micros(253'402'300'799'999'999));
  const auto day = std::chrono::floor<std::chrono::days>(at);
  const std::chrono::year_month_day date{day};
  auto rest = static_cast<uint64_t>((at - day).count());
  append_digits(out, static_cast<uint64_t>(static_cast<int>(date.year())), 4);
  out += '-';
  append_digits(out, static_cast<unsigned>(date.month()), 2);
  out += '-';
  append_digits(out, static_cast<unsigned>(date.day()), 2);
  out += 'T';
  append_digits(out, rest / 3'600'000'000, 2);
  out += ':';
  rest %= 3'600'000'000;
  append_digits(out, rest / 60'000'000, 2);
  out += ':';
  rest %= 60'000'000;
  append_digits(out, rest / 1'000'000, 2);
  out += '.';
  append_digits(out, rest % 1'000'000, 6);
  out += 'Z';
}

std::string format_time(time_point at) {
  std::string out;
  out.reserve(27);
  append_time(out, at);
  return out;
}

result<time_point> parse_time(std::string_view text) {
  // 2026-11-21T10:15:00 is 19 characters, then an optional fraction and a zone.
  if (text.size() < 20 || text[4] != '-' || text[7] != '-' ||
      (text[10] != 'T' && text[10] != 't' && text[10] != ' ') || text[13] != ':' || text[16] != ':')
    return bad_time(text);
  const int year = read_digits(text, 0, 4);
  const int month = read_digits(text, 5, 2);
  const int day = read_digits(text, 8, 2);
  const int hour = read_digits(text, 11, 2);
  const int minute = read_digits(text, 14, 2);
  const int second = read_digits(text, 17, 2);
  if (year < 1970 || month < 1 || day < 1 || hour < 0 || hour > 23 || minute < 0 || minute > 59 ||
      second < 0 || second > 60)
    return bad_time(text);
  const std::chrono::year_month_day date{std::chrono::year{year},
                                         std::chrono::month{static_cast<unsigned>(month)},
                                         std::chrono::day{static_cast<unsigned>(day)}};
  if (!date.ok())
    return bad_time(text);
  size_t at = 19;
  int64_t fraction = 0;
  if (text[at] == '.') {
    ++at;
    int64_t scale = 100'000;
    const size_t start = at;
    while (at < text.size() && text[at] >= '0' && text[at] <= '9') {
      fraction += (text[at++] - '0') * scale;
      scale /= 10;
    }
    if (at == start || at - start > 9)
      return bad_time(text);
  }
  if (at >= text.size())
    return bad_time(text);
  int offset_minutes = 0;
  if (text[at] == 'Z' || text[at] == 'z') {
    ++at;
  } else if (text[at] == '+' || text[at] == '-') {
    const int hours = read_digits(text, at + 1, 2);
    const int minutes = read_digits(text, at + 4, 2);
    if (text.size() < at + 6 || text[at + 3] != ':' || hours < 0 || hours > 23 || minutes < 0 ||
        minutes > 59)
      return bad_time(text);
    offset_minutes = (hours * 60 + minutes) * (text[at] == '-' ? -1 : 1);
    at += 6;
  } else {
    return bad_time(text);
  }
  if (at != text.size())
    return bad_time(text);
  const auto instant = time_point{std::chrono::sys_days{date}} + std::chrono::hours{hour} +
                       std::chrono::minutes{minute - offset_minutes} +
                       std::chrono::seconds{second} + duration{fraction};
  if (micros(instant) < 0)
    return bad_time(text);
  return instant;
}

std::string format_duration(duration length) {
  std::string out;
  auto rest = static_cast<uint64_t>(length.count());
  if (length < 0us) {
    out += '-';
    rest = 0 - rest;
  }
  out += 'P';
  const auto part = [&](uint64_t unit, char name) {
    if (rest >= unit) {
      out += std::to_string(rest / unit);
      out += name;
      rest %= unit;
    }
  };
  part(microseconds_per_day, 'D');
  if (rest > 0 || out.back() == 'P') {
    out += 'T';
    part(3'600'000'000, 'H');
    part(60'000'000, 'M');
    if (rest > 0 || out.back() == 'T') {
      out += std::to_string(rest / 1'000'000);
      if (const auto fraction = rest % 1'000'000; fraction != 0) {
        out += '.';
        append_digits(out, fraction, 6);
        while (out.back() == '0')
          out.pop_back();
      }
      out += 'S';
    }
  }
  return out;
}

result<duration> parse_duration(std::string_view text) {
  if (text.empty() || text.size() > 64)
    return bad_duration(text);
  return text.front() == 'P' ? parse_iso_duration(text) : parse_short_duration(text);
}

}  // namespace orrery
