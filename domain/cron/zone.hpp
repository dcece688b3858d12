#pragma once
/// The rules of a time zone as a value: when its clocks were and will be set, and to what.
///
/// A zone is a row of stretches of constant offset from UTC. Read from the system by zones/ (which expands
/// the rule for the far future up to the last year of the expressions); made by hand in tests.

#include "domain/cron/civil.hpp"

#include <cstddef>
#include <limits>
#include <string>
#include <vector>

namespace orrery {

struct zone_rules {
  struct change {
    unix_seconds at = 0;  ///< From this instant on …
    int32_t offset = 0;   ///< … local time is UTC plus so many seconds.
    friend bool operator==(const change&, const change&) = default;
  };

  std::string name = "UTC";
  int32_t first_offset = 0;     ///< Before the first change.
  std::vector<change> changes;  ///< Instants rising; neighbours differ in their offset.

  friend bool operator==(const zone_rules&, const zone_rules&) = default;

  /// Which stretch `at` lies in: 0 = before the first change.
  size_t stretch_of(unix_seconds at) const noexcept;
  int32_t offset(size_t stretch) const noexcept {
    return stretch == 0 ? first_offset : changes[stretch - 1].offset;
  }
  size_t stretches() const noexcept { return changes.size() + 1; }
  /// First instant of a stretch, and the first behind it.
  unix_seconds begin_of(size_t stretch) const noexcept {
    return stretch == 0 ? min_instant : changes[stretch - 1].at;
  }
  unix_seconds end_of(size_t stretch) const noexcept {
    return stretch < changes.size() ? changes[stretch].at : max_instant;
  }
  int32_t offset_at(unix_seconds at) const noexcept { return offset(stretch_of(at)); }
  local_seconds to_local(unix_seconds at) const noexcept { return at + offset_at(at); }

  /// The instants that show `local` on the wall: none in a gap, two in an overlap.
  struct instants {
    size_t count = 0;
    unix_seconds first = 0;
    unix_seconds last = 0;
    unix_seconds after_gap = 0;  ///< With `count` 0: the instant at which the gap ends.
  };
  instants from_local(local_seconds local) const noexcept;

  // Far enough for every date, and near enough that adding an offset never overflows.
  static constexpr unix_seconds min_instant = -1'000'000'000'000;
  static constexpr unix_seconds max_instant = 1'000'000'000'000;
};

}  // namespace orrery
