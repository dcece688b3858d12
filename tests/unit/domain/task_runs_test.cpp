/// Runs and attempts, told from the events of a task.

#include "domain/task_runs.hpp"
#include "tests/unit/domain/driver.hpp"

namespace orrery {

namespace {

using namespace test;

std::vector<run_record> runs_of(const task_driver& d) {
  std::vector<event_record> history;
  for (const auto& [at, event] : d.history)
    history.push_back({position_t{1}, test_id, at, event});
  return orrery::runs_of(history);
}

}  // namespace

TEST(task_runs, tell_every_attempt_with_its_worker_and_end) {
  auto d = started();
  d.wait(1s).must(fail_task{d->token(), "no", "E1"});
  const auto due = d->next_at;
  d.wait(1h).must(wake_task{}).must(start_task{"node-2"}).wait(2s);
  d.must(heartbeat_task{d->token(), 0.5}).must(complete_task{d->token(), "42"});
  const auto runs = runs_of(d);
  ASSERT_EQ(runs.size(), 1u);
  EXPECT_EQ(runs[0].status, task_status::succeeded);
  EXPECT_EQ(runs[0].result, "42");
  ASSERT_EQ(runs[0].attempts.size(), 2u);
  EXPECT_EQ(runs[0].attempts[0].worker, "node-1");
  EXPECT_EQ(runs[0].attempts[0].reason, end_reason::failed);
  EXPECT_EQ(runs[0].attempts[0].error_code, "E1");
  EXPECT_EQ(runs[0].attempts[0].ended_at, start_of_test + 1s);
  EXPECT_EQ(runs[0].attempts[0].next_at, due);
  EXPECT_EQ(runs[0].attempts[1].worker, "node-2");
  EXPECT_EQ(runs[0].attempts[1].reason, end_reason::succeeded);
  EXPECT_EQ(runs[0].attempts[1].error, "");
}

TEST(task_runs, are_kept_over_reruns) {
  auto d = started();
  d.must(expire_task{d->token(), end_reason::ttl}).wait(1s).must(rerun_task{});
  d.must(start_task{"node-1"});
  const auto runs = runs_of(d);
  ASSERT_EQ(runs.size(), 2u);
  EXPECT_EQ(runs[0].status, task_status::expired);
  EXPECT_EQ(runs[0].reason, end_reason::ttl);
  EXPECT_EQ(runs[0].attempts[0].reason, end_reason::ttl);
  EXPECT_EQ(runs[1].run, 2u);
  EXPECT_EQ(runs[1].attempts[0].reason, end_reason::none);
  EXPECT_EQ(runs[1].attempts[0].ended_at, never);
}

TEST(task_runs, a_late_result_or_a_pin_begins_and_ends_nothing) {
  auto d = started();
  const auto token = d->token();
  d.must(cancel_task{}).must(complete_task{token, "1"}).must(pin_task{true});
  const auto runs = runs_of(d);
  ASSERT_EQ(runs.size(), 1u);
  ASSERT_EQ(runs[0].attempts.size(), 1u);
  EXPECT_EQ(runs[0].attempts[0].reason, end_reason::cancelled);
}

TEST(task_runs, what_replaces_a_running_attempt_ends_it) {
  auto spec = simple_task();
  spec.request_hash = "a";
  auto d = started(spec);
  spec.request_hash = "b";
  task_options o;
  o.if_running = on_running::replace;
  spec.options = o;
  d.must(submit_task{spec});
  const auto runs = runs_of(d);
  ASSERT_EQ(runs.size(), 2u);
  EXPECT_EQ(runs[0].attempts[0].reason, end_reason::cancelled);
}

}  // namespace orrery
