#include "tests/unit/zones/cron_oracle.hpp"

#include <algorithm>
#include <sstream>

namespace orrery::oracle {

namespace {

using std::chrono::day;
using std::chrono::month;
using std::chrono::sys_days;
using std::chrono::year;

std::vector<std::string> cut(const std::string& text, char at) {
  std::vector<std::string> parts;
  std::string part;
  std::istringstream in(text);
  while (std::getline(in, part, at))
    parts.push_back(part);
  return parts;
}

int value_of(std::string text) {
  static const std::vector<std::string> names = {"JAN", "FEB", "MAR", "APR", "MAY", "JUN",
                                                 "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"};
  static const std::vector<std::string> days = {"SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"};
  for (size_t i = 0; i < names.size(); ++i)
    if (names[i] == text)
      return static_cast<int>(i) + 1;
  for (size_t i = 0; i < days.size(); ++i)
    if (days[i] == text)
      return static_cast<int>(i) + 1;
  return std::stoi(text);
}

/// Values of a plain field: lists of `*`, `a`, `a-b`, each with `/n`.
std::set<int> values_of(const std::string& text, int low, int high) {
  std::set<int> all;
  for (const auto& item : cut(text, ',')) {
    const auto slash = item.find('/');
    const int step = slash == std::string::npos ? 1 : std::stoi(item.substr(slash + 1));
    const auto body = item.substr(0, slash);
    int from = low;
    int to = high;
    if (body != "*" && !body.empty()) {
      const auto dash = body.find('-');
      from = value_of(body.substr(0, dash));
      to = dash != std::string::npos    ? value_of(body.substr(dash + 1))
           : slash == std::string::npos ? from
                                        : high;
    }
    const int size = high - low + 1;
    for (int i = 0, count = 0; count <= size; ++i, ++count) {
      const int value = (from - low + i) % size + low;
      if (i % step == 0)
        all.insert(value);
      if (value == (to - low) % size + low)
        break;
    }
  }
  return all;
}

int length_of(int y, int m) {
  return static_cast<int>(
      static_cast<unsigned>((year{y} / month{static_cast<unsigned>(m)} / std::chrono::last).day()));
}

/// 1 = Sunday.
int weekday_of(int y, int m, int d) {
  const std::chrono::weekday w{
      sys_days{year{y} / month{static_cast<unsigned>(m)} / day{static_cast<unsigned>(d)}}};
  return static_cast<int>(w.c_encoding()) + 1;
}

/// The weekday of the month that is nearest to day `d`; looks outward from it.
int nearest(int y, int m, int d) {
  const int length = length_of(y, m);
  const auto works = [&](int x) {
    return x >= 1 && x <= length && weekday_of(y, m, x) != 1 && weekday_of(y, m, x) != 7;
  };
  for (int away = 0; away < 4; ++away) {
    if (works(d - away))
      return d - away;
    if (works(d + away))
      return d + away;
  }
  return 0;
}

bool day_of_month_matches(const std::string& text, int y, int m, int d) {
  const int length = length_of(y, m);
  for (const auto& item : cut(text, ',')) {
    if (item.front() == 'L') {
      const bool weekday = item.back() == 'W';
      auto rest = item.substr(1);
      if (weekday)
        rest.pop_back();
      const int wanted = length - (rest.empty() ? 0 : std::stoi(rest.substr(1)));
      if (wanted >= 1 && d == (weekday ? nearest(y, m, wanted) : wanted))
        return true;
    } else if (item.back() == 'W') {
      const int wanted = std::stoi(item);
      if (wanted <= length && d == nearest(y, m, wanted))
        return true;
    } else if (values_of(item, 1, 31).contains(d)) {
      return true;
    }
  }
  return false;
}

bool weekday_matches(const std::string& text, int y, int m, int d) {
  const int weekday = weekday_of(y, m, d);
  if (text == "L")
    return weekday == 7;
  if (const auto hash = text.find('#'); hash != std::string::npos)
    return weekday == value_of(text.substr(0, hash)) &&
           (d - 1) / 7 + 1 == std::stoi(text.substr(hash + 1));
  if (text.back() == 'L')
    return weekday == value_of(text.substr(0, text.size() - 1)) && d + 7 > length_of(y, m);
  return values_of(text, 1, 7).contains(weekday);
}

}  // namespace

naive_cron naive_cron::read(const std::string& text) {
  naive_cron made;
  std::vector<std::string> words;
  std::istringstream in(text);
  for (std::string word; in >> word;)
    words.push_back(word);
  made.unix_form = words.size() == 5;
  if (made.unix_form)
    words.insert(words.begin(), "0");
  made.seconds = values_of(words[0], 0, 59);
  made.minutes = values_of(words[1], 0, 59);
  made.hours = values_of(words[2], 0, 23);
  made.months = values_of(words[4], 1, 12);
  made.any_year = words.size() < 7;
  if (!made.any_year)
    made.years = values_of(words[6], 1970, 2199);
  made.day_text = words[3];
  made.weekday_text = words[5];
  for (int i = 0; i < 3; ++i)
    made.repeats |= words[static_cast<size_t>(i)].find_first_of("*-/") != std::string::npos;
  return made;
}

bool naive_cron::day_matches(int y, int m, int d) const {
  if (!months.contains(m) || (!any_year && !years.contains(y)))
    return false;
  if (unix_form) {
    bool by_week = false;  // 0 and 7 = Sunday
    for (const auto value : values_of(weekday_text, 0, 7))
      by_week |= value % 7 + 1 == weekday_of(y, m, d);
    const bool by_day = day_of_month_matches(day_text, y, m, d);
    const bool both = day_text.front() == '*' || weekday_text.front() == '*';
    return both ? by_day && by_week : by_day || by_week;
  }
  if (weekday_text == "?")
    return day_of_month_matches(day_text, y, m, d);
  return weekday_matches(weekday_text, y, m, d);
}

bool naive_cron::day_matches(int64_t of) const {
  const auto [place, fresh] = seen_.try_emplace(of, false);
  if (fresh) {
    const auto date = civil::date_of(of);
    place->second =
        date.year >= civil::first_year && date.year <= civil::last_year &&
        day_matches(date.year, static_cast<int>(date.month), static_cast<int>(date.day));
  }
  return place->second;
}

bool naive_cron::matches(local_seconds at) const {
  const int time = static_cast<int>(at - civil::day_of(at) * civil::day_seconds);
  return hours.contains(time / 3600) && minutes.contains(time / 60 % 60) &&
         seconds.contains(time % 60) && day_matches(civil::day_of(at));
}

namespace {

/// Whether an instant belongs to the set, by the definition in domain/cron/fire_times.hpp.
bool fires_at(const naive_cron& e, const zone_rules& zone, dst_policy policy, unix_seconds at) {
  const auto stretch = zone.stretch_of(at);
  const auto offset = zone.offset(stretch);
  if (e.matches(at + offset)) {
    const auto earlier = stretch == 0 ? offset : zone.offset(stretch - 1);
    const auto later = stretch + 1 == zone.stretches() ? offset : zone.offset(stretch + 1);
    const bool was_shown = at + offset - earlier < zone.begin_of(stretch);
    const bool will_be_shown = at + offset - later >= zone.end_of(stretch);
    if (policy == dst_policy::literal ||
        (policy == dst_policy::smart && (e.repeats || !was_shown)) ||
        (policy == dst_policy::quartz && !will_be_shown))
      return true;
  }
  if (policy != dst_policy::smart || stretch == 0 || at != zone.begin_of(stretch))
    return false;
  for (auto local = at + zone.offset(stretch - 1); local < at + offset; ++local)
    if (e.matches(local))
      return true;
  return false;
}

}  // namespace

std::optional<unix_seconds> next(const naive_cron& e, const zone_rules& zone, dst_policy policy,
                                 unix_seconds after, unix_seconds horizon) {
  // Days on which nothing can match, in any offset, are passed over whole; all else second by second.
  const auto day_may_match = [&](int64_t of) {
    return e.day_matches(of - 1) || e.day_matches(of) || e.day_matches(of + 1);
  };
  for (auto at = after + 1; at <= horizon;) {
    const auto today = civil::day_of(at);
    if (!day_may_match(today)) {
      at = (today + 1) * civil::day_seconds;
      continue;
    }
    const auto stretch = zone.stretch_of(at);
    const bool at_change = at == zone.begin_of(stretch);
    const auto local = at + zone.offset(stretch);
    const auto time = local - civil::day_of(local) * civil::day_seconds;
    // A whole minute whose day, hour or minute does not match has nothing, unless clocks change.
    if (!at_change &&
        (!e.day_matches(civil::day_of(local)) || !e.hours.contains(static_cast<int>(time / 3600)) ||
         !e.minutes.contains(static_cast<int>(time / 60 % 60)))) {
      at = std::min(at + 60 - time % 60, zone.end_of(stretch));
      continue;
    }
    if (fires_at(e, zone, policy, at))
      return at;
    ++at;
  }
  return std::nullopt;
}

}  // namespace orrery::oracle
