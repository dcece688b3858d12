#pragma once
/// An ISO 8601 repeating interval: `R/2026-01-01T00:00:00Z/PT6H`, `R5/2026-01-31T09:00/P1M`,
/// `R3/PT10M/2026-02-01T00:00Z`, `R4/<start>/<end>`, or a bare duration (`PT30S`, `P1W`), which counts from
/// 1970-01-01T00:00 (a multiple of a day: on the zone's wall clock, else in UTC).
///
/// `Rn` fires n times, the first at the start; `R` without end. Years, months, weeks and days are counted on
/// the wall clock of the zone (the 31st of a shorter month is its last day; the count goes on from the
/// start, not from the shortened day); hours, minutes and seconds are elapsed time.

#include "base/result.hpp"
#include "domain/cron/zone.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace orrery {

/// Where a local time of an interval falls when the wall shows it never or twice.
enum class dst_policy : uint8_t {
  smart =
      0,  ///< Gap: once, at its end. Overlap: what repeats fires through both hours, else the first.
  quartz,   ///< Gap: not at all. Overlap: the second time only.
  literal,  ///< Whenever the wall shows it: not in a gap, twice in an overlap.
};
std::string_view to_string(dst_policy policy) noexcept;
std::optional<dst_policy> parse_dst_policy(std::string_view text) noexcept;

class iso_interval {
public:
  /// As `cron_expression::parse`.
  static result<iso_interval> parse(std::string_view text);
  /// Whether a text is meant as one (`R…` or `P…`), rather than as a cron expression.
  static bool looks_like(std::string_view text) noexcept;

  std::optional<unix_seconds> next(const zone_rules& zone, dst_policy policy,
                                   unix_seconds after) const noexcept;
  std::optional<unix_seconds> previous(const zone_rules& zone, dst_policy policy,
                                       unix_seconds before) const noexcept;

  const std::string& text() const noexcept { return text_; }
  std::optional<int64_t> count() const noexcept { return count_; }
  int64_t months() const noexcept { return months_; }
  int64_t days() const noexcept { return days_; }
  int64_t seconds() const noexcept { return seconds_; }

  friend bool operator==(const iso_interval& a, const iso_interval& b) {
    return a.text_ == b.text_;
  }

private:
  friend class interval_parser;
  std::optional<unix_seconds> at(const zone_rules& zone, dst_policy policy,
                                 int64_t k) const noexcept;
  /// A number of repetitions that surely begins before `instant`, and not many before it.
  int64_t estimate(const zone_rules& zone, unix_seconds instant) const noexcept;
  unix_seconds start_in(const zone_rules& zone) const noexcept;

  std::string text_;
  std::optional<int64_t> count_;
  int64_t months_ = 0;
  int64_t days_ = 0;
  int64_t seconds_ = 0;
  bool start_is_local_ = false;
  int64_t start_ = 0;           ///< Instant, or wall-clock seconds where `start_is_local_`.
  bool back_from_end_ = false;  ///< `R/<duration>/<end>`: without a beginning; `start_` is the end.
};

}  // namespace orrery
