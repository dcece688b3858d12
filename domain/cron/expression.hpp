#pragma once
/// A cron expression: Quartz's dialect of six or seven fields, and the five fields of Unix cron.
///
/// Quartz: `second minute hour day-of-month month day-of-week [year]`. Every field takes `*`, values,
/// `a-b` (also wrapping around: `22-2`, `FRI-MON`; not for years), `/step`, lists with commas, and names
/// (`JAN`, `MON`, any case). Day-of-month also `L`, `L-n`, `LW`, `L-nW`, `nW`; day-of-week (1 = Sunday)
/// `L`, `nL`, `n#k`. Exactly one of the two day fields is `?`.
///
/// Unix: `minute hour day-of-month month day-of-week` (0 and 7 = Sunday), and `@hourly`, `@daily`,
/// `@midnight`, `@weekly`, `@monthly`, `@yearly`, `@annually`. Where both day fields are restricted, a day
/// that either of them names matches; a field that begins with `*` restricts nothing by itself.
///
/// A value is immutable and cheap to copy: every field is a set of bits.

#include "base/result.hpp"
#include "domain/cron/civil.hpp"

#include <array>
#include <optional>
#include <string>
#include <string_view>

namespace orrery {

enum class cron_dialect : uint8_t { quartz = 0, unix_cron };

/// The fields as sets. Bits of days of the month are 1 to 31, of months 1 to 12, of weekdays 0 to 6
/// (0 = Sunday), of years from 1970.
struct cron_fields {
  uint64_t seconds = 0;
  uint64_t minutes = 0;
  uint32_t hours = 0;
  uint16_t months = 0;
  std::array<uint64_t, 4> years{};
  bool any_year = true;

  uint32_t days = 0;
  uint32_t nearest_weekday = 0;    ///< `nW`: bit n.
  uint32_t from_last = 0;          ///< `L` and `L-n`: bit n.
  uint32_t from_last_weekday = 0;  ///< `LW` and `L-nW`: bit n.
  uint8_t weekdays = 0;
  uint8_t last_weekdays = 0;              ///< `nL`.
  std::array<uint8_t, 6> nth_weekdays{};  ///< `n#k`: the weekdays of each k.

  bool any_day = false;      ///< Day-of-month is `?`, or restricts nothing.
  bool any_weekday = false;  ///< Day-of-week likewise.
  bool either_day = false;   ///< Unix: a day that one of both fields names.
  bool repeats = false;      ///< Second, minute or hour has `*`, a range or a step.

  friend bool operator==(const cron_fields&, const cron_fields&) = default;
};

class cron_expression {
public:
  /// `invalid` with `character N: …` in the detail and `character N` (from 1) as the field.
  static result<cron_expression> parse(std::string_view text);

  /// The first local second at or after `from` (at or before, for `previous_local`) that matches; empty
  /// = there is none from 1970 to 2199.
  std::optional<local_seconds> next_local(local_seconds from) const noexcept;
  std::optional<local_seconds> previous_local(local_seconds from) const noexcept;
  bool matches(local_seconds at) const noexcept;
  /// The days of a month that match, as bits 1 to 31.
  uint32_t days_in(int year, unsigned month) const noexcept;

  const std::string& text() const noexcept { return text_; }
  cron_dialect dialect() const noexcept { return dialect_; }
  const cron_fields& fields() const noexcept { return fields_; }
  /// Fires through both hours when clocks are set back (see `dst_policy::smart`).
  bool repeats() const noexcept { return fields_.repeats; }
  /// The fields as they were written, upper case, in Quartz's order; empty where there is none.
  const std::array<std::string, 7>& parts() const noexcept { return parts_; }

  friend bool operator==(const cron_expression& a, const cron_expression& b) {
    return a.text_ == b.text_;
  }

private:
  friend class cron_parser;
  bool year_matches(int year) const noexcept;
  std::optional<int64_t> next_day(int64_t from) const noexcept;
  std::optional<int64_t> previous_day(int64_t from) const noexcept;

  std::string text_;
  std::array<std::string, 7> parts_;
  cron_dialect dialect_ = cron_dialect::quartz;
  cron_fields fields_;
};

/// `JAN`, `SUN`, …
std::string_view month_name(unsigned month) noexcept;
std::string_view weekday_name(unsigned weekday) noexcept;

}  // namespace orrery
