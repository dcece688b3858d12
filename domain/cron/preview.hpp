#pragma once
/// What a schedule will do in a range of time, with what changes of the clocks do to it.

#include "domain/cron/fire_times.hpp"

namespace orrery {

enum class fire_note : uint8_t {
  none = 0,
  moved_out_of_gap,  ///< The wall never shows the time it is for; fires when the gap ends.
  first_of_two,      ///< The wall shows this time twice; this is the earlier.
  second_of_two,
};
std::string_view to_string(fire_note note) noexcept;

struct previewed_fire {
  unix_seconds at = 0;
  int32_t offset = 0;  ///< Of local time from UTC, in seconds.
  fire_note note = fire_note::none;

  friend bool operator==(const previewed_fire&, const previewed_fire&) = default;
};

/// Clocks are set within the range.
struct clock_change {
  unix_seconds at = 0;
  int32_t from_offset = 0;
  int32_t to_offset = 0;
  /// Local times that match and are never shown, at most `skipped_max`; whether they fire at `at`
  /// instead is the policy's.
  std::vector<local_seconds> skipped;

  bool is_gap() const noexcept { return to_offset > from_offset; }
};

struct fire_preview {
  static constexpr size_t skipped_max = 10;
  std::vector<previewed_fire> fires;
  std::vector<clock_change> changes;
  bool complete = true;  ///< False: there are more in the range than were asked for.
};

/// At most `limit` fires from `from` on (inclusive) up to `to` (exclusive), and the changes of the clocks
/// up to the last of them.
fire_preview preview(const fire_times& times, unix_seconds from, unix_seconds to, size_t limit);

/// What is to be said of a fire.
previewed_fire annotate(const fire_times& times, unix_seconds at);

/// RFC 3339 with the offset: `2026-03-29T03:00:00+02:00`; without, for local times of a gap.
std::string format_zoned(unix_seconds at, int32_t offset);
std::string format_local(local_seconds at);

}  // namespace orrery
