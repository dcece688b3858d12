#include "domain/cron/interval.hpp"

#include <algorithm>
#include <array>

namespace orrery {

namespace {

constexpr std::array<std::string_view, 3> policy_names = {"smart", "quartz", "literal"};
constexpr int64_t average_month = 2'629'746;

}  // namespace

std::string_view to_string(dst_policy policy) noexcept {
  return policy_names[static_cast<size_t>(policy)];
}

std::optional<dst_policy> parse_dst_policy(std::string_view text) noexcept {
  const auto found = std::find(policy_names.begin(), policy_names.end(), text);
  if (found == policy_names.end())
    return std::nullopt;
  return static_cast<dst_policy>(found - policy_names.begin());
}

bool iso_interval::looks_like(std::string_view text) noexcept {
  const auto first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos)
    return false;
  const char c = text[first];
  return c == 'R' || c == 'r' || c == 'P' || c == 'p';
}

unix_seconds iso_interval::start_in(const zone_rules& zone) const noexcept {
  if (!start_is_local_)
    return start_;
  const auto found = zone.from_local(start_);
  return found.count > 0 ? found.first : found.after_gap;
}

std::optional<unix_seconds> iso_interval::at(const zone_rules& zone, dst_policy policy,
                                             int64_t k) const noexcept {
  const auto start = start_in(zone);
  if (months_ == 0 && days_ == 0)
    return start + k * seconds_;
  const auto local = start_is_local_ ? start_ : zone.to_local(start);
  const auto day = civil::day_of(local);
  auto date = civil::date_of(day);
  const auto month = date.year * int64_t{12} + (date.month - 1) + k * months_;
  date.year = static_cast<int>(month / 12);
  date.month = static_cast<unsigned>(month % 12) + 1;
  date.day = std::min(date.day, civil::month_length(date.year, date.month));
  const auto wall =
      (civil::days_of(date) + k * days_) * civil::day_seconds + (local - day * civil::day_seconds);
  const auto found = zone.from_local(wall);
  if (found.count == 0) {
    if (policy != dst_policy::smart)
      return std::nullopt;
    return found.after_gap + k * seconds_;
  }
  return (policy == dst_policy::quartz ? found.last : found.first) + k * seconds_;
}

int64_t iso_interval::estimate(const zone_rules& zone, unix_seconds instant) const noexcept {
  const auto length = months_ * average_month + days_ * civil::day_seconds + seconds_;
  const auto distance = instant - start_in(zone);
  const auto margin = months_ == 0 && days_ == 0 ? 0 : 4 * civil::day_seconds;
  return (distance - margin) / length - 2;
}

std::optional<unix_seconds> iso_interval::next(const zone_rules& zone, dst_policy policy,
                                               unix_seconds after) const noexcept {
  const auto first = back_from_end_ ? std::numeric_limits<int64_t>::min() : int64_t{0};
  const auto last =
      back_from_end_ ? int64_t{-1} : count_.value_or(std::numeric_limits<int64_t>::max()) - 1;
  constexpr auto limit = civil::last_second;
  if (after >= limit)
    return std::nullopt;
  for (auto k = std::max(first, estimate(zone, after)); k <= last; ++k) {
    const auto found = at(zone, policy, k);
    if (!found || *found <= after)
      continue;
    if (*found > limit)
      return std::nullopt;
    return found;
  }
  return std::nullopt;
}

std::optional<unix_seconds> iso_interval::previous(const zone_rules& zone, dst_policy policy,
                                                   unix_seconds before) const noexcept {
  const auto first = back_from_end_ ? std::numeric_limits<int64_t>::min() : int64_t{0};
  const auto last =
      back_from_end_ ? int64_t{-1} : count_.value_or(std::numeric_limits<int64_t>::max()) - 1;
  before = std::min<unix_seconds>(before, civil::last_second + 1);
  for (auto k = std::min(last, estimate(zone, before) + 6); k >= first; --k) {
    const auto found = at(zone, policy, k);
    if (!found || *found >= before)
      continue;
    if (*found < civil::first_second)
      return std::nullopt;
    return found;
  }
  return std::nullopt;
}

}  // namespace orrery
