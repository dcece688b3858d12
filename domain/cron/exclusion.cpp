#include "domain/cron/exclusion.hpp"

#include <algorithm>
#include <bit>

namespace orrery {

namespace {

constexpr uint64_t all_sixty = (uint64_t{1} << 60) - 1;
constexpr uint32_t all_hours = (1u << 24) - 1;

/// The run of equal bits around `at` in a set of `width`.
std::pair<int, int> run_around(uint64_t bits, int at, int width) noexcept {
  const auto is_set = [&](int bit) { return (bits >> bit & 1) != 0; };
  int from = at;
  int to = at + 1;
  while (from > 0 && is_set(from - 1) == is_set(at))
    --from;
  while (to < width && is_set(to) == is_set(at))
    ++to;
  return {from, to};
}

exclusion::stretch stretch_of_cron(const cron_expression& expression, local_seconds at) noexcept {
  const auto& f = expression.fields();
  const auto day = civil::day_of(at);
  const auto midnight = day * civil::day_seconds;
  const auto date = civil::date_of(day);
  const auto first = midnight;
  const bool day_matches =
      expression.next_local(first).value_or(first - 1) / civil::day_seconds == day &&
      date.year >= civil::first_year;
  const bool whole_minutes = f.seconds == all_sixty;
  const bool whole_hours = whole_minutes && f.minutes == all_sixty;
  if (!day_matches || (whole_hours && f.hours == all_hours))
    return {day_matches, midnight, midnight + civil::day_seconds};
  const auto time = static_cast<int>(at - midnight);
  const int hour = time / 3600;
  const auto [hour_from, hour_to] = run_around(f.hours, hour, 24);
  const bool hour_matches = (f.hours >> hour & 1) != 0;
  if (!hour_matches || whole_hours)
    return {hour_matches, midnight + hour_from * 3600, midnight + hour_to * 3600};
  const int minute = time / 60 % 60;
  const auto hour_at = midnight + hour * 3600;
  const auto [minute_from, minute_to] = run_around(f.minutes, minute, 60);
  const bool minute_matches = (f.minutes >> minute & 1) != 0;
  if (!minute_matches || whole_minutes)
    return {minute_matches, hour_at + minute_from * 60, hour_at + minute_to * 60};
  const auto minute_at = hour_at + minute * 60;
  const auto [from, to] = run_around(f.seconds, time % 60, 60);
  return {(f.seconds >> (time % 60) & 1) != 0, minute_at + from, minute_at + to};
}

}  // namespace

bool exclusion::has_day(int64_t day) const noexcept {
  if (const auto* some = std::get_if<holidays>(&what_))
    return some->days.contains(day);
  if (const auto* of_week = std::get_if<weekly>(&what_))
    return (of_week->days >> civil::weekday_of(day) & 1) != 0;
  const auto date = civil::date_of(day);
  if (const auto* of_month = std::get_if<monthly>(&what_))
    return (of_month->days >> date.day & 1) != 0;
  return std::get<annual>(what_).days.contains({date.month, date.day});
}

exclusion::stretch exclusion::local_stretch(local_seconds at) const noexcept {
  if (const auto* expression = std::get_if<cron_expression>(&what_))
    return stretch_of_cron(*expression, at);
  const auto day = civil::day_of(at);
  const auto midnight = day * civil::day_seconds;
  const auto* hours = std::get_if<daily>(&what_);
  if (hours == nullptr)
    return {has_day(day), midnight, midnight + civil::day_seconds};
  // Two cuts make three pieces; where the hours pass midnight the outer two belong to them.
  const bool passes_midnight = hours->to <= hours->from;
  const auto low = midnight + std::min(hours->from, hours->to);
  const auto high = midnight + std::max(hours->from, hours->to);
  if (at < low)
    return {passes_midnight, midnight, low};
  if (at < high)
    return {!passes_midnight, low, high};
  return {passes_midnight, high, midnight + civil::day_seconds};
}

exclusion::stretch exclusion::around(const zone_rules& zone, unix_seconds at) const noexcept {
  const auto index = zone.stretch_of(at);
  const auto offset = zone.offset(index);
  auto piece = local_stretch(at + offset);
  piece.excluded = piece.excluded != inverted_;
  piece.begin = std::max(piece.begin - offset, zone.begin_of(index));
  piece.end = std::min(piece.end - offset, zone.end_of(index));
  return piece;
}

}  // namespace orrery
