/// Workers that speak, or do not: heartbeats, extensions, later times, answers too late.

#include "tests/actors/simulated_node.hpp"

namespace orrery::test {

class worker_clocks : public simulated_node {
protected:
  std::shared_ptr<std::optional<result<entity>>> beat(entity_id id, heartbeat_task news = {}) {
    news.token = stored(id)->token();
    return ask(id, task_command{std::move(news)});
  }
};

TEST_F(worker_clocks, silence_ends_the_attempt_and_stops_the_work) {
  auto spec = spec_of("work");
  spec.heartbeat = 2s;
  const auto id = submit(spec);
  advance(2s - 1ms, 1ms);
  EXPECT_EQ(status(id), task_status::running);
  advance(1ms, 1ms);
  EXPECT_EQ(status(id), task_status::expired);
  EXPECT_EQ(stored(id)->reason, end_reason::heartbeat);
  EXPECT_TRUE(work.running.empty());
}

TEST_F(worker_clocks, a_worker_that_speaks_runs_on_until_its_ttl) {
  auto spec = spec_of("work");
  spec.heartbeat = 2s;
  spec.ttl = 5s;
  const auto id = submit(spec);
  const auto commits_before = commits.commits;
  for (int i = 0; i < 4; ++i) {
    advance(1s, 10ms);
    beat(id);
    EXPECT_EQ(status(id), task_status::running) << i;
  }
  EXPECT_EQ(commits.commits, commits_before);  // a bare heartbeat is not written
  advance(1s, 1ms);
  EXPECT_EQ(status(id), task_status::expired);
  EXPECT_EQ(stored(id)->reason, end_reason::ttl);
}

TEST_F(worker_clocks, silence_is_counted_from_the_last_heartbeat) {
  auto spec = spec_of("work");
  spec.heartbeat = 2s;
  const auto id = submit(spec);
  advance(1500ms, 10ms);
  beat(id);
  advance(2s - 10ms, 10ms);
  EXPECT_EQ(status(id), task_status::running);
  advance(10ms, 1ms);
  EXPECT_EQ(status(id), task_status::expired);
}

TEST_F(worker_clocks, silence_is_retried_where_on_timeout_says_so) {
  auto spec = spec_of("work");
  spec.heartbeat = 1s;
  spec.on_timeout = timeout_action::retry;
  spec.retry.initial = 1s;
  spec.retry.jitter = 0;
  const auto id = submit(spec);
  beat(id, {.progress = 0.5, .cursor = "17"});
  advance(1s, 10ms);
  EXPECT_EQ(status(id), task_status::retrying);
  EXPECT_EQ(stored(id)->reason, end_reason::heartbeat);
  advance(1s, 10ms);
  ASSERT_EQ(work.running.size(), 1u);
  EXPECT_EQ(work.running[0].item.cursor, "17");
}

TEST_F(worker_clocks, more_time_is_given_up_to_the_whole_life) {
  auto spec = spec_of("work");
  spec.ttl = 1s;
  spec.total_ttl = 4s;
  const auto id = submit(spec);
  beat(id, {.extend = 2s});
  advance(1900ms, 10ms);
  EXPECT_EQ(status(id), task_status::running);
  beat(id, {.extend = 1h});
  advance(2s, 10ms);
  EXPECT_EQ(status(id), task_status::running);
  advance(100ms, 10ms);
  EXPECT_EQ(status(id), task_status::expired);
  EXPECT_EQ(stored(id)->reason, end_reason::total_ttl);
}

TEST_F(worker_clocks, a_deadline_brought_forward_is_kept) {
  auto spec = spec_of("work");
  spec.ttl = 1h;
  const auto id = submit(spec);
  beat(id, {.extend = 2s});
  advance(2s, 1ms);
  EXPECT_EQ(status(id), task_status::expired);
  EXPECT_EQ(stored(id)->reason, end_reason::ttl);
}

TEST_F(worker_clocks, a_heartbeat_of_an_attempt_that_is_over_is_refused) {
  const auto id = submit(spec_of("work"));
  ask(id, task_command{cancel_task{}});
  const auto told = beat(id);
  ASSERT_TRUE(told->has_value());
  EXPECT_EQ((*told)->error().code, errc::rejected);
}

TEST_F(worker_clocks, a_snoozed_task_comes_back_and_nothing_was_spent) {
  auto spec = spec_of("work");
  spec.retry.max_attempts = 1;
  const auto id = submit(spec);
  ask(id, task_command{snooze_task{stored(id)->token(), 10s}});
  EXPECT_EQ(status(id), task_status::scheduled);
  EXPECT_TRUE(work.running.empty());
  advance(10s, 100ms);
  EXPECT_EQ(status(id), task_status::running);
  work.end(0, {.succeeded = true});
  settle();
  EXPECT_EQ(status(id), task_status::succeeded);
}

TEST_F(worker_clocks, a_late_result_is_told_no_kept_and_may_be_adopted) {
  const auto id = submit(spec_of("work"));
  const auto token = stored(id)->token();
  ask(id, task_command{cancel_task{}});
  const auto late = ask(id, task_command{complete_task{token, "42"}});
  ASSERT_TRUE(late->has_value());
  EXPECT_EQ((*late)->error().code, errc::rejected);
  EXPECT_EQ(status(id), task_status::cancelled);
  ASSERT_EQ(stored(id)->extra->orphans.size(), 1u);
  const auto told = ask(id, task_command{adopt_result{token}});
  ASSERT_TRUE(told->has_value() && (*told)->has_value());
  EXPECT_EQ(status(id), task_status::succeeded);
  EXPECT_EQ(stored(id)->result, "42");
}

TEST_F(worker_clocks, the_ledger_of_the_shard_adds_up) {
  auto spec = spec_of("work");
  spec.retry.initial = 1s;
  const auto good = submit(spec);
  work.end(0, {.succeeded = true});
  settle();
  const auto lost = submit(spec);
  work.end(0, {.error = "no"});
  advance(2s);
  ask(lost, task_command{snooze_task{stored(lost)->token(), 1s}});
  advance(2s);
  ask(lost, task_command{cancel_task{{}, true}});
  submit(spec_of("noop"));
  submit(spec_of("work"));
  EXPECT_EQ(status(good), task_status::succeeded);
  const auto rows = reader->shards();
  attempt_ledger sum;
  for (const auto& row : *rows) {
    sum.started += row.counts.attempts.started;
    for (size_t i = 0; i < end_reasons; ++i)
      sum.ended[i] += row.counts.attempts.ended[i];
  }
  EXPECT_EQ(sum.started, 6);
  EXPECT_EQ(sum.ends(), 5);  // one runs
  const auto ended = [&](end_reason why) { return sum.ended[static_cast<size_t>(why)]; };
  EXPECT_EQ(ended(end_reason::succeeded), 2);
  EXPECT_EQ(ended(end_reason::failed), 1);
  EXPECT_EQ(ended(end_reason::snoozed), 1);
  EXPECT_EQ(ended(end_reason::killed), 1);
}

TEST_F(worker_clocks, the_newest_submission_of_a_key_runs_after_the_present_one) {
  const auto id = submit(spec_of("work"));
  auto spec = spec_of("work");
  spec.payload = "2";
  ask(id, task_command{follow_task{spec}});
  EXPECT_EQ(status(id), task_status::running);
  work.end(0, {.succeeded = true});
  settle();
  ASSERT_EQ(work.running.size(), 1u);
  EXPECT_EQ(work.running[0].item.payload, "2");
  EXPECT_EQ(work.running[0].item.token, (attempt_token{2, 1}));
}

TEST_F(worker_clocks, what_replaces_running_work_waits_until_nothing_of_it_is_left) {
  work.obey = false;
  auto spec = spec_of("work");
  const auto id = fresh_id();
  produce(intake::tasks, shard0, codec::write_intake(id, task_command{submit_task{spec}}),
          {{"orrery-request-hash", "a"}});
  spec.payload = "2";
  task_options o;
  o.if_running = on_running::replace;
  spec.options = o;
  produce(intake::tasks, shard0, codec::write_intake(id, task_command{submit_task{spec}}),
          {{"orrery-request-hash", "b"}});
  EXPECT_EQ(work.running.size(), 1u);
  EXPECT_EQ(work.stops.size(), 1u);
  work.end(0, {.error = "stopped"});
  settle();
  ASSERT_EQ(work.running.size(), 1u);
  EXPECT_EQ(work.running[0].item.payload, "2");
  EXPECT_EQ(work.running[0].item.token, (attempt_token{2, 1}));
}

}  // namespace orrery::test
