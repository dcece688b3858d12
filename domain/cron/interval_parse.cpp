/// Reading ISO 8601 repeating intervals.

#include "base/time.hpp"
#include "domain/cron/digits.hpp"
#include "domain/cron/interval.hpp"

#include <cctype>

namespace orrery {

class interval_parser {
public:
  explicit interval_parser(std::string_view text) : text_(text) {}

  result<iso_interval> read() {
    if (text_.size() > 256)
      return fault(256, "an interval has at most 256 characters");
    made_.text_ = std::string(text_);
    for (auto& c : made_.text_)
      c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    text_ = made_.text_;
    const auto first = std::min(text_.find_first_not_of(" \t"), text_.size());
    const auto last = std::min(text_.find_last_not_of(" \t"), text_.size());
    next_ = first;
    end_ = last == text_.size() ? first : last + 1;
    auto ok = peek() == 'P' ? bare() : repeating();
    if (!ok)
      return std::move(ok).error();
    if (next_ != end_)
      return fault(next_, "the interval should end here");
    return std::move(made_);
  }

private:
  char peek() const { return next_ < end_ ? text_[next_] : '\0'; }
  bool take(char c) {
    if (peek() != c)
      return false;
    ++next_;
    return true;
  }
  static failure fault(size_t at, std::string what) {
    const auto place = "character " + std::to_string(at + 1);
    return {errc::invalid, place + ": " + what, place};
  }

  result<void> bare() {
    if (auto ok = length(); !ok)
      return ok;
    made_.start_is_local_ = made_.months_ != 0 || made_.days_ != 0;
    return {};
  }

  result<void> repeating() {
    if (!take('R'))
      return fault(next_, "an interval begins with \"R\" or \"P\"");
    if (is_digit(peek())) {
      const auto at = next_;
      const auto count = number();
      if (!count)
        return count.error();
      if (*count == 0)
        return fault(at, "an interval that is repeated 0 times never fires");
      made_.count_ = *count;
    }
    if (!take('/'))
      return fault(next_, "expected \"/\" and the start of the interval");
    if (peek() == 'P')
      return back_from_end();
    auto start = instant();
    if (!start)
      return std::move(start).error();
    made_.start_ = *start;
    if (!take('/'))
      return fault(next_, "expected \"/\" and a duration or an end");
    if (peek() == 'P')
      return length();
    const auto at = next_;
    const bool local = made_.start_is_local_;
    const auto end = instant();
    if (!end)
      return end.error();
    if (local != made_.start_is_local_)
      return fault(at, "start and end both have an offset from UTC, or neither");
    if (*end <= made_.start_)
      return fault(at, "the end lies before the start");
    made_.seconds_ = *end - made_.start_;
    return {};
  }

  result<void> back_from_end() {
    const auto at = next_;
    if (auto ok = length(); !ok)
      return ok;
    if (made_.months_ != 0 || made_.days_ != 0)
      return fault(at,
                   "an interval that is counted back from its end is in hours, minutes and "
                   "seconds");
    if (!take('/'))
      return fault(next_, "expected \"/\" and the end of the interval");
    const auto end = instant();
    if (!end)
      return end.error();
    made_.start_ = *end;
    if (made_.count_)
      made_.start_ -= *made_.count_ * made_.seconds_;
    else
      made_.back_from_end_ = true;
    return {};
  }

  result<int64_t> number() {
    const auto at = next_;
    if (!is_digit(peek()))
      return fault(at, "expected a number");
    int64_t value = 0;
    for (; is_digit(peek()); ++next_) {
      value = value * 10 + (peek() - '0');
      if (value > 1'000'000'000)
        return fault(at, "the number is too large");
    }
    return value;
  }

  /// `P1Y2M3W4DT5H6M7S`
  result<void> length() {
    const auto at = next_;
    ++next_;
    constexpr std::string_view of_date = "YMWD";
    constexpr std::string_view of_time = "HMS";
    constexpr int64_t seconds_each[] = {3600, 60, 1};
    bool time = false;
    bool any = false;
    size_t unit_next = 0;
    while (next_ < end_ && peek() != '/') {
      if (!time && take('T')) {
        time = true;
        unit_next = 0;
        any = false;
        continue;
      }
      const auto value = number();
      if (!value)
        return value.error();
      if (peek() == '.' || peek() == ',')
        return fault(next_, "fire times are whole seconds");
      const auto units = time ? of_time : of_date;
      const auto unit = units.find(peek(), unit_next);
      if (peek() == '\0' || unit == std::string_view::npos)
        return fault(next_, time ? "expected H, M or S, in this order"
                                 : "expected Y, M, W or D, in this order, or T");
      unit_next = unit + 1;
      any = true;
      if (time)
        made_.seconds_ += *value * seconds_each[unit];
      else if (unit == 0 || unit == 1)
        made_.months_ += *value * (unit == 0 ? 12 : 1);
      else
        made_.days_ += *value * (unit == 2 ? 7 : 1);
      ++next_;
    }
    if (!any)
      return fault(next_, "the duration is incomplete");
    if (made_.months_ == 0 && made_.days_ == 0 && made_.seconds_ == 0)
      return fault(at, "a duration of nothing");
    constexpr int64_t longest_days = 366 * 230;
    if (made_.months_ > 12 * 230 || made_.days_ > longest_days ||
        made_.seconds_ > longest_days * civil::day_seconds)
      return fault(at, "the duration is too long");
    return {};
  }

  /// A date and a time, with or without an offset from UTC.
  result<int64_t> instant() {
    const auto at = next_;
    while (next_ < end_ && peek() != '/')
      ++next_;
    auto word = std::string(text_.substr(at, next_ - at));
    if (word.size() == 10)
      word += "T00:00:00";
    if (word.size() < 16 || word[10] != 'T')
      return fault(at, "expected a time like 2026-01-31T09:00:00Z");
    const auto zone = word.find_first_of("Z+-", 11);
    made_.start_is_local_ = zone == std::string::npos;
    auto clock = word.substr(0, zone);
    if (clock.size() == 16)
      clock += ":00";
    const auto read = parse_time(clock + (made_.start_is_local_ ? "Z" : word.substr(zone)));
    if (!read)
      return fault(at, read.error().detail);
    if (micros(*read) % 1'000'000 != 0)
      return fault(at, "fire times are whole seconds");
    return micros(*read) / 1'000'000;
  }

  std::string_view text_;
  size_t next_ = 0;
  size_t end_ = 0;
  iso_interval made_;
};

result<iso_interval> iso_interval::parse(std::string_view text) {
  return interval_parser(text).read();
}

}  // namespace orrery
