#include "app/topic_rules.hpp"

#include "domain/topics.hpp"

#include <gtest/gtest.h>

namespace orrery::app {
namespace {

const std::vector<std::string> some = {"reports", "ticks.*"};

TEST(topic_rules, let_schedules_publish_to_what_is_named_or_begins_so) {
  EXPECT_TRUE(check_topic(some, "", "reports"));
  EXPECT_TRUE(check_topic(some, "", "ticks.hourly"));
  EXPECT_EQ(check_topic(some, "", "reports2").error().code, errc::invalid);
  EXPECT_FALSE(check_topic(some, "", "tick"));
  EXPECT_FALSE(check_topic({}, "", "reports"));
  EXPECT_EQ(names_among(some), std::vector<std::string>{"reports"});
}

TEST(topic_rules, never_let_them_publish_to_our_own_topics_and_say_why) {
  for (const auto name : own_topics)
    for (const std::string prefix : {"", "shop-"}) {
      const auto refused = check_topic({"*"}, prefix, prefix + std::string(name));
      ASSERT_FALSE(refused) << name;
      EXPECT_NE(refused.error().detail.find("Orrery's own"), std::string::npos);
    }
  EXPECT_FALSE(check_topic({"*"}, "", "__consumer_offsets"));
  EXPECT_TRUE(check_topic({"*"}, "shop-", "other-order_topic"));
}

}  // namespace
}  // namespace orrery::app
