#include "tests/unit/zones/random_cron.hpp"

namespace orrery::oracle {

std::string random_cron::item(int from, int to, int step_max) {
  switch (number(0, 4)) {
    case 0: return value(from, to) + "-" + value(from, to);
    case 1: return "*/" + value(1, step_max);
    case 2: return value(from, to) + "/" + value(1, step_max);
    case 3: return value(from, to) + "-" + value(from, to) + "/" + value(1, step_max);
    default: return value(from, to);
  }
}

std::string random_cron::plain(int from, int to, int step_max) {
  if (chance(15))
    return "*";
  if (chance(40))
    return value(from, to);
  auto text = item(from, to, step_max);
  while (chance(30))
    text += "," + item(from, to, step_max);
  return text;
}

std::string random_cron::day() {
  switch (number(0, 9)) {
    case 0: return "L";
    case 1: return "L-" + value(1, 30);
    case 2: return "LW";
    case 3: return value(1, 31) + "W";
    case 4: return "L-" + value(1, 20) + "W";
    case 5: return value(1, 31) + "W," + value(1, 31);
    default: return plain(1, 31, 31);
  }
}

std::string random_cron::weekday() {
  static const char* const names[] = {"SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"};
  switch (number(0, 7)) {
    case 0: return "L";
    case 1: return value(1, 7) + "L";
    case 2: return std::string(names[number(0, 6)]) + "L";
    case 3: return value(1, 7) + "#" + value(1, 5);
    case 4: return std::string(names[number(0, 6)]) + "-" + names[number(0, 6)];
    default: return plain(1, 7, 7);
  }
}

std::string random_cron::month() {
  static const char* const names[] = {"JAN", "FEB", "MAR", "APR", "MAY", "JUN",
                                      "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"};
  if (chance(50))
    return "*";
  if (chance(20))
    return std::string(names[number(0, 11)]) + "-" + names[number(0, 11)];
  return plain(1, 12, 12);
}

std::string random_cron::year() {
  const auto from = number(1970, 2150);
  if (chance(50))
    return std::to_string(from) + "-" + std::to_string(number(from, 2199));
  return chance(50) ? "*" : "*/" + value(1, 7);
}

std::string random_cron::quartz_expression() {
  auto text = plain(0, 59, 59) + " " + plain(0, 59, 59) + " " + plain(0, 23, 23) + " ";
  if (chance(50))
    text += day() + " " + month() + " ?";
  else
    text += "? " + month() + " " + weekday();
  if (chance(10))
    text += " " + year();
  return text;
}

std::string random_cron::expression() {
  if (!chance(16))
    return quartz_expression();
  return plain(0, 59, 59) + " " + plain(0, 23, 23) + " " + plain(1, 31, 31) + " " +
         plain(1, 12, 12) + " " + (chance(50) ? "*" : value(0, 7));
}

}  // namespace orrery::oracle
