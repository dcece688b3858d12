#pragma once
/// Days, dates and seconds of the proleptic Gregorian calendar, without a clock or a zone.
///
/// A `local_seconds` counts the seconds that a clock on the wall shows, from 1970-01-01T00:00:00 on that
/// wall: two instants may share one (clock set back), and some belong to none (clock set forward).

#include <chrono>
#include <cstdint>

namespace orrery {

/// Seconds since the Unix epoch. Fire times are whole seconds.
using unix_seconds = int64_t;
using local_seconds = int64_t;

namespace civil {

inline constexpr int64_t day_seconds = 86'400;
/// The years in which expressions fire, as Quartz documents them.
inline constexpr int first_year = 1970;
inline constexpr int last_year = 2199;

struct date {
  int year = 0;
  unsigned month = 0;  ///< 1 to 12.
  unsigned day = 0;    ///< 1 to 31.
  friend constexpr auto operator<=>(const date&, const date&) = default;
};

constexpr int64_t days_of(const date& d) noexcept {
  return std::chrono::sys_days{std::chrono::year{d.year} / std::chrono::month{d.month} /
                               std::chrono::day{d.day}}
      .time_since_epoch()
      .count();
}

constexpr date date_of(int64_t days) noexcept {
  const std::chrono::year_month_day ymd{
      std::chrono::sys_days{std::chrono::days{static_cast<int>(days)}}};
  return {static_cast<int>(ymd.year()), static_cast<unsigned>(ymd.month()),
          static_cast<unsigned>(ymd.day())};
}

constexpr int64_t day_of(int64_t seconds) noexcept {
  return seconds >= 0 ? seconds / day_seconds : -((day_seconds - 1 - seconds) / day_seconds);
}

/// 0 = Sunday.
constexpr unsigned weekday_of(int64_t days) noexcept {
  const auto rest = (days + 4) % 7;
  return static_cast<unsigned>(rest < 0 ? rest + 7 : rest);
}

constexpr bool is_leap(int year) noexcept {
  return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

constexpr unsigned month_length(int year, unsigned month) noexcept {
  constexpr unsigned char lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  return month == 2 && is_leap(year) ? 29 : lengths[month - 1];
}

inline constexpr local_seconds first_second = 0;
inline constexpr local_seconds last_second =
    days_of({last_year, 12, 31}) * day_seconds + day_seconds - 1;

}  // namespace civil
}  // namespace orrery
