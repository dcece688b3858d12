/// Who guesses passwords is slowed down and learns nothing; who asks too much is told so.

#include "tests/unit/identity/accounts.hpp"

namespace orrery::identity {

TEST_F(accounts_of_a_node, guessing_is_slowed_down_and_the_right_user_gets_in_after_the_delay) {
  make("alice");
  const auto wrong = R"({"name":"alice","password":"guess"})";
  int checked = 0;
  int slowed = 0;
  for (int i = 0; i < 100; ++i) {
    const auto told = run("login", wrong);
    ASSERT_FALSE(told);
    ++(told.error().code == errc::busy ? slowed : checked);
  }
  EXPECT_EQ(checked, 5) << "five are free";
  EXPECT_EQ(slowed, 95);
  const auto right = R"({"name":"alice","password":")" + password + R"("})";
  const auto early = run("login", right);
  EXPECT_EQ(early.error().code, errc::busy);
  EXPECT_EQ(early.error().field, "1") << "seconds to wait";
  EXPECT_TRUE(run("login", right, {}, {}, {}, "10.0.0.2")) << "from elsewhere she gets in at once";
  time.advance(2min);
  EXPECT_TRUE(run("login", right));
}

TEST_F(accounts_of_a_node, delays_double_and_hold_on_another_node_and_after_a_restart) {
  make("alice");
  const auto wrong = R"({"name":"alice","password":"guess"})";
  std::vector<std::string> waits;
  for (int i = 0; i < 9; ++i) {
    while (run("login", wrong).error().code != errc::busy) {
    }
    waits.push_back(run("login", wrong).error().field);
    time.advance(std::chrono::seconds(std::stoi(waits.back())));
  }
  EXPECT_EQ(waits[0], "1");
  EXPECT_EQ(waits[1], "2");
  EXPECT_EQ(waits[4], "16");
  while (run("login", wrong).error().code != errc::busy) {
  }
  start();
  EXPECT_EQ(run("login", wrong).error().code, errc::busy) << "a restart forgets nothing";
  service other(store, time, options);
  ASSERT_TRUE(other.start());
  account_request what;
  what.operation = "login";
  what.body = wrong;
  what.address = "10.0.0.1";
  EXPECT_EQ(run(other, what).error().code, errc::busy);
}

TEST_F(accounts_of_a_node, many_guesses_at_once_do_not_slip_by) {
  make("alice");
  std::vector<std::future<bool>> told;
  for (int i = 0; i < 40; ++i)
    told.push_back(std::async(std::launch::async, [&] {
      return run("login", R"({"name":"alice","password":"guess"})").error().code != errc::busy;
    }));
  int checked = 0;
  for (auto& t : told)
    checked += t.get() ? 1 : 0;
  EXPECT_LE(checked, 5);
}

TEST_F(accounts_of_a_node, a_name_that_is_not_there_answers_as_one_that_is) {
  make("alice");
  const auto known = run("login", R"({"name":"alice","password":"guess"})").error();
  const auto unknown = run("login", R"({"name":"nobody","password":"guess"})").error();
  EXPECT_EQ(known, unknown);
  for (int i = 0; i < 10; ++i) {
    const auto a = run("login", R"({"name":"alice","password":"guess"})").error();
    const auto b = run("login", R"({"name":"nobody","password":"guess"})").error();
    EXPECT_EQ(a, b) << "also the delays";
  }
}

TEST_F(accounts_of_a_node, one_address_may_not_try_many_names) {
  int checked = 0;
  for (int i = 0; i < 60; ++i)
    checked += run("login", R"({"name":"n)" + std::to_string(i) + R"(","password":"guess"})")
                           .error()
                           .code != errc::busy
                   ? 1
                   : 0;
  EXPECT_EQ(checked, 30);
}

TEST_F(accounts_of_a_node, too_many_at_once_are_told_so) {
  options.password_threads = 1;
  options.password_queue_max = 1;
  start();
  make("alice");
  std::atomic<int> busy{0};
  std::atomic<int> told{0};
  std::promise<void> all;
  constexpr int many = 50;
  for (int i = 0; i < many; ++i) {
    account_request what;
    what.operation = "login";
    what.body = R"({"name":"x","password":"guess"})";
    what.address = "10.1.0." + std::to_string(i);
    under_test->run(std::move(what), [&](result<account_answer> done) {
      busy += !done && done.error().detail == "too many sign-ins are under way" ? 1 : 0;
      if (++told == many)
        all.set_value();
    });
  }
  all.get_future().wait();
  EXPECT_GT(busy, 0);
}

}  // namespace orrery::identity
