#pragma once
/// A calendar of times at which nothing fires, as Quartz's calendars:
///
/// - `holidays:2026-12-25,2026-12-26` whole days;
/// - `annual:12-25,01-01` days of every year;
/// - `monthly:1,15,31` days of every month;
/// - `weekly:SAT,SUN` days of every week;
/// - `daily:22:00-06:00` hours of every day (the first belongs to it, the last not; may pass midnight);
/// - `cron:* * 0-7 ? * *` every second that the expression matches.
///
/// A `!` in front turns it round: only these times are left. `@Zone` behind the kind takes another zone
/// than the schedule's: `weekly@Asia/Riyadh:FRI,SAT`.

#include "domain/cron/expression.hpp"
#include "domain/cron/zone.hpp"

#include <memory>
#include <set>
#include <variant>
#include <vector>

namespace orrery {

class exclusion {
public:
  /// As `cron_expression::parse`.
  static result<exclusion> parse(std::string_view text);

  /// The zone it names; empty = the schedule's.
  const std::string& zone_name() const noexcept { return zone_; }
  const std::string& text() const noexcept { return text_; }

  /// A piece, around an instant, in which the answer is the same: [begin, end).
  struct stretch {
    bool excluded = false;
    unix_seconds begin = 0;
    unix_seconds end = 0;
  };
  stretch around(const zone_rules& zone, unix_seconds at) const noexcept;

private:
  friend class exclusion_parser;
  struct holidays {
    std::set<int64_t> days;
  };
  struct annual {
    std::set<std::pair<unsigned, unsigned>> days;  ///< Month, day.
  };
  struct monthly {
    uint32_t days = 0;
  };
  struct weekly {
    uint8_t days = 0;
  };
  struct daily {
    int64_t from = 0;
    int64_t to = 0;  ///< Seconds of the day; before `from` = passes midnight.
  };

  stretch local_stretch(local_seconds at) const noexcept;
  bool has_day(int64_t day) const noexcept;

  std::string text_;
  std::string zone_;
  bool inverted_ = false;
  std::variant<holidays, annual, monthly, weekly, daily, cron_expression> what_;
};

}  // namespace orrery
