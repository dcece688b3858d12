/// Reading calendars.

#include "domain/cron/exclusion.hpp"

#include <algorithm>

namespace orrery {

class exclusion_parser {
public:
  explicit exclusion_parser(std::string_view text) : text_(text) {}

  result<exclusion> read() {
    if (text_.size() > 16 * 1024)
      return fault(16 * 1024, "a calendar has at most 16 KiB");
    made_.text_ = std::string(text_);
    if (peek() == '!') {
      made_.inverted_ = true;
      ++next_;
    }
    const auto start = next_;
    while (peek() != '\0' && peek() != ':' && peek() != '@')
      ++next_;
    const auto kind = text_.substr(start, next_ - start);
    if (peek() == '@') {
      const auto from = ++next_;
      while (peek() != '\0' && peek() != ':')
        ++next_;
      made_.zone_ = std::string(text_.substr(from, next_ - from));
      if (made_.zone_.empty())
        return fault(from, "expected the name of a zone");
    }
    if (peek() != ':')
      return fault(next_, "expected \":\" and what the calendar holds");
    ++next_;
    auto ok = contents(kind, start);
    if (!ok)
      return std::move(ok).error();
    return std::move(made_);
  }

private:
  char peek() const { return next_ < text_.size() ? text_[next_] : '\0'; }
  static failure fault(size_t at, std::string what) {
    const auto place = "character " + std::to_string(at + 1);
    return {errc::invalid, place + ": " + what, place};
  }

  result<void> contents(std::string_view kind, size_t kind_at) {
    if (kind == "holidays") {
      exclusion::holidays days;
      return list([&](size_t at) { return holiday(days, at); }, days);
    }
    if (kind == "annual") {
      exclusion::annual days;
      return list([&](size_t at) { return day_of_year(days, at); }, days);
    }
    if (kind == "monthly") {
      exclusion::monthly days;
      return list([&](size_t at) { return day_of_month(days, at); }, days);
    }
    if (kind == "weekly") {
      exclusion::weekly days;
      return list([&](size_t at) { return day_of_week(days, at); }, days);
    }
    if (kind == "daily")
      return hours();
    if (kind == "cron")
      return expression();
    return fault(kind_at, "there is no calendar \"" + std::string(kind) +
                              "\"; there are holidays, annual, monthly, weekly, daily and cron");
  }

  template <class Item, class Days>
  result<void> list(Item item, Days& days) {
    while (true) {
      if (auto ok = item(next_); !ok)
        return ok;
      if (peek() == '\0')
        break;
      if (peek() != ',')
        return fault(next_, "expected a comma or the end");
      ++next_;
    }
    made_.what_ = std::move(days);
    return {};
  }

  result<int> number(size_t digits, int from, int to, const char* what) {
    const auto at = next_;
    int value = 0;
    while (peek() >= '0' && peek() <= '9' && next_ - at < digits)
      value = value * 10 + (text_[next_++] - '0');
    if (next_ == at || value < from || value > to)
      return fault(at, std::string("expected ") + what + ", " + std::to_string(from) + " to " +
                           std::to_string(to));
    return value;
  }

  result<void> expect(char c) {
    if (peek() != c)
      return fault(next_, std::string("expected \"") + c + '"');
    ++next_;
    return {};
  }

  result<void> month_and_day(int year, civil::date& date) {
    const auto month = number(2, 1, 12, "a month");
    if (!month)
      return month.error();
    if (auto ok = expect('-'); !ok)
      return ok;
    const auto longest = static_cast<int>(civil::month_length(year, static_cast<unsigned>(*month)));
    const auto day = number(2, 1, longest, "a day of this month");
    if (!day)
      return day.error();
    date = {year, static_cast<unsigned>(*month), static_cast<unsigned>(*day)};
    return {};
  }

  result<void> holiday(exclusion::holidays& days, size_t) {
    const auto year = number(4, civil::first_year, civil::last_year, "a year");
    if (!year)
      return year.error();
    if (auto ok = expect('-'); !ok)
      return ok;
    civil::date date;
    if (auto ok = month_and_day(*year, date); !ok)
      return ok;
    days.days.insert(civil::days_of(date));
    return {};
  }

  result<void> day_of_year(exclusion::annual& days, size_t) {
    civil::date date;
    if (auto ok = month_and_day(2000, date); !ok)  // a leap year: February 29 may be named
      return ok;
    days.days.insert({date.month, date.day});
    return {};
  }

  result<void> day_of_month(exclusion::monthly& days, size_t) {
    const auto day = number(2, 1, 31, "a day of the month");
    if (!day)
      return day.error();
    days.days |= 1u << *day;
    return {};
  }

  result<void> day_of_week(exclusion::weekly& days, size_t at) {
    std::string name;
    while (peek() != '\0' && peek() != ',')
      name += static_cast<char>(peek() >= 'a' && peek() <= 'z' ? text_[next_++] - 'a' + 'A'
                                                               : text_[next_++]);
    for (unsigned weekday = 0; weekday < 7; ++weekday)
      if (weekday_name(weekday) == name) {
        days.days = static_cast<uint8_t>(days.days | 1u << weekday);
        return {};
      }
    return fault(at, "expected a day of the week, SUN to SAT");
  }

  result<int64_t> time_of_day() {
    const auto at = next_;
    const auto hour = number(2, 0, 24, "an hour");
    if (!hour)
      return hour.error();
    if (auto ok = expect(':'); !ok)
      return std::move(ok).error();
    const auto minute = number(2, 0, 59, "a minute");
    if (!minute)
      return minute.error();
    int second = 0;
    if (peek() == ':') {
      ++next_;
      const auto read = number(2, 0, 59, "a second");
      if (!read)
        return read.error();
      second = *read;
    }
    const auto time = (*hour * 60 + *minute) * 60 + second;
    if (time > civil::day_seconds)
      return fault(at, "a day has 24 hours");
    return int64_t{time};
  }

  result<void> hours() {
    const auto from = time_of_day();
    if (!from)
      return from.error();
    if (auto ok = expect('-'); !ok)
      return ok;
    const auto at = next_;
    const auto to = time_of_day();
    if (!to)
      return to.error();
    if (*from == *to)
      return fault(at, "the hours begin and end at the same time");
    if (peek() != '\0')
      return fault(next_, "the calendar should end here");
    made_.what_ = exclusion::daily{*from, *to};
    return {};
  }

  result<void> expression() {
    auto read = cron_expression::parse(text_.substr(next_));
    if (!read) {
      // The place is counted in the whole text.
      const auto& place = read.error().field;
      const auto inner = static_cast<size_t>(std::stoul(place.substr(place.find(' ') + 1)));
      const auto& detail = read.error().detail;
      return fault(next_ + inner - 1, detail.substr(detail.find(": ") + 2));
    }
    made_.what_ = std::move(*read);
    return {};
  }

  std::string_view text_;
  size_t next_ = 0;
  exclusion made_;
};

result<exclusion> exclusion::parse(std::string_view text) { return exclusion_parser(text).read(); }

}  // namespace orrery
