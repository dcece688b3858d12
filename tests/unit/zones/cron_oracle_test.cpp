/// Expressions against the slow truth, on random expressions, times, zones and policies.
///
/// `ORRERY_CRON_CASES` and `ORRERY_CRON_SEED` set how many cases and which; the full million of
/// docs/schedules.md is `ORRERY_CRON_CASES=1000000`.

#include "domain/cron/fire_times.hpp"
#include "tests/unit/zones/cron_oracle.hpp"
#include "tests/unit/zones/random_cron.hpp"
#include "zones/zone_files.hpp"

#include <cstdlib>
#include <gtest/gtest.h>

namespace orrery {
namespace {

constexpr const char* zones[] = {
    "UTC",           "America/New_York",  "Europe/Warsaw",    "Australia/Lord_Howe",
    "Africa/Cairo",  "America/Santiago",  "Antarctica/Troll", "Africa/Casablanca",
    "Asia/Kolkata",  "America/St_Johns",  "Pacific/Apia",     "America/Havana",
    "Europe/Dublin", "America/Sao_Paulo", "Asia/Tehran",      "America/Nuuk"};

uint64_t number_of(const char* name, uint64_t other) {
  const char* text = std::getenv(name);
  return text == nullptr ? other : std::strtoull(text, nullptr, 10);
}

/// Often just around a change of the clocks, else anywhere.
unix_seconds random_instant(oracle::random_cron& dice, const zone_rules& zone) {
  if (!zone.changes.empty() && dice.number(0, 99) < 60) {
    const auto& change = zone.changes[static_cast<size_t>(
        dice.number(0, static_cast<int64_t>(zone.changes.size()) - 1))];
    if (change.at > 0)
      return change.at + dice.number(-90'000, 90'000);
  }
  return dice.number(0, civil::last_second - 40 * civil::day_seconds);
}

TEST(cron_oracle, agrees_on_random_expressions_times_and_zones) {
  zone_files files;
  const auto cases = number_of("ORRERY_CRON_CASES", 2'000);
  const auto seed = number_of("ORRERY_CRON_SEED", 1);
  constexpr auto horizon = 40 * civil::day_seconds;
  oracle::random_cron dice(seed);
  uint64_t found_some = 0;
  for (uint64_t i = 0; i < cases; ++i) {
    const auto text = dice.expression();
    const auto zone = files.find(zones[dice.number(0, std::size(zones) - 1)]);
    ASSERT_TRUE(zone) << zone.error().detail;
    const auto policy = static_cast<dst_policy>(dice.number(0, 2));
    const auto made = cron_expression::parse(text);
    ASSERT_TRUE(made) << text << ": " << made.error().detail;
    const auto after = random_instant(dice, **zone);
    const auto naive = oracle::naive_cron::read(text);
    const auto expected = oracle::next(naive, **zone, policy, after, after + horizon);
    auto found = next_fire(*made, **zone, policy, after);
    if (found && *found > after + horizon)
      found = std::nullopt;
    ASSERT_EQ(found, expected) << "seed " << seed << " case " << i << ": \"" << text << "\" in "
                               << (*zone)->name << ' ' << to_string(policy) << " after " << after;
    if (!expected)
      continue;
    ++found_some;
    // Nothing lies between the two, so seen from behind the fire the one before it is not after `after`.
    ASSERT_EQ(previous_fire(*made, **zone, policy, *expected + 1), expected) << text;
    const auto before = previous_fire(*made, **zone, policy, *expected);
    ASSERT_TRUE(!before || *before <= after) << text << " after " << after;
    if (before) {
      ASSERT_EQ(next_fire(*made, **zone, policy, *before), expected) << text;
    }
  }
  RecordProperty("cases", static_cast<int>(cases));
  EXPECT_GT(found_some, cases / 2);
}

}  // namespace
}  // namespace orrery
