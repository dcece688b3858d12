/// POSIX TZ strings with the extensions of RFC 8536: hours from -167 to 167.

#include "zones/zone_files.hpp"

#include <algorithm>
#include <optional>

namespace orrery {

namespace {

constexpr int last_year = civil::last_year + 1;

/// A day of the year and a time on that day.
struct rule_date {
  enum class form { month_week_day, day_without_leap, day_with_leap } kind = form::month_week_day;
  int month = 0;
  int week = 0;
  int day = 0;
  int64_t time = 2 * 3600;

  /// Local seconds of this date in a year.
  int64_t in(int year) const {
    const auto january = civil::days_of({year, 1, 1});
    if (kind == form::day_without_leap)
      return (january + day - 1 + (civil::is_leap(year) && day >= 60 ? 1 : 0)) *
                 civil::day_seconds +
             time;
    if (kind == form::day_with_leap)
      return (january + day) * civil::day_seconds + time;
    const auto of = static_cast<unsigned>(month);
    const auto first = civil::days_of({year, of, 1});
    const auto shift = (day + 7 - static_cast<int>(civil::weekday_of(first))) % 7;
    auto found = shift + (week - 1) * 7;
    if (found >= static_cast<int>(civil::month_length(year, of)))
      found -= 7;  // the fifth is the last
    return (first + found) * civil::day_seconds + time;
  }
};

class rule_reader {
public:
  explicit rule_reader(std::string_view text) : text_(text) {}

  bool name() {
    const auto start = next_;
    if (take('<')) {
      while (peek() != '\0' && peek() != '>')
        ++next_;
      return take('>');
    }
    while ((peek() >= 'a' && peek() <= 'z') || (peek() >= 'A' && peek() <= 'Z'))
      ++next_;
    return next_ - start >= 3;
  }

  std::optional<int> number(int max) {
    int value = 0;
    const auto start = next_;
    while (peek() >= '0' && peek() <= '9' && next_ - start < 4)
      value = value * 10 + (text_[next_++] - '0');
    if (next_ == start || value > max)
      return std::nullopt;
    return value;
  }

  /// `[+-]h[h][:mm[:ss]]`
  std::optional<int64_t> time(int hours_max) {
    const bool negative = peek() == '-';
    if (negative || peek() == '+')
      ++next_;
    const auto hours = number(hours_max);
    if (!hours)
      return std::nullopt;
    int64_t value = *hours * int64_t{3600};
    for (int64_t unit = 60; unit >= 1 && take(':'); unit /= 60) {
      const auto part = number(59);
      if (!part)
        return std::nullopt;
      value += *part * unit;
    }
    return negative ? -value : value;
  }

  std::optional<rule_date> date() {
    rule_date made;
    if (take('M')) {
      const auto month = number(12);
      const bool dot = take('.');
      const auto week = number(5);
      const bool second_dot = take('.');
      const auto day = number(6);
      if (!month || !week || !day || !dot || !second_dot || *month < 1 || *week < 1)
        return std::nullopt;
      made.month = *month;
      made.week = *week;
      made.day = *day;
    } else {
      made.kind = take('J') ? rule_date::form::day_without_leap : rule_date::form::day_with_leap;
      const auto day = number(365);
      if (!day)
        return std::nullopt;
      made.day = *day;
    }
    if (take('/')) {
      const auto at = time(167);
      if (!at)
        return std::nullopt;
      made.time = *at;
    }
    return made;
  }

  char peek() const { return next_ < text_.size() ? text_[next_] : '\0'; }
  bool take(char c) {
    if (peek() != c)
      return false;
    ++next_;
    return true;
  }
  bool done() const { return next_ == text_.size(); }

private:
  std::string_view text_;
  size_t next_ = 0;
};

}  // namespace

result<expanded_rule> expand_posix_rule(std::string_view rule, unix_seconds from) {
  const failure bad{errc::corrupt, "not a POSIX rule: " + std::string(rule.substr(0, 100))};
  rule_reader in(rule);
  expanded_rule made;
  if (!in.name())
    return bad;
  const auto west = in.time(24);
  if (!west)
    return bad;
  made.standard = static_cast<int32_t>(-*west);
  if (in.done())
    return made;  // the table ends with this offset
  if (!in.name())
    return bad;
  auto daylight = made.standard + 3600;
  if (in.peek() != ',') {
    const auto its_west = in.time(24);
    if (!its_west)
      return bad;
    daylight = static_cast<int32_t>(-*its_west);
  }
  if (!in.take(','))
    return bad;
  const auto start = in.date();
  if (!start || !in.take(','))
    return bad;
  const auto end = in.date();
  if (!end || !in.done())
    return bad;
  const auto first_year =
      from <= zone_rules::min_instant ? 1900 : civil::date_of(civil::day_of(from)).year;
  for (int year = first_year; year <= last_year; ++year) {
    made.changes.push_back({start->in(year)-made.standard, daylight});
    made.changes.push_back({end->in(year)-daylight, made.standard});
  }
  std::erase_if(made.changes, [from](const auto& change) { return change.at <= from; });
  std::stable_sort(made.changes.begin(), made.changes.end(),
                   [](const auto& a, const auto& b) { return a.at < b.at; });
  return made;
}

}  // namespace orrery
