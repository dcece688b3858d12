#include "domain/cron/preview.hpp"

#include <algorithm>
#include <cstdio>

namespace orrery {

std::string_view to_string(fire_note note) noexcept {
  switch (note) {
    case fire_note::none: break;
    case fire_note::moved_out_of_gap: return "moved out of a gap";
    case fire_note::first_of_two: return "first of two";
    case fire_note::second_of_two: return "second of two";
  }
  return "";
}

previewed_fire annotate(const fire_times& times, unix_seconds at) {
  const auto& zone = times.zone();
  const auto stretch = zone.stretch_of(at);
  previewed_fire made{at, zone.offset(stretch), fire_note::none};
  const auto local = at + made.offset;
  if (stretch > 0 && at == zone.begin_of(stretch) && made.offset > zone.offset(stretch - 1)) {
    const auto gap_begin = made.at + zone.offset(stretch - 1);
    bool shown = false;
    bool in_gap = false;
    for (const auto& rule : times.rules())
      if (const auto* expression = std::get_if<cron_expression>(&rule); expression != nullptr) {
        shown |= expression->matches(local);
        in_gap |= expression->next_local(gap_begin).value_or(local) < local;
      } else {
        shown |= std::get<iso_interval>(rule).next(zone, dst_policy::literal, at - 1) == at;
      }
    if (in_gap && !shown)
      made.note = fire_note::moved_out_of_gap;
    return made;
  }
  const auto shown = zone.from_local(local);
  if (shown.count > 1)
    made.note = at == shown.first ? fire_note::first_of_two : fire_note::second_of_two;
  return made;
}

namespace {

clock_change change_at(const fire_times& times, size_t stretch) {
  const auto& zone = times.zone();
  clock_change made{zone.begin_of(stretch), zone.offset(stretch - 1), zone.offset(stretch), {}};
  const auto gap_end = made.at + made.to_offset;
  for (const auto& rule : times.rules()) {
    const auto* expression = std::get_if<cron_expression>(&rule);
    if (expression == nullptr)
      continue;
    for (auto local = made.at + made.from_offset;
         local < gap_end && made.skipped.size() < fire_preview::skipped_max; ++local) {
      const auto match = expression->next_local(local);
      if (!match || *match >= gap_end)
        break;
      made.skipped.push_back(*match);
      local = *match;
    }
  }
  std::sort(made.skipped.begin(), made.skipped.end());
  return made;
}

}  // namespace

fire_preview preview(const fire_times& times, unix_seconds from, unix_seconds to, size_t limit) {
  constexpr size_t changes_max = 1000;
  fire_preview made;
  auto seen_to = to;
  for (auto at = times.next(from - 1); at && *at < to; at = times.next(*at)) {
    if (made.fires.size() == limit) {
      made.complete = false;
      seen_to = *at;
      break;
    }
    made.fires.push_back(annotate(times, *at));
  }
  const auto& zone = times.zone();
  for (auto stretch = zone.stretch_of(from) + 1;
       stretch < zone.stretches() && zone.begin_of(stretch) <= seen_to &&
       made.changes.size() < changes_max;
       ++stretch)
    if (zone.begin_of(stretch) < to)
      made.changes.push_back(change_at(times, stretch));
  return made;
}

std::string format_local(local_seconds at) {
  const auto day = civil::day_of(at);
  const auto date = civil::date_of(day);
  const auto time = at - day * civil::day_seconds;
  char text[64];
  std::snprintf(text, sizeof text, "%04d-%02u-%02uT%02d:%02d:%02d", date.year, date.month, date.day,
                static_cast<int>(time / 3600), static_cast<int>(time / 60 % 60),
                static_cast<int>(time % 60));
  return text;
}

std::string format_zoned(unix_seconds at, int32_t offset) {
  auto text = format_local(at + offset);
  if (offset == 0)
    return text + "Z";
  const int size = offset < 0 ? -offset : offset;
  char tail[32];
  std::snprintf(tail, sizeof tail, "%c%02d:%02d", offset < 0 ? '-' : '+', size / 3600,
                size / 60 % 60);
  text += tail;
  if (size % 60 != 0) {  // local mean time, before there were zones
    std::snprintf(tail, sizeof tail, ":%02d", size % 60);
    text += tail;
  }
  return text;
}

}  // namespace orrery
