#include "tests/sim/auditor.hpp"
#include "tests/support/expect_log.hpp"

#include <gtest/gtest.h>

namespace orrery::sim {

class simulation : public ::testing::Test {
protected:
  simulation() { test::allow_log_error(""); }

  static verdict run(uint64_t seed) {
    world one(options_of(seed));
    auto outcome = one.run();
    for (const auto& what : outcome.violations)
      ADD_FAILURE() << "seed " << seed << ": " << what;
    return outcome;
  }
};

TEST_F(simulation, nothing_is_lost_or_done_twice_whatever_happens) {
  uint64_t faults = 0;
  for (uint64_t seed = 1; seed <= 200 && !HasFailure(); ++seed)
    for (const auto& [fault, count] : run(seed).faults)
      faults += count;
  EXPECT_GT(faults, 0u);
}

TEST_F(simulation, a_planted_mistake_is_found_within_fifty_seeds) {
  for (auto planted = 1; planted <= static_cast<int>(mistake::outbox_without_order); ++planted) {
    uint64_t seed = 0;
    for (bool found = false; !found && seed <= 50;) {
      auto how = options_of(++seed);
      how.planted = static_cast<mistake>(planted);
      how.commit_failed = how.commit_unknown = 100;
      world one(how);
      found = !one.run().violations.empty();
    }
    EXPECT_LE(seed, 50u) << "mistake " << planted;
    std::printf("mistake %d was found by seed %d\n", planted, static_cast<int>(seed));
  }
}

TEST_F(simulation, the_same_seed_is_the_same_run) {
  for (uint64_t seed = 1000; seed < 1010; ++seed) {
    const auto first = run(seed);
    const auto second = run(seed);
    EXPECT_EQ(first.hash, second.hash);
    EXPECT_EQ(first.steps, second.steps);
  }
  EXPECT_NE(run(1000).hash, run(1001).hash);
}

}  // namespace orrery::sim
