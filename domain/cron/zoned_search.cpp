/// The set of an expression in a zone: stretch by stretch of constant offset.

#include "domain/cron/fire_times.hpp"

#include <algorithm>

namespace orrery {

namespace {

/// The local seconds of a stretch at which an expression may fire under a policy: [from, to).
struct window {
  local_seconds from = 0;
  local_seconds to = 0;
};

window window_of(const zone_rules& zone, size_t stretch, dst_policy policy, bool repeats) noexcept {
  const auto offset = zone.offset(stretch);
  window w{zone.begin_of(stretch) + offset, zone.end_of(stretch) + offset};
  if (policy == dst_policy::smart && !repeats && stretch > 0)
    w.from = std::max(w.from, zone.begin_of(stretch) + zone.offset(stretch - 1));
  if (policy == dst_policy::quartz && stretch + 1 < zone.stretches())
    w.to = std::min(w.to, zone.end_of(stretch) + zone.offset(stretch + 1));
  return w;
}

/// Whether a match falls into the gap before a stretch.
bool gap_matches(const cron_expression& expression, const zone_rules& zone,
                 size_t stretch) noexcept {
  const auto from = zone.begin_of(stretch) + zone.offset(stretch - 1);
  const auto to = zone.begin_of(stretch) + zone.offset(stretch);
  if (from >= to)
    return false;
  const auto match = expression.next_local(from);
  return match && *match < to;
}

}  // namespace

std::optional<unix_seconds> next_fire(const cron_expression& expression, const zone_rules& zone,
                                      dst_policy policy, unix_seconds after) noexcept {
  if (after >= civil::last_second + civil::day_seconds)
    return std::nullopt;
  const bool repeats = expression.repeats();
  auto stretch = zone.stretch_of(after);
  auto from = after + 1 + zone.offset(stretch);
  while (true) {
    const auto w = window_of(zone, stretch, policy, repeats);
    const auto match = expression.next_local(std::max(from, w.from));
    if (match && *match < w.to)
      return *match - zone.offset(stretch);
    // An expression without a match behind this stretch can only fire after an overlap, which shows
    // times that were before `from`: the next stretch. Without a match there, it never fires.
    if (++stretch >= zone.stretches())
      return std::nullopt;
    const auto begin = zone.begin_of(stretch);
    const auto local_begin = begin + zone.offset(stretch);
    if (!match && !expression.next_local(local_begin))
      return std::nullopt;
    if (policy == dst_policy::smart && gap_matches(expression, zone, stretch))
      return begin;
    from = local_begin;
    // Stretches that end well before the match have nothing to offer: skip them.
    if (const auto far = expression.next_local(local_begin))
      stretch = std::max(stretch, zone.stretch_of(*far - 2 * civil::day_seconds));
    from = zone.begin_of(stretch) + zone.offset(stretch);
  }
}

std::optional<unix_seconds> previous_fire(const cron_expression& expression, const zone_rules& zone,
                                          dst_policy policy, unix_seconds before) noexcept {
  if (before <= civil::first_second - civil::day_seconds)
    return std::nullopt;
  const bool repeats = expression.repeats();
  auto stretch = zone.stretch_of(before - 1);
  auto upto = before - 1 + zone.offset(stretch);
  while (true) {
    const auto w = window_of(zone, stretch, policy, repeats);
    const auto match = expression.previous_local(std::min(upto, w.to - 1));
    if (match && *match >= w.from)
      return *match - zone.offset(stretch);
    if (stretch == 0)
      return std::nullopt;
    if (policy == dst_policy::smart && gap_matches(expression, zone, stretch))
      return zone.begin_of(stretch);
    --stretch;
    upto = zone.end_of(stretch) + zone.offset(stretch) - 1;
    const auto far = expression.previous_local(upto);
    if (!far)
      return std::nullopt;
    stretch = std::min(stretch, zone.stretch_of(*far + 2 * civil::day_seconds));
    upto = zone.end_of(stretch) + zone.offset(stretch) - 1;
  }
}

}  // namespace orrery
