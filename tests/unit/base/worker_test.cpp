#include "base/worker.hpp"

#include <atomic>
#include <gtest/gtest.h>
#include <semaphore>

namespace orrery {

TEST(worker, runs_jobs_of_one_thread_in_their_order) {
  std::vector<int> seen;
  {
    worker one("test", 100);
    for (int i = 0; i < 50; ++i)
      EXPECT_TRUE(one.submit([&seen, i] { seen.push_back(i); }));
  }
  ASSERT_EQ(seen.size(), 50u);
  for (int i = 0; i < 50; ++i)
    EXPECT_EQ(seen[static_cast<size_t>(i)], i);
}

TEST(worker, refuses_at_its_limit_and_takes_again_when_there_is_room) {
  worker one("test", 1);
  std::binary_semaphore begun{0};
  std::binary_semaphore go_on{0};
  ASSERT_TRUE(one.submit([&] {
    begun.release();
    go_on.acquire();
  }));
  begun.acquire();  // the first is out of the queue and running
  std::binary_semaphore second_ran{0};
  EXPECT_TRUE(one.submit([&] { second_ran.release(); }));
  EXPECT_FALSE(one.submit([] {}));
  EXPECT_EQ(one.queued(), 1u);
  go_on.release();
  second_ran.acquire();
  EXPECT_TRUE(one.submit([] {}));
}

TEST(worker, stop_runs_what_is_queued_and_then_refuses) {
  std::atomic<int> ran = 0;
  worker two("test", 100, 2);
  for (int i = 0; i < 40; ++i)
    ASSERT_TRUE(two.submit([&] { ++ran; }));
  two.stop();
  EXPECT_EQ(ran, 40);
  EXPECT_FALSE(two.submit([&] { ++ran; }));
  two.stop();
  EXPECT_EQ(ran, 40);
}

}  // namespace orrery
