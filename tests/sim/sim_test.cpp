#include "tests/sim/auditor.hpp"
#include "tests/support/expect_log.hpp"

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdio>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

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

/// Later seeds that once were red, each by another fault of the product.
TEST_F(simulation, seeds_that_found_something_stay_clean) {
  for (const uint64_t seed : {398u, 679u, 1505u, 1587u, 1883u, 2038u, 3690u, 3960u, 4063u, 6663u})
    run(seed);
}

/// Each in a process of its own: some mistakes are found by a CHECK of the product itself.
class planted : public ::testing::TestWithParam<int> {
protected:
  /// The first seed whose run is not clean; 0 where none was found.
  static uint64_t found_by(mistake which, uint64_t seeds) {
    std::array<int, 2> line{};
    EXPECT_EQ(::pipe(line.data()), 0);
    const auto child = ::fork();
    if (child == 0) {
      std::ignore = ::freopen("/dev/null", "w", stderr);
      ::_exit(run_until_found(which, seeds, line[1]) ? 0 : 1);
    }
    ::close(line[1]);
    uint64_t seed = 0;
    for (uint64_t next = 0; ::read(line[0], &next, sizeof next) == sizeof next;)
      seed = next;
    ::close(line[0]);
    int status = 0;
    ::waitpid(child, &status, 0);
    const bool found = WIFSIGNALED(status) ? WTERMSIG(status) == SIGABRT : WEXITSTATUS(status) == 0;
    return found ? seed : 0;
  }

private:
  static bool run_until_found(mistake which, uint64_t seeds, int line) {
    for (uint64_t seed = 1; seed <= seeds; ++seed) {
      if (::write(line, &seed, sizeof seed) != sizeof seed)
        return false;
      auto how = options_of(seed);
      how.planted = which;
      world one(how);
      if (!one.run().violations.empty())
        return true;
    }
    return false;
  }
};

TEST_P(planted, mistake_is_found_within_fifty_seeds) {
  const auto which = static_cast<mistake>(GetParam());
  const auto seed = found_by(which, 50);
  EXPECT_NE(seed, 0u) << to_string(which);
  std::printf("\"%s\" was found by seed %d\n", to_string(which).c_str(), static_cast<int>(seed));
}

INSTANTIATE_TEST_SUITE_P(each, planted, ::testing::Range(1, mistakes + 1), [](const auto& one) {
  auto name = to_string(static_cast<mistake>(one.param));
  std::replace_if(
      name.begin(), name.end(), [](char c) { return c == ' ' || c == ','; }, '_');
  return name;
});

TEST_F(simulation, an_unknown_outcome_that_is_tried_again_without_reading_back_does_no_harm) {
  for (uint64_t seed = 1; seed <= 50 && !HasFailure(); ++seed) {
    auto how = options_of(seed);
    how.planted = mistake::unknown_is_failed;
    world one(how);
    EXPECT_EQ(one.run().violations, std::vector<std::string>{}) << "seed " << seed;
  }
}

TEST_F(simulation, a_run_without_a_fault_is_not_taken_for_a_proof) {
  auto how = options_of(1);
  how.calm = true;
  world one(how);
  const auto outcome = one.run();
  ASSERT_EQ(outcome.violations.size(), 1u);
  EXPECT_EQ(outcome.violations.front(), "no fault happened: the run says nothing");
}

TEST_F(simulation, a_run_in_which_most_operations_failed_is_not_taken_for_a_proof) {
  auto how = options_of(1);
  how.log_fails = 1000;
  how.length = 2min;  // so long that each client gives up
  world one(how);
  const auto outcome = one.run();
  ASSERT_FALSE(outcome.violations.empty());
  EXPECT_TRUE(outcome.violations.front().starts_with("most operations failed"));
}

TEST_F(simulation, the_same_seed_is_the_same_run) {
  for (uint64_t seed = 1000; seed < 1010; ++seed) {
    const auto first = run(seed);
    const auto second = run(seed);
    EXPECT_EQ(first.hash, second.hash);
    EXPECT_EQ(first.steps, second.steps);
  }
  std::string traces[2];
  for (auto& trace : traces) {
    world one(options_of(1000));
    one.keep_all();
    (void)one.run();
    for (const auto& line : one.trace())
      trace += line + '\n';
  }
  EXPECT_EQ(traces[0], traces[1]);
  EXPECT_NE(run(1000).hash, run(1001).hash);
}

}  // namespace orrery::sim
