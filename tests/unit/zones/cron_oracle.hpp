#pragma once
/// The slow truth about expressions: reads them anew, looks at every day and every second, and knows
/// nothing of sets of bits or of searching.

#include "domain/cron/fire_times.hpp"

#include <array>
#include <map>
#include <set>
#include <string>

namespace orrery::oracle {

/// One field of an expression as a predicate over numbers, read the naive way.
struct naive_cron {
  /// A set of small numbers as a table, so that looking is quick.
  struct table {
    std::array<bool, 2200> held{};
    void operator=(const std::set<int>& values) {
      held.fill(false);
      for (const auto value : values)
        held[static_cast<size_t>(value)] = true;
    }
    bool contains(int value) const { return held[static_cast<size_t>(value)]; }
  };
  table seconds, minutes, hours, months, years;
  bool any_year = true;
  std::string day_text, weekday_text;
  bool unix_form = false;
  bool repeats = false;

  static naive_cron read(const std::string& text);
  bool day_matches(int year, int month, int day) const;
  /// The same by the number of the day, remembered.
  bool day_matches(int64_t day) const;
  bool matches(local_seconds at) const;

private:
  mutable std::map<int64_t, bool> seen_;
};

/// The first fire strictly after `after`, not later than `horizon`.
std::optional<unix_seconds> next(const naive_cron& expression, const zone_rules& zone,
                                 dst_policy policy, unix_seconds after, unix_seconds horizon);

}  // namespace orrery::oracle
