#include "domain/cron/describe.hpp"

#include <bit>
#include <cstdio>

namespace orrery {

namespace {

constexpr std::string_view months[] = {"January",   "February", "March",    "April",
                                       "May",       "June",     "July",     "August",
                                       "September", "October",  "November", "December"};
constexpr std::string_view weekdays[] = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                         "Thursday", "Friday", "Saturday"};
constexpr std::string_view ordinals[] = {"", "first", "second", "third", "fourth", "fifth"};

std::string two(int value) {
  char text[16];
  std::snprintf(text, sizeof text, "%02d", value);
  return text;
}

/// 1st, 2nd, 3rd, 4th, …
std::string ordinal(int value) {
  const int tens = value % 100;
  const char* tail = "th";
  if (tens < 11 || tens > 13)
    tail = value % 10 == 1 ? "st" : value % 10 == 2 ? "nd" : value % 10 == 3 ? "rd" : "th";
  return std::to_string(value) + tail;
}

std::string joined(const std::vector<std::string>& items, std::string_view last_word = "and") {
  std::string text;
  for (size_t i = 0; i < items.size(); ++i) {
    if (i > 0)
      text += i + 1 == items.size() ? " " + std::string(last_word) + " " : ", ";
    text += items[i];
  }
  return text;
}

/// Runs of three and more become "a to b".
template <class Name>
std::vector<std::string> runs(uint64_t bits, int from, int to, Name name) {
  std::vector<std::string> items;
  const auto has = [&](int bit) { return bit <= to && (bits >> bit & 1) != 0; };
  for (int bit = from; bit <= to; ++bit) {
    if (!has(bit))
      continue;
    int end = bit;
    while (has(end + 1))
      ++end;
    if (end - bit >= 2) {
      items.push_back(name(bit) + " to " + name(end));
    } else {
      items.push_back(name(bit));
      if (end > bit)
        items.push_back(name(end));
    }
    bit = end;
  }
  return items;
}

/// "every 5 minutes" where the set is from..max in equal steps; empty where it is not.
std::string steps(uint64_t bits, int size, std::string_view unit) {
  if (std::popcount(bits) == size)
    return "every " + std::string(unit);
  const int first = std::countr_zero(bits);
  const auto rest = bits & (bits - 1);
  if (rest == 0)
    return {};
  const int step = std::countr_zero(rest) - first;
  uint64_t expected = 0;
  for (int value = first; value < size; value += step)
    expected |= uint64_t{1} << value;
  if (expected != bits || step < 2 || std::popcount(bits) < 3)
    return {};
  auto text = "every " + std::to_string(step) + " " + std::string(unit) + "s";
  if (first > 0)
    text += " from " + std::string(unit) + " " + std::to_string(first) + " on";
  return text;
}

std::string numbers(uint64_t bits, int size) {
  return joined(runs(bits, 0, size - 1, [](int value) { return std::to_string(value); }));
}

std::string hours_of(const cron_fields& f) {
  constexpr int hours = 24;
  if (std::popcount(f.hours) == hours)
    return {};
  if (auto text = steps(f.hours, hours, "hour"); !text.empty())
    return " of " + text;
  return std::string(std::popcount(f.hours) == 1 ? " of the hour " : " of the hours ") +
         joined(runs(f.hours, 0, hours - 1, [](int value) { return two(value) + "h"; }));
}

/// "at 10:15 and 18:15", "every 5 minutes", "at second 0 of every minute of the hours 08h to 17h"
std::string time_of(const cron_fields& f) {
  constexpr int clock_times_max = 6;
  const int seconds = std::popcount(f.seconds);
  const int minutes = std::popcount(f.minutes);
  const int hours = std::popcount(f.hours);
  if (seconds * minutes * hours <= clock_times_max) {
    std::vector<std::string> times;
    for (int h = 0; h < 24; ++h)
      for (int m = 0; m < 60; ++m)
        for (int s = 0; s < 60; ++s)
          if ((f.hours >> h & 1) != 0 && (f.minutes >> m & 1) != 0 && (f.seconds >> s & 1) != 0)
            times.push_back(two(h) + ":" + two(m) + (f.seconds == 1 ? "" : ":" + two(s)));
    return "at " + joined(times);
  }
  std::string text;
  const bool at_zero = f.seconds == 1;
  if (!at_zero) {
    const auto every = steps(f.seconds, 60, "second");
    text = every.empty() ? "at second " + numbers(f.seconds, 60) : every;
    if (minutes == 60)
      return text + (every.empty() ? " of every minute" : "") + hours_of(f);
    text += " of ";
  }
  const auto every = steps(f.minutes, 60, "minute");
  if (every.empty()) {
    text += (at_zero ? "at minute " : "minute ") + numbers(f.minutes, 60);
    return text + (hours == 24 ? " of every hour" : hours_of(f));
  }
  return text + every + hours_of(f);
}

std::string plain_day(int day) { return "the " + ordinal(day); }

std::vector<std::string> days_of_month(const cron_fields& f) {
  auto items = runs(f.days, 1, 31, plain_day);
  const auto back = [](int n) {
    if (n == 0)
      return std::string("the last day");
    if (n == 1)
      return std::string("the day before the last");
    return std::to_string(n) + " days before the last day";
  };
  for (int n = 30; n >= 0; --n)
    if ((f.from_last >> n & 1) != 0)
      items.push_back(back(n));
  for (int day = 1; day <= 31; ++day)
    if ((f.nearest_weekday >> day & 1) != 0)
      items.push_back("the weekday nearest to the " + ordinal(day));
  for (int n = 30; n >= 0; --n)
    if ((f.from_last_weekday >> n & 1) != 0)
      items.push_back(n == 0 ? "the last weekday" : "the weekday nearest to " + back(n));
  return items;
}

std::vector<std::string> weekdays_of(const cron_fields& f) {
  const auto name = [](int day) { return std::string(weekdays[day % 7]); };
  std::vector<std::string> items;
  if (f.weekdays == 0b0111110) {
    items.emplace_back("Monday to Friday");
  } else if (f.weekdays == 0b1000001) {
    items.emplace_back("Saturday and Sunday");
  } else {
    // From Monday on, Sunday last.
    const auto turned = static_cast<uint64_t>(f.weekdays >> 1) | (f.weekdays & 1u) << 6;
    items = runs(turned, 0, 6, [&](int day) { return name(day + 1); });
  }
  return items;
}

std::string month_part(const cron_fields& f) {
  if (std::popcount(f.months) == 12)
    return {};
  return joined(runs(f.months, 1, 12, [](int month) { return std::string(months[month - 1]); }));
}

std::string days_of(const cron_fields& f) {
  const auto of_months = month_part(f);
  const auto tail = of_months.empty() ? std::string(" of every month") : " of " + of_months;
  std::vector<std::string> relative;
  for (int k = 1; k <= 5; ++k)
    for (int day = 0; day < 7; ++day)
      if ((f.nth_weekdays[static_cast<size_t>(k)] >> day & 1) != 0)
        relative.push_back("the " + std::string(ordinals[k]) + " " + std::string(weekdays[day]));
  for (int day = 0; day < 7; ++day)
    if ((f.last_weekdays >> day & 1) != 0)
      relative.push_back("the last " + std::string(weekdays[day]));
  if (!relative.empty())
    return " on " + joined(relative) + tail;
  const bool every_day = f.any_day || f.days == 0xfffffffeu;
  const bool every_weekday = f.any_weekday || f.weekdays == 0x7f;
  const auto in_months = of_months.empty() ? std::string() : " in " + of_months;
  if (every_day && every_weekday)
    return in_months.empty() ? " every day" : " every day" + in_months;
  if (every_day)
    return " on " + joined(weekdays_of(f)) + in_months;
  const auto days = joined(days_of_month(f)) + tail;
  if (every_weekday)
    return " on " + days;
  return " on " + days + (f.either_day ? ", and on " : ", if it is ") +
         joined(weekdays_of(f), f.either_day ? "and" : "or") +
         (f.either_day ? in_months : std::string());
}

std::string years_of(const cron_fields& f) {
  if (f.any_year)
    return {};
  std::vector<std::string> items;
  const auto has = [&](int year) {
    const auto index = static_cast<unsigned>(year - civil::first_year);
    return year <= civil::last_year && (f.years[index / 64] >> (index % 64) & 1) != 0;
  };
  for (int year = civil::first_year; year <= civil::last_year; ++year) {
    if (!has(year))
      continue;
    int end = year;
    while (has(end + 1))
      ++end;
    items.push_back(end > year ? std::to_string(year) + " to " + std::to_string(end)
                               : std::to_string(year));
    year = end;
  }
  return " in " + joined(items);
}

/// "6 hours and 30 minutes"
std::string length_of(const iso_interval& interval) {
  std::vector<std::string> items;
  const auto add = [&](int64_t count, const char* unit) {
    if (count > 0)
      items.push_back(count == 1 ? std::string(unit) : std::to_string(count) + " " + unit + "s");
  };
  add(interval.months() / 12, "year");
  add(interval.months() % 12, "month");
  add(interval.days() % 7 == 0 ? interval.days() / 7 : 0, "week");
  add(interval.days() % 7 == 0 ? 0 : interval.days(), "day");
  add(interval.seconds() / 3600, "hour");
  add(interval.seconds() / 60 % 60, "minute");
  add(interval.seconds() % 60, "second");
  return joined(items);
}

}  // namespace

std::string describe(const cron_expression& expression) {
  const auto& f = expression.fields();
  auto text = time_of(f);
  auto days = days_of(f);
  if (days == " every day" && !text.starts_with("at "))
    days.clear();
  return text + days + years_of(f);
}

std::string describe(const iso_interval& interval) {
  auto text = "every " + length_of(interval);
  if (interval.count())
    text += *interval.count() == 1 ? ", once" : ", " + std::to_string(*interval.count()) + " times";
  return text;
}

std::string describe(const fire_rule& rule) {
  return std::visit([](const auto& one) { return describe(one); }, rule);
}

std::string describe(const fire_times_spec& spec) {
  std::vector<std::string> items;
  for (const auto& text : spec.expressions) {
    const auto rule = parse_fire_rule(text);
    items.push_back(rule ? describe(*rule) : text);
  }
  auto text = joined(items, "and");
  if (!spec.except.empty())
    text += ", except " + joined(spec.except);
  return text + ", in " + spec.zone;
}

}  // namespace orrery
