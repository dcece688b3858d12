#include "base/clock.hpp"

#include <gtest/gtest.h>

namespace orrery::test {

using namespace std::chrono_literals;

class judged_time : public ::testing::Test {
protected:
  judged_clock::reading at{time_point(1'000'000s), std::chrono::steady_clock::time_point(50s)};
  judged_clock one{[this] { return at; }};

  void pass(std::chrono::microseconds time) {
    at.wall += time;
    at.steady += time;
  }
};

TEST_F(judged_time, is_the_machines_as_long_as_nobody_sets_it) {
  pass(10s);
  EXPECT_EQ(one.now(), at.wall);
  at.wall += 400ms;  // corrected a little
  EXPECT_EQ(one.now(), at.wall);
  at.wall -= 300ms;
  EXPECT_EQ(one.now(), at.wall);
}

TEST_F(judged_time, goes_on_where_the_machines_clock_leaps_until_it_is_judged) {
  one.judge(at.wall);
  EXPECT_FALSE(one.wants_judge());
  for (const auto leap : {2h, -2h}) {
    const auto right = at.wall;
    at.wall += leap;
    EXPECT_EQ(one.now(), right);
    EXPECT_TRUE(one.wants_judge());
    pass(3s);
    EXPECT_EQ(one.now(), right + 3s);
    one.judge(right + 3s + 20ms);
    EXPECT_EQ(one.now(), right + 3s) << "who is right is not corrected";
    at.wall -= leap;
    EXPECT_EQ(one.now(), at.wall);
  }
}

TEST_F(judged_time, follows_a_leap_that_is_right) {
  at.wall += 90s;  // it had been slow all the time, and was set right
  EXPECT_EQ(one.now(), at.wall - 90s);
  one.judge(at.wall + 100ms);
  EXPECT_FALSE(one.wants_judge());
  EXPECT_EQ(one.now(), at.wall);
}

TEST_F(judged_time, is_the_arbiters_where_the_node_began_with_a_wrong_clock) {
  const auto right = at.wall - 2h;
  one.judge(right);
  EXPECT_EQ(one.now(), right);
  EXPECT_TRUE(one.wants_judge()) << "the machine's is still wrong";
  pass(5s);
  EXPECT_EQ(one.now(), right + 5s);
  at.wall -= 2h;  // set right
  EXPECT_EQ(one.now(), right + 5s);
  pass(1s);
  EXPECT_EQ(one.now(), at.wall);
}

}  // namespace orrery::test
