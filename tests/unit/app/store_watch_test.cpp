/// Readiness of the store while it answers, and while it does not.

#include "app/store_watch.hpp"

#include <future>
#include <gtest/gtest.h>

namespace orrery::test {

using app::store_watch;

namespace {

/// Time passes where the test says so.
struct hand_timer {
  std::mutex guard;
  std::vector<std::function<void()>> due;

  store_watch::timer timer() {
    return [this](std::chrono::milliseconds, std::function<void()> what) {
      const std::lock_guard lock(guard);
      due.push_back(std::move(what));
    };
  }
  void pass() {
    std::unique_lock lock(guard);
    const auto now = std::exchange(due, {});
    lock.unlock();
    for (const auto& one : now)
      one();
  }
};

}  // namespace

TEST(store_watch, tells_what_the_store_says) {
  hand_timer time;
  int asked = 0;
  store_watch watch(
      [&]() -> result<void> {
        if (++asked == 1)
          return {};
        return failure{errc::unavailable, "gone"};
      },
      time.timer());
  std::promise<result<void>> first;
  std::promise<result<void>> second;
  watch.ask([&](auto told) { first.set_value(std::move(told)); });
  EXPECT_TRUE(first.get_future().get());
  watch.ask([&](auto told) { second.set_value(std::move(told)); });
  EXPECT_EQ("gone", second.get_future().get().error().detail);
  time.pass();  // nobody is told twice
}

TEST(store_watch, answers_while_the_store_is_silent_and_asks_it_once) {
  hand_timer time;
  std::promise<void> heal;
  std::atomic<int> asked = 0;
  std::vector<result<void>> told;
  std::mutex guard;
  store_watch watch(
      [&, healed = heal.get_future().share()]() -> result<void> {
        ++asked;
        healed.wait();
        return {};
      },
      time.timer());
  const auto keep = [&](result<void> answer) {
    const std::lock_guard lock(guard);
    told.push_back(std::move(answer));
  };
  for (int i = 0; i < 3; ++i)
    watch.ask(keep);
  time.pass();
  ASSERT_EQ(told.size(), 3u);
  for (const auto& one : told)
    EXPECT_NE(one.error().detail.find("has not answered for"), std::string::npos);
  watch.ask(keep);
  heal.set_value();
  watch.stop();  // after what is under way
  EXPECT_EQ(told.size(), 4u);
  EXPECT_TRUE(told.back());
  EXPECT_EQ(asked, 1);
}

TEST(store_watch, has_a_limit_of_askers) {
  hand_timer time;
  std::promise<void> heal;
  store_watch watch(
      [healed = heal.get_future().share()]() -> result<void> {
        healed.wait();
        return {};
      },
      time.timer());
  size_t refused = 0;
  std::atomic<size_t> answered = 0;
  for (size_t i = 0; i < store_watch::askers_max + 5; ++i)
    watch.ask([&](const result<void>& told) { told ? ++answered : ++refused; });
  EXPECT_EQ(refused, 5u);
  heal.set_value();
  watch.stop();
  EXPECT_EQ(answered, store_watch::askers_max);
}

}  // namespace orrery::test
