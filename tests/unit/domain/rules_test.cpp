#include "domain/rules.hpp"

#include <gtest/gtest.h>
#include <random>

namespace orrery {
namespace {

TEST(token_bucket, never_gives_more_than_rate_and_burst_allow) {
  for (uint64_t seed = 1; seed <= 100; ++seed) {
    std::mt19937_64 chance(seed);
    const double rate = 0.5 + static_cast<double>(chance() % 200);
    const auto burst = static_cast<uint32_t>(chance() % 10);
    token_bucket bucket(rate, burst, burst > 0 ? burst : 1);
    duration now{};
    uint64_t taken = 0;
    for (int i = 0; i < 2000; ++i) {
      now += duration{static_cast<int64_t>(chance() % 30'000)};
      taken += bucket.take(1 + static_cast<uint32_t>(chance() % 3), now);
      const double most = std::max(1U, burst) + rate * static_cast<double>(now.count()) / 1e6;
      ASSERT_LE(static_cast<double>(taken), most + 1e-6) << "seed " << seed;
    }
    // And, asked often enough, not much less.
    token_bucket busy(rate, burst, 0);
    uint64_t got = 0;
    duration at{};
    for (; at < 20s; at += 1ms)
      got += busy.take(1000, at);
    EXPECT_GE(static_cast<double>(got) + 1.5, rate * 20 * 0.99) << "seed " << seed;
  }
}

TEST(token_bucket, says_when_the_next_one_comes) {
  token_bucket bucket(2, 1, 0);
  EXPECT_EQ(bucket.next(0us), 500ms);
  EXPECT_EQ(bucket.take(1, 499ms), 0u);
  EXPECT_EQ(bucket.take(1, 500ms), 1u);
  EXPECT_EQ(token_bucket().next(1s), duration::max());
}

TEST(work_rules, name_what_holds_a_task) {
  work_rule queue;
  queue.name = "mail";
  queue.paused = true;
  queue.note = "the server moves";
  work_rule kind;
  kind.scope = rule_scope::kind;
  kind.name = "email";
  kind.draining = true;
  const work_rules rules({queue, kind});
  EXPECT_EQ(rules.pause_of("mail", "email"), "queue mail is paused: the server moves");
  EXPECT_EQ(rules.pause_of("other", "email"), "");
  EXPECT_EQ(rules.drain_of("other", "email"), "kind email takes nothing new");
  EXPECT_EQ(rules.of_queue("email"), nullptr);
}

TEST(work_rules, a_rule_that_means_nothing_is_refused) {
  work_rule rule;
  rule.name = "q";
  EXPECT_TRUE(validate(rule));
  rule.whole.rate = -1;
  EXPECT_EQ(validate(rule).error().field, "rate");
  rule.whole = {.burst = 3};
  EXPECT_EQ(validate(rule).error().field, "burst");
  rule.whole = {};
  rule.strategy = on_limit::cancel_new;
  EXPECT_EQ(validate(rule).error().field, "strategy");
  rule.each_key.concurrency = 1;
  EXPECT_TRUE(validate(rule));
  rule.scope = rule_scope::kind;
  EXPECT_FALSE(validate(rule));
  rule.name.clear();
  EXPECT_EQ(validate(rule).error().field, "name");
}

}  // namespace
}  // namespace orrery
