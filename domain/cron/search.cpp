/// Finding the next and the previous match: sets of bits, no stepping second by second.

#include "domain/cron/expression.hpp"

#include <algorithm>
#include <bit>

namespace orrery {

namespace {

/// Bits of every seventh day of a month, the first being day 1.
constexpr uint32_t weeks = 1u << 1 | 1u << 8 | 1u << 15 | 1u << 22 | 1u << 29;

/// The lowest bit that is set at or above `from`; -1 = none.
template <class Bits>
int bit_from(Bits bits, unsigned from) noexcept {
  if (from >= sizeof(Bits) * 8)
    return -1;
  bits = static_cast<Bits>(bits >> from << from);
  return bits == 0 ? -1 : std::countr_zero(bits);
}

/// The highest bit that is set at or below `upto`.
template <class Bits>
int bit_upto(Bits bits, int upto) noexcept {
  if (upto < 0)
    return -1;
  constexpr int width = sizeof(Bits) * 8;
  if (upto < width - 1)
    bits = static_cast<Bits>(bits & ((Bits{1} << (upto + 1)) - 1));
  return bits == 0 ? -1 : width - 1 - std::countl_zero(bits);
}

/// The weekday nearest to `day`, within the month of `length` days whose first is a `first` (0 = Sunday).
unsigned nearest_weekday(unsigned day, unsigned first, unsigned length) noexcept {
  const auto weekday = (first + day - 1) % 7;
  if (weekday == 6)
    return day == 1 ? 3 : day - 1;
  if (weekday == 0)
    return day == length ? day - 2 : day + 1;
  return day;
}

struct time_of_day {
  unsigned hour;
  unsigned minute;
  unsigned second;
};

constexpr time_of_day split(int64_t seconds) noexcept {
  const auto of_day = static_cast<unsigned>(seconds);
  return {of_day / 3600, of_day / 60 % 60, of_day % 60};
}

constexpr int64_t join(int hour, int minute, int second) noexcept {
  return (hour * 60 + minute) * 60 + second;
}

/// The first time of a day at or after `from`; -1 = none.
int64_t next_time(const cron_fields& f, int64_t from) noexcept {
  const auto t = split(from);
  if ((f.hours >> t.hour & 1) != 0) {
    if ((f.minutes >> t.minute & 1) != 0)
      if (const int s = bit_from(f.seconds, t.second); s >= 0)
        return join(static_cast<int>(t.hour), static_cast<int>(t.minute), s);
    if (const int m = bit_from(f.minutes, t.minute + 1); m >= 0)
      return join(static_cast<int>(t.hour), m, std::countr_zero(f.seconds));
  }
  const int h = bit_from(f.hours, t.hour + 1);
  return h < 0 ? -1 : join(h, std::countr_zero(f.minutes), std::countr_zero(f.seconds));
}

int64_t previous_time(const cron_fields& f, int64_t from) noexcept {
  const auto t = split(from);
  const int last_minute = bit_upto(f.minutes, 59);
  const int last_second = bit_upto(f.seconds, 59);
  if ((f.hours >> t.hour & 1) != 0) {
    if ((f.minutes >> t.minute & 1) != 0)
      if (const int s = bit_upto(f.seconds, static_cast<int>(t.second)); s >= 0)
        return join(static_cast<int>(t.hour), static_cast<int>(t.minute), s);
    if (const int m = bit_upto(f.minutes, static_cast<int>(t.minute) - 1); m >= 0)
      return join(static_cast<int>(t.hour), m, last_second);
  }
  const int h = bit_upto(f.hours, static_cast<int>(t.hour) - 1);
  return h < 0 ? -1 : join(h, last_minute, last_second);
}

uint32_t days_of_month(const cron_fields& f, unsigned first, unsigned length) noexcept {
  uint32_t days = f.days;
  for (auto rest = f.nearest_weekday; rest != 0; rest &= rest - 1)
    if (const auto day = static_cast<unsigned>(std::countr_zero(rest)); day <= length)
      days |= 1u << nearest_weekday(day, first, length);
  for (auto rest = f.from_last; rest != 0; rest &= rest - 1)
    if (const auto back = static_cast<unsigned>(std::countr_zero(rest)); back < length)
      days |= 1u << (length - back);
  for (auto rest = f.from_last_weekday; rest != 0; rest &= rest - 1)
    if (const auto back = static_cast<unsigned>(std::countr_zero(rest)); back < length)
      days |= 1u << nearest_weekday(length - back, first, length);
  return days;
}

uint32_t days_of_week(const cron_fields& f, unsigned first, unsigned length) noexcept {
  uint32_t days = 0;
  unsigned named = f.weekdays | f.last_weekdays;
  for (const auto of_k : f.nth_weekdays)
    named |= of_k;
  for (; named != 0; named &= named - 1) {
    const auto weekday = static_cast<unsigned>(std::countr_zero(named));
    const auto start = (weekday + 7 - first) % 7;  // days after the first of the month
    const auto bit = static_cast<uint8_t>(1u << weekday);
    if ((f.weekdays & bit) != 0)
      days |= weeks << start;
    if ((f.last_weekdays & bit) != 0)
      days |= 1u << (1 + start + (length - 1 - start) / 7 * 7);
    for (unsigned k = 1; k <= 5; ++k)
      if ((f.nth_weekdays[k] & bit) != 0 && 1 + start + (k - 1) * 7 <= length)
        days |= 1u << (1 + start + (k - 1) * 7);
  }
  return days;
}

}  // namespace

uint32_t cron_expression::days_in(int year, unsigned month) const noexcept {
  const auto length = civil::month_length(year, month);
  const auto first = civil::weekday_of(civil::days_of({year, month, 1}));
  const auto all = static_cast<uint32_t>((uint64_t{2} << length) - 2);
  const auto& f = fields_;
  if (f.any_day && f.any_weekday)
    return all;
  if (f.any_weekday)
    return days_of_month(f, first, length) & all;
  if (f.any_day)
    return days_of_week(f, first, length) & all;
  const auto by_day = days_of_month(f, first, length);
  const auto by_week = days_of_week(f, first, length);
  return (f.either_day ? by_day | by_week : by_day & by_week) & all;
}

bool cron_expression::year_matches(int year) const noexcept {
  if (fields_.any_year)
    return true;
  const auto index = static_cast<unsigned>(year - civil::first_year);
  return (fields_.years[index / 64] >> (index % 64) & 1) != 0;
}

std::optional<int64_t> cron_expression::next_day(int64_t from) const noexcept {
  auto [year, month, day] = civil::date_of(from);
  for (; year <= civil::last_year; ++year, month = 1, day = 1) {
    if (!year_matches(year))
      continue;
    for (int m = bit_from(fields_.months, month); m >= 0;
         m = bit_from(fields_.months, static_cast<unsigned>(m) + 1)) {
      const auto of = static_cast<unsigned>(m);
      const int found = bit_from(days_in(year, of), of == month ? day : 1);
      if (found >= 0)
        return civil::days_of({year, of, static_cast<unsigned>(found)});
    }
  }
  return std::nullopt;
}

std::optional<int64_t> cron_expression::previous_day(int64_t from) const noexcept {
  auto [year, month, day] = civil::date_of(from);
  for (; year >= civil::first_year; --year, month = 12, day = 31) {
    if (!year_matches(year))
      continue;
    for (int m = bit_upto(fields_.months, static_cast<int>(month)); m >= 1;
         m = bit_upto(fields_.months, m - 1)) {
      const auto of = static_cast<unsigned>(m);
      const int found = bit_upto(days_in(year, of), of == month ? static_cast<int>(day) : 31);
      if (found >= 1)
        return civil::days_of({year, of, static_cast<unsigned>(found)});
    }
  }
  return std::nullopt;
}

std::optional<local_seconds> cron_expression::next_local(local_seconds from) const noexcept {
  if (from > civil::last_second)
    return std::nullopt;
  from = std::max(from, civil::first_second);
  const auto today = civil::day_of(from);
  auto day = next_day(today);
  if (day && *day == today) {
    if (const auto time = next_time(fields_, from - today * civil::day_seconds); time >= 0)
      return today * civil::day_seconds + time;
    day = next_day(today + 1);
  }
  if (!day)
    return std::nullopt;
  return *day * civil::day_seconds + next_time(fields_, 0);
}

std::optional<local_seconds> cron_expression::previous_local(local_seconds from) const noexcept {
  if (from < civil::first_second)
    return std::nullopt;
  from = std::min(from, civil::last_second);
  const auto today = civil::day_of(from);
  auto day = previous_day(today);
  if (day && *day == today) {
    if (const auto time = previous_time(fields_, from - today * civil::day_seconds); time >= 0)
      return today * civil::day_seconds + time;
    day = previous_day(today - 1);
  }
  if (!day)
    return std::nullopt;
  return *day * civil::day_seconds + previous_time(fields_, civil::day_seconds - 1);
}

bool cron_expression::matches(local_seconds at) const noexcept { return next_local(at) == at; }

}  // namespace orrery
