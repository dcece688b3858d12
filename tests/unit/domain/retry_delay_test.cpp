#include "tests/unit/domain/driver.hpp"

#include <algorithm>

namespace orrery {

using test::test_id;

TEST(retry_delay, follows_the_kind_up_to_its_maximum) {
  retry_policy p;
  p.jitter = 0;
  p.initial = 2s;
  p.factor = 3;
  p.max = 20s;
  const auto delays = [&] {
    std::vector<duration> list;
    for (uint32_t attempt = 1; attempt <= 4; ++attempt)
      list.push_back(retry_delay(p, test_id, {1, attempt}));
    return list;
  };
  EXPECT_EQ(delays(), (std::vector<duration>{2s, 6s, 18s, 20s}));
  p.kind = backoff_kind::linear;
  EXPECT_EQ(delays(), (std::vector<duration>{2s, 4s, 6s, 8s}));
  p.kind = backoff_kind::fixed;
  EXPECT_EQ(delays(), (std::vector<duration>{2s, 2s, 2s, 2s}));
}

TEST(retry_delay, spreads_by_the_jitter_and_is_the_same_each_time) {
  retry_policy p;
  p.kind = backoff_kind::fixed;
  p.initial = 100s;
  p.jitter = 0.5;
  auto least = duration::max();
  auto most = duration::zero();
  for (uint32_t attempt = 1; attempt <= 200; ++attempt) {
    const auto delay = retry_delay(p, test_id, {1, attempt});
    EXPECT_EQ(delay, retry_delay(p, test_id, {1, attempt}));
    least = std::min(least, delay);
    most = std::max(most, delay);
  }
  EXPECT_GE(least, 50s);
  EXPECT_LT(least, 60s);
  EXPECT_LE(most, 150s);
  EXPECT_GT(most, 140s);
}

TEST(retry_delay, stays_at_its_maximum_where_the_power_overflows) {
  retry_policy p;
  p.factor = 100;
  p.jitter = 0;
  EXPECT_EQ(retry_delay(p, test_id, {1, 1000}), p.max);
}

}  // namespace orrery
