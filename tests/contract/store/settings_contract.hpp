#pragma once
/// What every settings store promises; runs against each adapter.

#include "domain/ports/settings.hpp"

#include <gtest/gtest.h>

namespace orrery::test {

inline void keeps_what_settings_promise(settings_source& source) {
  const auto one = source.open_settings();
  const auto other = source.open_settings();
  ASSERT_TRUE(one->all(""));
  EXPECT_TRUE(one->all("")->empty());
  EXPECT_EQ(one->put("rule/queue/a", "1", 0).value(), 1u);
  EXPECT_EQ(one->put("rule/queue/b", "x", 0).value(), 1u);
  EXPECT_EQ(one->put("other/a", "y", 0).value(), 1u);
  const auto rules = other->all("rule/");
  ASSERT_TRUE(rules);
  EXPECT_EQ(*rules, (std::vector<setting_row>{{"rule/queue/a", "1", 1}, {"rule/queue/b", "x", 1}}));
  // Whoever has not seen the last change is told so, and nothing is lost.
  EXPECT_EQ(other->put("rule/queue/a", "2", 1).value(), 2u);
  EXPECT_EQ(one->put("rule/queue/a", "3", 1).error().code, errc::conflict);
  EXPECT_EQ(one->put("rule/queue/a", "3", 0).error().code, errc::conflict);
  EXPECT_EQ(one->put("new", "3", 7).error().code, errc::conflict);
  EXPECT_EQ(one->all("rule/queue/a")->front(), (setting_row{"rule/queue/a", "2", 2}));
}

}  // namespace orrery::test
