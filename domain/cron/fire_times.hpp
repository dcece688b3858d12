#pragma once
/// When a schedule fires: the union of expressions and intervals, in a zone, minus calendars, from a start
/// to an end. All answers are whole seconds.
///
/// As a set: an instant belongs to an expression when the wall of its zone shows a time that matches, with
/// the rules of `dst_policy` where the wall shows a time never or twice. `next` and `previous` are the
/// neighbours of an instant in that set. `literal`: whenever the wall shows a match. `quartz`: of two
/// instants that show it, the later only. `smart` (as Cronos and Vixie's cron): of two, the earlier only,
/// unless the expression repeats within the day (`*`, `-` or `/` in second, minute or hour); and where
/// matches fall into a gap, the instant at which the gap ends.

#include "base/time.hpp"
#include "domain/cron/exclusion.hpp"
#include "domain/cron/interval.hpp"

#include <functional>
#include <memory>
#include <variant>
#include <vector>

namespace orrery {

using shared_zone = std::shared_ptr<const zone_rules>;
/// Finds a zone by its IANA name; `not_found` where there is none.
using zone_lookup = std::function<result<shared_zone>(std::string_view name)>;

/// What a person writes. Texts are the forms of `cron_expression`, `iso_interval` and `exclusion`.
struct fire_times_spec {
  std::vector<std::string> expressions = {};
  std::vector<std::string> except = {};
  std::string zone = "UTC";
  dst_policy dst = dst_policy::smart;
  time_point start{};  ///< Not before; `never` = none.
  time_point end{};    ///< Not after; `never` = none.

  friend bool operator==(const fire_times_spec&, const fire_times_spec&) = default;
};

using fire_rule = std::variant<cron_expression, iso_interval>;
/// A cron expression or an interval, by its first letter.
result<fire_rule> parse_fire_rule(std::string_view text);

class fire_times {
public:
  static constexpr size_t rules_max = 64;
  /// How many excluded pieces a search looks at before it says that there is nothing: enough for every day
  /// of 230 years, and an end to the search.
  static constexpr size_t pieces_max = 300'000;

  /// `invalid` names the field as the JSON calls it: `expressions[1]`, `except[0]`, `zone`, `end`.
  static result<fire_times> make(const fire_times_spec& spec, const zone_lookup& zones);

  /// The first fire time strictly after (strictly before); empty = never.
  std::optional<unix_seconds> next(unix_seconds after) const;
  std::optional<unix_seconds> previous(unix_seconds before) const;
  /// As above, in microseconds.
  std::optional<time_point> next_time(time_point after) const;
  std::optional<time_point> previous_time(time_point before) const;

  const zone_rules& zone() const noexcept { return *zone_; }
  dst_policy dst() const noexcept { return dst_; }
  const std::vector<fire_rule>& rules() const noexcept { return rules_; }
  bool has_exclusions() const noexcept { return !exclusions_.empty(); }

private:
  struct placed_exclusion {
    exclusion what;
    shared_zone zone;
  };
  std::optional<unix_seconds> next_of_rules(unix_seconds after) const noexcept;
  std::optional<unix_seconds> previous_of_rules(unix_seconds before) const noexcept;
  const placed_exclusion* excluder_of(unix_seconds at, exclusion::stretch& piece) const noexcept;

  std::vector<fire_rule> rules_;
  std::vector<placed_exclusion> exclusions_;
  shared_zone zone_;
  dst_policy dst_ = dst_policy::smart;
  unix_seconds start_ = zone_rules::min_instant;
  unix_seconds end_ = zone_rules::max_instant;
};

/// The neighbours of an instant in the set of one expression.
std::optional<unix_seconds> next_fire(const cron_expression& expression, const zone_rules& zone,
                                      dst_policy policy, unix_seconds after) noexcept;
std::optional<unix_seconds> previous_fire(const cron_expression& expression, const zone_rules& zone,
                                          dst_policy policy, unix_seconds before) noexcept;

}  // namespace orrery
