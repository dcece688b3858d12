#include "domain/cron/describe.hpp"
#include "domain/cron/preview.hpp"

#include <gtest/gtest.h>

namespace orrery {
namespace {

std::string words(std::string_view text) {
  const auto rule = parse_fire_rule(text);
  EXPECT_TRUE(rule) << text << ": " << rule.error().detail;
  return rule ? describe(*rule) : "";
}

/// One hour forward at 02:00 on 2026-03-29, back at 03:00 on 2026-10-25, as in Warsaw.
shared_zone warsaw() {
  zone_rules made;
  made.name = "Warsaw";
  made.first_offset = 3600;
  made.changes = {{1774746000, 7200}, {1792890000, 3600}};
  return std::make_shared<const zone_rules>(made);
}

fire_times times_of(fire_times_spec spec) {
  auto made =
      fire_times::make(spec, [](std::string_view) { return result<shared_zone>(warsaw()); });
  EXPECT_TRUE(made) << made.error().field << ' ' << made.error().detail;
  return std::move(*made);
}

failure refusal_of(fire_times_spec spec) {
  auto made = fire_times::make(spec, [](std::string_view name) {
    return name == "Warsaw" ? result<shared_zone>(warsaw())
                            : failure{errc::not_found, "there is no such zone"};
  });
  EXPECT_FALSE(made);
  return made ? failure{} : made.error();
}

/// Local times of the first fires from a local time on.
std::vector<std::string> fires(const fire_times& times, std::string_view from, size_t count) {
  const auto at = parse_time(std::string(from) + "Z");
  const auto& zone = times.zone();
  const auto local = std::chrono::floor<std::chrono::seconds>(*at).time_since_epoch().count();
  std::vector<std::string> list;
  auto next = times.next(zone.from_local(local).first - 1);
  for (; next && list.size() < count; next = times.next(*next))
    list.push_back(format_zoned(*next, zone.offset_at(*next)));
  return list;
}

using list = std::vector<std::string>;

TEST(cron_words, say_what_an_expression_means) {
  EXPECT_EQ(words("0 15 10 ? * 6L"), "at 10:15 on the last Friday of every month");
  EXPECT_EQ(words("0 0 12 * * ?"), "at 12:00 every day");
  EXPECT_EQ(words("0 15 10 ? * MON-FRI"), "at 10:15 on Monday to Friday");
  EXPECT_EQ(words("0 0/5 * * * ?"), "every 5 minutes");
  EXPECT_EQ(words("0 0/5 14 * * ?"), "every 5 minutes of the hour 14h");
  EXPECT_EQ(words("* * * * * ?"), "every second");
  EXPECT_EQ(words("0 15 10 L-2 * ?"), "at 10:15 on 2 days before the last day of every month");
  EXPECT_EQ(words("0 15 10 LW JAN,JUN ?"), "at 10:15 on the last weekday of January and June");
  EXPECT_EQ(words("0 0 9 15W * ?"), "at 09:00 on the weekday nearest to the 15th of every month");
  EXPECT_EQ(words("0 15 10 ? * 6#3 2026-2028"),
            "at 10:15 on the third Friday of every month in 2026 to 2028");
  EXPECT_EQ(words("0 0 1,13 * *"), "at 00:00 on the 1st and the 13th of every month");
  EXPECT_EQ(words("0 0 13 * 5"), "at 00:00 on the 13th of every month, and on Friday");
  EXPECT_EQ(words("R5/2026-01-01T00:00:00Z/PT6H30M"), "every 6 hours and 30 minutes, 5 times");
  EXPECT_EQ(words("P1M"), "every month");
}

TEST(daylight_saving, smart_fires_once_at_the_end_of_a_gap_and_once_in_an_overlap) {
  const auto times = times_of({.expressions = {"0 30 2 * * ?"}});
  EXPECT_EQ(fires(times, "2026-03-28T00:00:00", 3),
            (list{"2026-03-28T02:30:00+01:00", "2026-03-29T03:00:00+02:00",
                  "2026-03-30T02:30:00+02:00"}));
  EXPECT_EQ(fires(times, "2026-10-25T00:00:00", 2),
            (list{"2026-10-25T02:30:00+02:00", "2026-10-26T02:30:00+01:00"}));
}

TEST(daylight_saving, smart_fires_what_repeats_through_both_hours) {
  const auto times = times_of({.expressions = {"0 0/30 * * * ?"}});
  EXPECT_EQ(
      fires(times, "2026-10-25T02:00:00", 5),
      (list{"2026-10-25T02:00:00+02:00", "2026-10-25T02:30:00+02:00", "2026-10-25T02:00:00+01:00",
            "2026-10-25T02:30:00+01:00", "2026-10-25T03:00:00+01:00"}));
}

TEST(daylight_saving, quartz_skips_a_gap_and_takes_the_second_of_two) {
  const auto times = times_of({.expressions = {"0 30 2 * * ?"}, .dst = dst_policy::quartz});
  EXPECT_EQ(fires(times, "2026-03-29T00:00:00", 1), (list{"2026-03-30T02:30:00+02:00"}));
  EXPECT_EQ(fires(times, "2026-10-25T00:00:00", 1), (list{"2026-10-25T02:30:00+01:00"}));
}

TEST(daylight_saving, literal_skips_a_gap_and_fires_twice_in_an_overlap) {
  const auto times = times_of({.expressions = {"0 30 2 * * ?"}, .dst = dst_policy::literal});
  EXPECT_EQ(fires(times, "2026-03-29T00:00:00", 1), (list{"2026-03-30T02:30:00+02:00"}));
  EXPECT_EQ(fires(times, "2026-10-25T00:00:00", 2),
            (list{"2026-10-25T02:30:00+02:00", "2026-10-25T02:30:00+01:00"}));
}

TEST(intervals, count_months_from_the_start_and_hours_in_elapsed_time) {
  const auto monthly = times_of({.expressions = {"R/2026-01-31T09:00/P1M"}});
  EXPECT_EQ(fires(monthly, "2026-01-01T00:00:00", 4),
            (list{"2026-01-31T09:00:00+01:00", "2026-02-28T09:00:00+01:00",
                  "2026-03-31T09:00:00+02:00", "2026-04-30T09:00:00+02:00"}));
  const auto elapsed = times_of({.expressions = {"R/2026-03-29T00:00/PT12H"}});
  EXPECT_EQ(fires(elapsed, "2026-03-29T00:00:00", 3),
            (list{"2026-03-29T00:00:00+01:00", "2026-03-29T13:00:00+02:00",
                  "2026-03-30T01:00:00+02:00"}));
  const auto counted = times_of({.expressions = {"R3/2026-01-01T00:00:00Z/PT1S"}});
  EXPECT_EQ(fires(counted, "2026-01-01T00:00:00", 9).size(), 3u);
  const auto back = times_of({.expressions = {"R2/PT10M/2026-01-01T01:00:00Z"}});
  EXPECT_EQ(fires(back, "2026-01-01T00:00:00", 9),
            (list{"2026-01-01T01:40:00+01:00", "2026-01-01T01:50:00+01:00"}));
}

TEST(intervals, point_at_what_is_wrong) {
  for (const auto& [text, place] :
       {std::pair{"R/2026-01-01T00:00:00Z", "character 23"},
        std::pair{"R0/2026-01-01T00:00:00Z/PT1H", "character 2"}, std::pair{"PT0S", "character 1"},
        std::pair{"PT0.5S", "character 4"}, std::pair{"P1H", "character 3"},
        std::pair{"R/2026-13-01T00:00:00Z/PT1H", "character 3"},
        std::pair{"R/2026-01-02T00:00Z/2026-01-01T00:00Z", "character 21"}}) {
    const auto made = parse_fire_rule(text);
    ASSERT_FALSE(made) << text;
    EXPECT_EQ(made.error().field, place) << text << ": " << made.error().detail;
  }
}

TEST(calendars, take_days_and_hours_away) {
  const auto working = times_of(
      {.expressions = {"0 0 9 * * ?", "0 0 23 * * ?"},
       .except = {"weekly:SAT,SUN", "holidays:2026-12-25", "annual:01-01", "daily:22:00-06:00"}});
  EXPECT_EQ(fires(working, "2026-12-24T00:00:00", 6),
            (list{"2026-12-24T09:00:00+01:00", "2026-12-28T09:00:00+01:00",
                  "2026-12-29T09:00:00+01:00", "2026-12-30T09:00:00+01:00",
                  "2026-12-31T09:00:00+01:00", "2027-01-04T09:00:00+01:00"}));
  const auto only = times_of({.expressions = {"0 0 * * * ?"}, .except = {"!cron:* * 8-9 ? * MON"}});
  EXPECT_EQ(fires(only, "2026-12-28T09:00:00", 2),
            (list{"2026-12-28T09:00:00+01:00", "2027-01-04T08:00:00+01:00"}));
}

TEST(calendars, that_leave_nothing_say_never_and_end) {
  for (const auto& except :
       {list{"weekly:SUN,MON,TUE,WED,THU,FRI,SAT"}, list{"daily:00:00-24:00"},
        list{"cron:* * * * * ?"}, list{"daily:00:00-12:00", "daily:12:00-24:00"},
        list{"cron:0/2 * * * * ?", "cron:1/2 * * * * ?"}}) {
    const auto times = times_of({.expressions = {"* * * * * ?"}, .except = except});
    EXPECT_EQ(times.next(1'800'000'000), std::nullopt) << except.front();
    EXPECT_EQ(times.previous(1'800'000'000), std::nullopt) << except.front();
  }
  EXPECT_EQ(times_of({.expressions = {"0 0 0 30 2 ?"}}).next(0), std::nullopt);
  EXPECT_EQ(times_of({.expressions = {"0 0 0 * * ? 2020"}}).next(1'800'000'000), std::nullopt);
}

TEST(fire_times, name_the_field_that_is_wrong) {
  EXPECT_EQ(refusal_of({.expressions = {}, .zone = "Warsaw"}).field, "expressions");
  EXPECT_EQ(refusal_of({.expressions = {"0 0 0 * * ?", "x"}, .zone = "Warsaw"}).field,
            "expressions[1]");
  EXPECT_EQ(refusal_of({.expressions = {"0 0 0 * * ?"}, .zone = "Mars/Olympus"}).field, "zone");
  EXPECT_EQ(refusal_of({.expressions = {"0 0 0 * * ?"}, .except = {"weekly:XYZ"}, .zone = "Warsaw"})
                .field,
            "except[0]");
  EXPECT_EQ(refusal_of({.expressions = {"0 0 0 * * ?"},
                        .zone = "Warsaw",
                        .start = from_micros(2'000'000),
                        .end = from_micros(1'000'000)})
                .field,
            "end");
}

TEST(fire_times, lie_between_start_and_end_with_both_of_them) {
  const auto times = times_of({.expressions = {"* * * * * ?"},
                               .start = from_micros(1'000'000'000),
                               .end = from_micros(1'002'000'000)});
  EXPECT_EQ(times.next(0), 1000);
  EXPECT_EQ(times.next(1001), 1002);
  EXPECT_EQ(times.next(1002), std::nullopt);
  EXPECT_EQ(times.previous(5000), 1002);
  EXPECT_EQ(times.previous(1000), std::nullopt);
}

TEST(fire_preview, marks_gaps_and_overlaps) {
  const auto times = times_of({.expressions = {"0 30 2 * * ?"}});
  const auto spring = preview(times, 1774652400, 1774652400 + 3 * 86400, 10);
  ASSERT_EQ(spring.fires.size(), 3u);
  EXPECT_EQ(spring.fires[1].note, fire_note::moved_out_of_gap);
  ASSERT_EQ(spring.changes.size(), 1u);
  EXPECT_TRUE(spring.changes[0].is_gap());
  ASSERT_EQ(spring.changes[0].skipped.size(), 1u);
  EXPECT_EQ(format_local(spring.changes[0].skipped[0]), "2026-03-29T02:30:00");
  const auto autumn = preview(times, 1792800000, 1792800000 + 2 * 86400, 10);
  ASSERT_EQ(autumn.changes.size(), 1u);
  EXPECT_FALSE(autumn.changes[0].is_gap());
  EXPECT_EQ(autumn.fires[1].note, fire_note::first_of_two);
}

}  // namespace
}  // namespace orrery
