#include "domain/cron/fire_times.hpp"

#include <algorithm>

namespace orrery {

namespace {

failure at_field(failure why, std::string field) {
  why.field = std::move(field);
  return why;
}

/// Whole seconds: the last at or before, and the first at or after an instant.
unix_seconds floor_seconds(time_point at) noexcept {
  return std::chrono::floor<std::chrono::seconds>(at).time_since_epoch().count();
}
unix_seconds ceil_seconds(time_point at) noexcept {
  return std::chrono::ceil<std::chrono::seconds>(at).time_since_epoch().count();
}

time_point to_time(unix_seconds at) noexcept { return time_point{std::chrono::seconds{at}}; }

}  // namespace

result<fire_rule> parse_fire_rule(std::string_view text) {
  if (iso_interval::looks_like(text)) {
    auto made = iso_interval::parse(text);
    if (!made)
      return std::move(made).error();
    return fire_rule{std::move(*made)};
  }
  auto made = cron_expression::parse(text);
  if (!made)
    return std::move(made).error();
  return fire_rule{std::move(*made)};
}

result<fire_times> fire_times::make(const fire_times_spec& spec, const zone_lookup& zones) {
  fire_times made;
  if (spec.expressions.empty())
    return failure{errc::invalid, "at least one expression is needed", "expressions"};
  if (spec.expressions.size() > rules_max)
    return failure{errc::invalid, "at most 64 expressions", "expressions"};
  if (spec.except.size() > rules_max)
    return failure{errc::invalid, "at most 64 calendars", "except"};
  auto zone = zones(spec.zone);
  if (!zone)
    return at_field(std::move(zone).error(), "zone");
  made.zone_ = std::move(*zone);
  made.dst_ = spec.dst;
  for (size_t i = 0; i < spec.expressions.size(); ++i) {
    auto rule = parse_fire_rule(spec.expressions[i]);
    if (!rule)
      return at_field(std::move(rule).error(), "expressions[" + std::to_string(i) + "]");
    made.rules_.push_back(std::move(*rule));
  }
  for (size_t i = 0; i < spec.except.size(); ++i) {
    const auto field = "except[" + std::to_string(i) + "]";
    auto one = exclusion::parse(spec.except[i]);
    if (!one)
      return at_field(std::move(one).error(), field);
    auto its_zone =
        one->zone_name().empty() ? result<shared_zone>(made.zone_) : zones(one->zone_name());
    if (!its_zone)
      return at_field(std::move(its_zone).error(), field);
    made.exclusions_.push_back({std::move(*one), std::move(*its_zone)});
  }
  if (spec.start != never && spec.end != never && spec.end < spec.start)
    return failure{errc::invalid, "the end lies before the start", "end"};
  if (spec.start != never)
    made.start_ = ceil_seconds(spec.start);
  if (spec.end != never)
    made.end_ = floor_seconds(spec.end);
  return made;
}

std::optional<unix_seconds> fire_times::next_of_rules(unix_seconds after) const noexcept {
  std::optional<unix_seconds> first;
  for (const auto& rule : rules_) {
    const auto* expression = std::get_if<cron_expression>(&rule);
    const auto found = expression != nullptr
                           ? next_fire(*expression, *zone_, dst_, after)
                           : std::get<iso_interval>(rule).next(*zone_, dst_, after);
    if (found && (!first || *found < *first))
      first = found;
  }
  return first;
}

std::optional<unix_seconds> fire_times::previous_of_rules(unix_seconds before) const noexcept {
  std::optional<unix_seconds> last;
  for (const auto& rule : rules_) {
    const auto* expression = std::get_if<cron_expression>(&rule);
    const auto found = expression != nullptr
                           ? previous_fire(*expression, *zone_, dst_, before)
                           : std::get<iso_interval>(rule).previous(*zone_, dst_, before);
    if (found && (!last || *found > *last))
      last = found;
  }
  return last;
}

const fire_times::placed_exclusion* fire_times::excluder_of(
    unix_seconds at, exclusion::stretch& piece) const noexcept {
  for (const auto& one : exclusions_) {
    piece = one.what.around(*one.zone, at);
    if (piece.excluded)
      return &one;
  }
  return nullptr;
}

std::optional<unix_seconds> fire_times::next(unix_seconds after) const {
  after = std::max(after, start_ - 1);
  for (size_t pieces = 0; pieces < pieces_max; ++pieces) {
    const auto found = next_of_rules(after);
    if (!found || *found > end_)
      return std::nullopt;
    exclusion::stretch piece;
    if (excluder_of(*found, piece) == nullptr)
      return found;
    after = piece.end - 1;
  }
  return std::nullopt;
}

std::optional<unix_seconds> fire_times::previous(unix_seconds before) const {
  before = std::min(before, end_ + 1);
  for (size_t pieces = 0; pieces < pieces_max; ++pieces) {
    const auto found = previous_of_rules(before);
    if (!found || *found < start_)
      return std::nullopt;
    exclusion::stretch piece;
    if (excluder_of(*found, piece) == nullptr)
      return found;
    before = piece.begin;
  }
  return std::nullopt;
}

std::optional<time_point> fire_times::next_time(time_point after) const {
  const auto found = next(floor_seconds(after));
  return found ? std::optional(to_time(*found)) : std::nullopt;
}

std::optional<time_point> fire_times::previous_time(time_point before) const {
  const auto found = previous(ceil_seconds(before));
  return found ? std::optional(to_time(*found)) : std::nullopt;
}

}  // namespace orrery
