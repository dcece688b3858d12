#include "domain/cron/zone.hpp"

#include <algorithm>

namespace orrery {

size_t zone_rules::stretch_of(unix_seconds at) const noexcept {
  const auto behind =
      std::upper_bound(changes.begin(), changes.end(), at,
                       [](unix_seconds value, const change& one) { return value < one.at; });
  return static_cast<size_t>(behind - changes.begin());
}

zone_rules::instants zone_rules::from_local(local_seconds local) const noexcept {
  // No offset is larger than a day (Samoa and Kwajalein skipped whole days, by changes of 24 hours).
  constexpr int64_t reach = 2 * civil::day_seconds;
  instants found;
  const auto from = stretch_of(local - reach);
  const auto to = stretch_of(local + reach);
  for (auto stretch = from; stretch <= to; ++stretch) {
    const auto at = local - offset(stretch);
    if (at >= end_of(stretch))
      continue;
    if (at < begin_of(stretch)) {
      if (found.count == 0 && found.after_gap == 0)
        found.after_gap = begin_of(stretch);
      continue;
    }
    if (found.count++ == 0)
      found.first = at;
    found.last = at;
  }
  return found;
}

}  // namespace orrery
