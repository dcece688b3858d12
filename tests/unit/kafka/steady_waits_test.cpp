#include "bridge/kafka/steady_waits.hpp"

#include <chrono>
#include <ctime>
#include <gtest/gtest.h>
#include <thread>
#include <threads.h>

namespace orrery::kafka {
namespace {

using namespace std::chrono_literals;

/// What the client library waits with: the function the program puts in the place of the C library's.
class steady_waits : public ::testing::Test {
protected:
  steady_waits() {
    wait_by_the_steady_clock();
    mtx_init(&mutex_, mtx_plain);
    cnd_init(&condition_);
    mtx_lock(&mutex_);
  }
  ~steady_waits() override {
    mtx_unlock(&mutex_);
    cnd_destroy(&condition_);
    mtx_destroy(&mutex_);
  }

  int wait_until(std::chrono::nanoseconds from_now) {
    timespec until{};
    timespec_get(&until, TIME_UTC);
    const auto instant =
        std::chrono::seconds(until.tv_sec) + std::chrono::nanoseconds(until.tv_nsec) + from_now;
    until.tv_sec = std::chrono::duration_cast<std::chrono::seconds>(instant).count();
    until.tv_nsec = (instant % 1s).count();
    return cnd_timedwait(&condition_, &mutex_, &until);
  }

  mtx_t mutex_{};
  cnd_t condition_{};
};

TEST_F(steady_waits, end_at_their_time_and_not_before) {
  const auto began = std::chrono::steady_clock::now();
  EXPECT_EQ(wait_until(50ms), thrd_timedout);
  EXPECT_GE(std::chrono::steady_clock::now() - began, 49ms);
}

TEST_F(steady_waits, are_over_where_their_instant_is_past) {
  EXPECT_EQ(wait_until(0ms), thrd_timedout);
  EXPECT_EQ(wait_until(-2h), thrd_timedout);
}

TEST_F(steady_waits, are_over_where_only_a_clock_set_back_can_have_left_their_instant) {
  EXPECT_EQ(wait_until(2h), thrd_timedout);
}

TEST_F(steady_waits, are_woken) {
  bool told = false;
  std::jthread other([&] {
    mtx_lock(&mutex_);
    told = true;
    cnd_signal(&condition_);
    mtx_unlock(&mutex_);
  });
  while (!told)
    EXPECT_EQ(wait_until(60s), thrd_success);
}

}  // namespace
}  // namespace orrery::kafka
