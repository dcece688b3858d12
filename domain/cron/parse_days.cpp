/// What only the fields of days have: `L`, `W` and `#`.

#include "domain/cron/digits.hpp"
#include "domain/cron/parse.hpp"

namespace orrery {

namespace {

std::string quoted(char c) { return std::string("\"") + c + '"'; }

}  // namespace

/// `L`, `L-n`, `LW`, `L-nW`, `nW`.
result<void> cron_parser::read_day_special(cursor& in, bool& done) {
  if (in.peek() == 'L') {
    done = true;
    return read_last_day(in);
  }
  auto ahead = in;
  while (is_digit(ahead.peek()))
    ++ahead.next;
  if (ahead.next == in.next || ahead.peek() != 'W')
    return {};
  done = true;
  const auto day = read_value(field::day, in);
  if (!day)
    return day.error();
  ++in.next;
  made_.fields_.nearest_weekday |= 1u << *day;
  return {};
}

result<void> cron_parser::read_last_day(cursor& in) {
  ++in.next;
  int back = 0;
  if (in.take('-')) {
    const auto place = in.place();
    const auto read = read_number(in, "days before the last");
    if (!read)
      return read.error();
    if (*read > 30)
      return fault(place, "at most 30 days before the last day of a month");
    back = *read;
  }
  auto& f = made_.fields_;
  (in.take('W') ? f.from_last_weekday : f.from_last) |= 1u << back;
  return {};
}

/// `nL`, `n#k`.
result<void> cron_parser::read_weekday_special(cursor& in, int value, bool& done) {
  if (in.peek() != 'L' && in.peek() != '#')
    return {};
  const auto sign = in.peek();
  const auto place = in.place();
  if (!quartz())
    return fault(place, quoted(sign) + " belongs to Quartz's dialect, of six or seven fields");
  if (in_list_)
    return fault(place, quoted(sign) + " does not stand in a list of days of the week");
  done = true;
  ++in.next;
  const auto bit = static_cast<uint8_t>(1u << (value - 1));
  if (sign == 'L') {
    made_.fields_.last_weekdays |= bit;
    return {};
  }
  const auto at = in.place();
  const auto k = read_number(in, "which of the weekdays of a month");
  if (!k)
    return k.error();
  if (*k < 1 || *k > 5)
    return fault(at, "after \"#\" stands a number from 1 to 5");
  made_.fields_.nth_weekdays[static_cast<size_t>(*k)] |= bit;
  return {};
}

}  // namespace orrery
