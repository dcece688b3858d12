#include "domain/cron/expression.hpp"

#include <gtest/gtest.h>

namespace orrery {
namespace {

/// The place of the fault in a text that must be refused.
std::string fault_of(std::string_view text) {
  const auto made = cron_expression::parse(text);
  EXPECT_FALSE(made) << text;
  return made ? "" : made.error().field;
}

TEST(cron_parse, accepts_the_whole_dialect_of_quartz) {
  for (const char* text : {"0 0 12 * * ?",
                           "0 15 10 ? * *",
                           "0 15 10 * * ? 2005",
                           "0 * 14 * * ?",
                           "0 0/5 14 * * ?",
                           "0 0/5 14,18 * * ?",
                           "0 0-5 14 * * ?",
                           "0 10,44 14 ? 3 WED",
                           "0 15 10 ? * MON-FRI",
                           "0 15 10 15 * ?",
                           "0 15 10 L * ?",
                           "0 15 10 L-2 * ?",
                           "0 15 10 ? * 6L",
                           "0 15 10 ? * 6L 2002-2005",
                           "0 15 10 ? * 6#3",
                           "0 0 12 1/5 * ?",
                           "0 11 11 11 11 ?",
                           "0 0 22-2 * * ?",
                           "0 0 0 ? NOV-FEB FRI-MON",
                           "0 0 0 LW * ?",
                           "0 0 0 L-3W * ?",
                           "0 0 0 1W,15W * ?",
                           "0 0 0 10,LW * ?",
                           "0 0 0 ? * L",
                           "0 0 0 ? * fril",
                           "0 0 0 ? jan mon#2",
                           "/10 */15 /2 */5 */3 ? */2",
                           "0 0 0 ? * 2-6/2",
                           "  0\t0 0 * * ?  "})
    EXPECT_TRUE(cron_expression::parse(text)) << text;
}

TEST(cron_parse, points_at_the_character_that_is_wrong) {
  EXPECT_EQ(fault_of("60 0 0 * * ?"), "character 1");
  EXPECT_EQ(fault_of("0 61 0 * * ?"), "character 3");
  EXPECT_EQ(fault_of("0 0 24 * * ?"), "character 5");
  EXPECT_EQ(fault_of("0 0 0 32 * ?"), "character 7");
  EXPECT_EQ(fault_of("0 0 0 0 * ?"), "character 7");
  EXPECT_EQ(fault_of("0 0 0 1 13 ?"), "character 9");
  EXPECT_EQ(fault_of("0 0 0 1 FOO ?"), "character 9");
  EXPECT_EQ(fault_of("0 0 0 ? * 8"), "character 11");
  EXPECT_EQ(fault_of("0 0 0 ? * 0"), "character 11");
  EXPECT_EQ(fault_of("0 0 0 ? * MON#6"), "character 15");
  EXPECT_EQ(fault_of("0 0 0 * * ? 1969"), "character 13");
  EXPECT_EQ(fault_of("0 0 0 * * ? 2200"), "character 13");
  EXPECT_EQ(fault_of("0 0 0 L-31 * ?"), "character 9");
  EXPECT_EQ(fault_of("0 0 0 1,,2 * ?"), "character 9");
  EXPECT_EQ(fault_of("0 0 0 1, * ?"), "character 9");
  EXPECT_EQ(fault_of("0 0 0 1- * ?"), "character 9");
  EXPECT_EQ(fault_of("0 0-99999 0 * * ?"), "character 5");
}

TEST(cron_parse, refuses_all_but_one_question_mark) {
  EXPECT_EQ(fault_of("0 0 0 * * *"), "character 11");
  EXPECT_EQ(fault_of("0 0 0 ? * ?"), "character 11");
  EXPECT_EQ(fault_of("0 0 0 ?,1 * MON"), "character 7");
  EXPECT_EQ(fault_of("? 0 0 * * ?"), "character 1");
  EXPECT_EQ(fault_of("0 0 0 1? * ?"), "character 8");
}

TEST(cron_parse, refuses_what_quartz_reads_over) {
  EXPECT_EQ(fault_of("5X 0 0 * * ?"), "character 2");
  EXPECT_EQ(fault_of("0 0 0 ? * MON-FRI/2"), "character 18");
  EXPECT_EQ(fault_of("0 0 0 ? * 2-6L"), "character 14");
  EXPECT_EQ(fault_of("0 0 0 ? L MON"), "character 9");
  EXPECT_EQ(fault_of("0 0 0 * * ? L"), "character 13");
  EXPECT_EQ(fault_of("0 0 0 ? * 2,6L"), "character 14");
  EXPECT_EQ(fault_of("0 0 0 ? * MON#1,MON#2"), "character 14");
  EXPECT_EQ(fault_of("0 0 0 5C * ?"), "character 8");
  EXPECT_EQ(fault_of("0 0 0 LW3 * ?"), "character 9");
  EXPECT_EQ(fault_of("0 0 0 W * ?"), "character 7");
}

TEST(cron_parse, refuses_steps_of_nothing_and_steps_beyond_the_field) {
  EXPECT_EQ(fault_of("*/0 0 0 * * ?"), "character 3");
  EXPECT_EQ(fault_of("5/0 0 0 * * ?"), "character 3");
  EXPECT_EQ(fault_of("*/60 0 0 * * ?"), "character 3");
  EXPECT_EQ(fault_of("0-30/60 0 0 * * ?"), "character 6");
  EXPECT_EQ(fault_of("0 0 */24 * * ?"), "character 7");
  EXPECT_EQ(fault_of("0 0 0 */32 * ?"), "character 9");
  EXPECT_EQ(fault_of("0 0 0 1 */13 ?"), "character 11");
  EXPECT_EQ(fault_of("0 0 0 ? * */8"), "character 13");
  EXPECT_EQ(fault_of("*/ 0 0 * * ?"), "character 3");
}

TEST(cron_parse, refuses_a_wrong_number_of_fields_and_backward_years) {
  EXPECT_EQ(fault_of(""), "character 1");
  EXPECT_EQ(fault_of("* * *"), "character 6");
  EXPECT_EQ(fault_of("0 0 0 * * ? 2020 1"), "character 18");
  EXPECT_EQ(fault_of("0 0 0 * * ? 2025-2020"), "character 18");
  EXPECT_EQ(fault_of(std::string(2000, '0')), "character 1025");
}

TEST(cron_parse, reads_unix_cron_and_its_shorthands) {
  for (const char* text :
       {"* * * * *", "*/5 0 1,15 * 0-5", "0 0 * * 7", "0 0 * jan-mar SUN", "@hourly", "@daily",
        "@weekly", "@monthly", "@yearly", "@annually", "@midnight", "0 22-2 * * 5-7"}) {
    const auto made = cron_expression::parse(text);
    ASSERT_TRUE(made) << text << ": " << made.error().detail;
    EXPECT_EQ(made->dialect(), cron_dialect::unix_cron);
  }
  EXPECT_EQ(fault_of("* * ? * *"), "character 5");
  EXPECT_EQ(fault_of("* * * * 8"), "character 9");
  EXPECT_EQ(fault_of("* * * * 5L"), "character 10");
  EXPECT_EQ(fault_of("* * L * *"), "character 5");
  EXPECT_EQ(fault_of("@reboot"), "character 1");
}

TEST(cron_parse, wraps_ranges_around) {
  const auto hours = cron_expression::parse("0 0 22-2 * * ?");
  EXPECT_EQ(hours->fields().hours, 1u << 22 | 1u << 23 | 1u << 0 | 1u << 1 | 1u << 2);
  const auto months = cron_expression::parse("0 0 0 1 NOV-FEB ?");
  EXPECT_EQ(months->fields().months, 1u << 11 | 1u << 12 | 1u << 1 | 1u << 2);
  const auto days = cron_expression::parse("0 0 0 ? * FRI-MON");
  EXPECT_EQ(days->fields().weekdays, 1u << 5 | 1u << 6 | 1u << 0 | 1u << 1);
  const auto of_month = cron_expression::parse("0 0 0 30-2 * ?");
  EXPECT_EQ(of_month->fields().days, 1u << 30 | 1u << 31 | 1u << 1 | 1u << 2);
}

}  // namespace
}  // namespace orrery
