#include "base/time.hpp"

#include <gtest/gtest.h>
#include <limits>
#include <rapidcheck/gtest.h>

namespace orrery {

namespace {

constexpr int64_t micros_of_year_10000 = 253'402'300'800'000'000;

time_point at(std::string_view text) { return parse_time(text).value(); }

}  // namespace

TEST(time, is_written_as_rfc_3339_with_microseconds) {
  EXPECT_EQ(format_time(from_micros(0)), "1970-01-01T00:00:00.000000Z");
  EXPECT_EQ(format_time(from_micros(1'795'256'100'000'001)), "2026-11-21T10:15:00.000001Z");
  EXPECT_EQ(format_time(from_micros(micros_of_year_10000 - 1)), "9999-12-31T23:59:59.999999Z");
}

TEST(time, before_1970_counts_back_from_the_day) {
  EXPECT_EQ(format_time(from_micros(-1)), "1969-12-31T23:59:59.999999Z");
}

TEST(time, beyond_four_digit_years_is_shown_as_the_nearest_that_has_them) {
  EXPECT_EQ(format_time(from_micros(micros_of_year_10000)), "9999-12-31T23:59:59.999999Z");
  EXPECT_EQ(format_time(time_point::max()), "9999-12-31T23:59:59.999999Z");
  EXPECT_EQ(format_time(time_point::min()), "0000-01-01T00:00:00.000000Z");
}

TEST(time, is_read_with_any_offset) {
  const auto noon = at("2026-11-21T12:00:00Z");
  for (const char* text :
       {"2026-11-21T12:00:00z", "2026-11-21t12:00:00Z", "2026-11-21 12:00:00Z",
        "2026-11-21T13:30:00+01:30", "2026-11-21T00:00:00-12:00", "2026-11-22T11:59:00+23:59",
        "2026-11-21T12:00:00.0Z", "2026-11-21T12:00:00.000000999Z"})
    EXPECT_EQ(at(text), noon) << text;
}

TEST(time, fraction_is_cut_to_microseconds) {
  EXPECT_EQ(at("2026-11-21T12:00:00.5Z") - at("2026-11-21T12:00:00Z"), 500ms);
  EXPECT_EQ(at("2026-11-21T12:00:00.123456789Z") - at("2026-11-21T12:00:00Z"), 123'456us);
}

TEST(time, leap_second_is_the_following_second) {
  EXPECT_EQ(at("2016-12-31T23:59:60Z"), at("2017-01-01T00:00:00Z"));
}

TEST(time, knows_leap_years) {
  EXPECT_TRUE(parse_time("2024-02-29T00:00:00Z"));
  EXPECT_TRUE(parse_time("2000-02-29T00:00:00Z"));
  EXPECT_FALSE(parse_time("2100-02-29T00:00:00Z"));
  EXPECT_FALSE(parse_time("2023-02-29T00:00:00Z"));
}

TEST(time, refuses_what_is_none) {
  for (const char* text : {"",
                           "2026",
                           "2026-11-21",
                           "2026-11-21T10:15:00",
                           "2026-11-21T10:15:00.Z",
                           "2026-11-21T10:15:00.1234567890Z",
                           "2026-11-21T24:00:00Z",
                           "2026-11-21T10:60:00Z",
                           "2026-11-21T10:15:61Z",
                           "2026-13-01T10:15:00Z",
                           "2026-00-01T10:15:00Z",
                           "2026-11-31T10:15:00Z",
                           "2026-11-00T10:15:00Z",
                           "2026-11-21T10:15:00+1:00",
                           "2026-11-21T10:15:00+01",
                           "2026-11-21T10:15:00+24:00",
                           "2026-11-21T10:15:00Zx",
                           "2026-11-21T10:15:00 Z",
                           "20261121T101500Z00000",
                           "1969-12-31T23:59:59Z",
                           "1970-01-01T00:00:00+00:01",
                           "-2026-11-21T10:15:00Z",
                           "2026-11-21T10:15:0\xd9\xa1Z"})
    EXPECT_FALSE(parse_time(text)) << text;
}

TEST(time, failure_says_what_was_given_and_what_was_expected) {
  const auto read = parse_time("yesterday");
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, errc::invalid);
  EXPECT_NE(read.error().detail.find("yesterday"), std::string::npos);
}

RC_GTEST_PROP(time, reads_back_every_instant_it_writes, ()) {
  const auto instant = from_micros(*rc::gen::inRange<int64_t>(0, micros_of_year_10000));
  const auto text = format_time(instant);
  RC_ASSERT(text.size() == 27u);
  RC_ASSERT(parse_time(text).value() == instant);
}

RC_GTEST_PROP(time, text_sorts_as_the_instants_do, ()) {
  const auto a = from_micros(*rc::gen::inRange<int64_t>(0, micros_of_year_10000));
  const auto b = from_micros(*rc::gen::inRange<int64_t>(0, micros_of_year_10000));
  RC_ASSERT((a < b) == (format_time(a) < format_time(b)));
}

RC_GTEST_PROP(time, never_trips_over_any_text, (const std::string& text)) {
  if (const auto read = parse_time(text))
    RC_ASSERT(micros(*read) >= 0);
}

TEST(duration, is_written_as_iso_8601) {
  EXPECT_EQ(format_duration(0us), "PT0S");
  EXPECT_EQ(format_duration(30s), "PT30S");
  EXPECT_EQ(format_duration(90min), "PT1H30M");
  EXPECT_EQ(format_duration(250ms), "PT0.25S");
  EXPECT_EQ(format_duration(1us), "PT0.000001S");
  EXPECT_EQ(format_duration(51h), "P2DT3H");
  EXPECT_EQ(format_duration(48h), "P2D");
  EXPECT_EQ(format_duration(-5s), "-PT5S");
}

TEST(duration, longest_ones_are_written_too) {
  EXPECT_EQ(format_duration(duration::max()), "P106751991DT4H54.775807S");
  EXPECT_EQ(format_duration(duration::min()), "-P106751991DT4H54.775808S");
}

TEST(duration, is_read_in_both_forms) {
  const std::vector<std::pair<const char*, duration>> cases = {
      {"PT30S", 30s},        {"30s", 30s},          {"PT1H30M", 90min}, {"1h30m", 90min},
      {"P1W", 168h},         {"P1WT1S", 168h + 1s}, {"P2DT3H", 51h},    {"2d", 48h},
      {"PT0.25S", 250ms},    {"PT0,25S", 250ms},    {"250ms", 250ms},   {"7us", 7us},
      {"PT0.0000019S", 1us}, {"1.5h", 90min},       {"PT1.5M", 90s},    {"0s", 0us},
      {"PT36H", 36h},        {"P0D", 0us}};
  for (const auto& [text, length] : cases) {
    const auto read = parse_duration(text);
    ASSERT_TRUE(read) << text;
    EXPECT_EQ(*read, length) << text;
  }
}

TEST(duration, refuses_what_is_none) {
  for (const char* text : {"",
                           "P",
                           "PT",
                           "30",
                           "s",
                           "-5s",
                           "-PT5S",
                           "+5s",
                           "PT5",
                           "P5",
                           "5 s",
                           " 5s",
                           "5s ",
                           "P1Y",
                           "P1M",
                           "PT1D",
                           "P1S",
                           "P1DT",
                           "PT1S1M",
                           "PT1S1S",
                           "PT1M1H",
                           "pt5s",
                           "5S",
                           "5x",
                           "5sec",
                           "1e3s",
                           "NaNs",
                           "PT.5S",
                           "PT5.S",
                           "99999999999999999999s",
                           "P999999999999999D",
                           "PTT5S",
                           "0x5s"})
    EXPECT_FALSE(parse_duration(text)) << text;
  EXPECT_FALSE(parse_duration(std::string(65, '1')));
}

RC_GTEST_PROP(duration, reads_back_every_length_it_writes, ()) {
  const auto length = duration{*rc::gen::inRange<int64_t>(0, std::numeric_limits<int64_t>::max())};
  RC_ASSERT(parse_duration(format_duration(length)).value() == length);
}

RC_GTEST_PROP(duration, never_trips_over_any_text, (const std::string& text)) {
  for (const auto& tried : {text, "P" + text, "PT" + text, text + "s"})
    if (const auto read = parse_duration(tried))
      RC_ASSERT(*read >= 0us);
}

}  // namespace orrery
