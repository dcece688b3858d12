/// Who holds a unique key, and for how long.

#include "domain/unique_key.hpp"
#include "tests/unit/domain/driver.hpp"

#include <map>

namespace orrery {

namespace {

using namespace test;

task_spec of_mode(unique_mode mode, duration window = 10s) {
  auto spec = simple_task();
  spec.unique_key = "k";
  task_options o;
  o.unique = mode;
  o.unique_window = window;
  spec.options = o;
  spec.retry.initial = 1s;
  return spec;
}

key_verdict verdict(const task_driver& d, unique_mode wish) {
  return judge_key(holder_of(*d), of_mode(wish), d.now);
}

using enum unique_mode;
using enum key_verdict;

}  // namespace

TEST(unique_key, counts_among_the_tasks_of_its_limit_key) {
  task_spec spec = simple_task();
  EXPECT_EQ(held_as(spec), "");
  EXPECT_EQ(home_key(spec), "");
  spec.unique_key = "invoice-7";
  EXPECT_EQ(held_as(spec), "invoice-7");
  EXPECT_EQ(home_key(spec), "invoice-7");
  const auto alone = held_as(spec);
  spec.options.edit([](task_options& o) { o.limit_key = "acme"; });
  EXPECT_EQ(home_key(spec), "acme");
  const auto with_acme = held_as(spec);
  EXPECT_NE(with_acme, alone);
  spec.options.edit([](task_options& o) { o.limit_key = "globex"; });
  EXPECT_NE(held_as(spec), with_acme);
  spec.unique_key.clear();
  EXPECT_EQ(held_as(spec), "") << "a limit key alone is held by nobody";
  EXPECT_EQ(home_key(spec), "globex");
}

TEST(unique_key, no_two_pairs_of_keys_are_held_as_the_same) {
  const std::string mark = "\x1f";
  const std::vector<std::string> texts = {
      "a",          "ab",          "b",        "1:ab",      mark, mark + "a",
      mark + "1:a", mark + "1:ab", "1" + mark, mark + mark, "2:", mark + "2:" + mark};
  std::map<std::string, std::pair<std::string, std::string>> seen;
  auto limits = texts;
  limits.emplace_back();
  for (const auto& limit : limits)
    for (const auto& unique : texts) {
      task_spec spec = simple_task();
      spec.unique_key = unique;
      spec.options.edit([&](task_options& o) { o.limit_key = limit; });
      const auto [place, fresh] = seen.emplace(held_as(spec), std::pair(limit, unique));
      EXPECT_TRUE(fresh) << limit << '+' << unique << " is held as " << place->second.first << '+'
                         << place->second.second;
    }
}

TEST(unique_key, that_nobody_holds_is_free) {
  EXPECT_EQ(judge_key(std::nullopt, of_mode(until_done), start_of_test), free);
}

TEST(unique_key, until_done_is_held_through_retries_and_released_by_every_end) {
  for (const auto& end :
       std::vector<task_command>{complete_task{{1, 2}, ""}, fail_task{{1, 2}, "no", "", false},
                                 expire_task{{1, 2}, end_reason::ttl}, cancel_task{}}) {
    auto d = submitted(of_mode(until_done));
    EXPECT_EQ(verdict(d, until_done), duplicate);
    d.must(start_task{"n"});
    EXPECT_EQ(verdict(d, until_done), duplicate);
    d.must(fail_task{d->token(), "no", ""});
    EXPECT_EQ(verdict(d, until_done), duplicate);
    d.wait(1h).must(wake_task{}).must(start_task{"n"}).must(end);
    EXPECT_EQ(verdict(d, until_done), free);
    EXPECT_FALSE(may_hold_key(*d));
  }
}

TEST(unique_key, until_start_is_released_by_the_first_attempt_for_good) {
  auto d = submitted(of_mode(until_start));
  EXPECT_EQ(verdict(d, until_start), duplicate);
  d.must(pause_task{""});
  EXPECT_EQ(verdict(d, until_start), duplicate);
  d.must(resume_task{}).must(start_task{"n"});
  EXPECT_EQ(verdict(d, until_start), free);
  EXPECT_FALSE(may_hold_key(*d));  // so its row does not stand before the next holder's
  d.must(fail_task{d->token(), "no", ""}).wait(1h).must(wake_task{});
  EXPECT_EQ(verdict(d, until_start), free);
}

TEST(unique_key, window_is_held_for_its_time_also_after_success) {
  auto d = started(of_mode(window, 10s));
  d.must(complete_task{d->token(), ""});
  EXPECT_TRUE(may_hold_key(*d));
  d.wait(10s - 1us);
  EXPECT_EQ(verdict(d, window), duplicate);
  d.wait(1us);
  EXPECT_EQ(verdict(d, window), free);
}

TEST(unique_key, window_is_released_by_failure) {
  auto d = started(of_mode(window, 1h));
  d.must(fail_task{d->token(), "no", "", false});
  EXPECT_EQ(verdict(d, window), free);
  EXPECT_FALSE(may_hold_key(*d));
}

TEST(unique_key, debounce_passes_its_wishes_on_until_the_start) {
  auto d = submitted(of_mode(debounce));
  EXPECT_EQ(verdict(d, debounce), follow);
  d.must(start_task{"n"});
  EXPECT_EQ(verdict(d, debounce), free);
}

TEST(unique_key, latest_passes_its_wishes_on_until_the_end) {
  auto d = started(of_mode(latest));
  EXPECT_EQ(verdict(d, latest), follow);
  d.must(complete_task{d->token(), ""});
  EXPECT_EQ(verdict(d, latest), free);
}

TEST(unique_key, another_kind_of_work_is_a_duplicate_and_never_takes_the_place) {
  const auto d = started(of_mode(latest));
  auto wish = of_mode(latest);
  wish.kind = "sleep";
  EXPECT_EQ(judge_key(holder_of(*d), wish, d.now), duplicate);
}

TEST(unique_key, a_debounced_submission_waits_for_its_window) {
  auto spec = of_mode(debounce, 10s);
  settle_debounce(spec, start_of_test);
  EXPECT_EQ(spec.run_at, start_of_test + 10s);
  spec.run_at = start_of_test + 1h;
  settle_debounce(spec, start_of_test);
  EXPECT_EQ(spec.run_at, start_of_test + 1h);
}

}  // namespace orrery
