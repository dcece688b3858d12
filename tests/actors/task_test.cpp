#include "tests/actors/simulated_node.hpp"

namespace orrery::test {

class task_actors : public simulated_node {};

TEST_F(task_actors, a_no_op_lives_its_whole_life_in_one_commit) {
  settle();
  const auto before = commits.commits;
  const auto id = submit(spec_of("noop"));
  EXPECT_EQ(status(id), task_status::succeeded);
  EXPECT_EQ(commits.commits, before + 1);
  EXPECT_EQ(reader->history(id)->size(), 3u);
  EXPECT_EQ(published(), (std::vector<std::string>{"QUEUED", "RUNNING", "SUCCEEDED"}));
}

TEST_F(task_actors, nothing_is_published_before_its_commit) {
  settle();
  commits.held = true;
  submit(spec_of("noop"));
  EXPECT_TRUE(published().empty());
  commits.held = false;
  settle();
  EXPECT_EQ(published().size(), 3u);
}

TEST_F(task_actors, work_runs_and_its_result_is_kept) {
  const auto id = submit(spec_of("work"));
  EXPECT_EQ(status(id), task_status::running);
  ASSERT_EQ(work.running.size(), 1u);
  EXPECT_EQ(work.running[0].item.epoch, epoch_t{1});  // with run and attempt: the handler's fence
  work.end(0, {.succeeded = true, .result = R"({"answer":42})"});
  settle();
  EXPECT_EQ(status(id), task_status::succeeded);
  EXPECT_EQ(stored(id)->result, R"({"answer":42})");
}

TEST_F(task_actors, ttl_ends_the_work_at_the_exact_tick) {
  auto spec = spec_of("work");
  spec.ttl = 2s;
  const auto id = submit(spec);
  advance(2s - 1ms, 1ms);
  EXPECT_EQ(status(id), task_status::running);
  EXPECT_TRUE(work.stops.empty());
  advance(1ms, 1ms);
  EXPECT_EQ(status(id), task_status::expired);
  EXPECT_EQ(stored(id)->reason, end_reason::ttl);
  ASSERT_EQ(work.stops.size(), 1u);
  EXPECT_TRUE(work.running.empty());
}

TEST_F(task_actors, a_late_result_changes_nothing) {
  auto spec = spec_of("work");
  spec.ttl = 1s;
  work.obey = false;
  const auto id = submit(spec);
  advance(1s);
  EXPECT_EQ(status(id), task_status::expired);
  ASSERT_EQ(work.running.size(), 1u);
  work.end(0, {.succeeded = true, .result = "1"});
  settle();
  EXPECT_EQ(status(id), task_status::expired);
  EXPECT_EQ(reader->history(id)->size(), 3u);
}

TEST_F(task_actors, a_failed_attempt_is_retried_after_its_delay) {
  auto spec = spec_of("work");
  spec.retry.initial = 3s;
  spec.retry.jitter = 0;
  const auto id = submit(spec);
  work.end(0, {.error = "no"});
  settle();
  EXPECT_EQ(status(id), task_status::retrying);
  EXPECT_TRUE(work.running.empty());
  advance(3s - 1ms, 1ms);
  EXPECT_EQ(status(id), task_status::retrying);
  advance(10ms, 1ms);
  EXPECT_EQ(status(id), task_status::running);
  ASSERT_EQ(work.running.size(), 1u);
  EXPECT_EQ(work.running[0].item.token, (attempt_token{1, 2}));
}

TEST_F(task_actors, a_scheduled_task_starts_when_its_time_comes) {
  auto spec = spec_of("noop");
  spec.run_at = time.now() + 5min;  // beyond the horizon: only a row until then
  const auto id = submit(spec);
  EXPECT_EQ(status(id), task_status::scheduled);
  EXPECT_EQ(context.probe.entities_live.load(), 0u);
  advance(5min - 1s, 1s);
  EXPECT_EQ(status(id), task_status::scheduled);
  advance(2s, 100ms);
  EXPECT_EQ(status(id), task_status::succeeded);
}

TEST_F(task_actors, at_most_once_begins_only_after_its_start_is_durable) {
  settle();
  commits.held = true;
  auto spec = spec_of("work");
  spec.delivery = delivery_mode::at_most_once;
  const auto id = submit(spec);
  EXPECT_TRUE(work.running.empty());
  commits.held = false;
  settle();
  EXPECT_EQ(work.running.size(), 1u);
  EXPECT_EQ(status(id), task_status::running);
}

TEST_F(task_actors, cancel_stops_the_work_and_answers_after_the_commit) {
  const auto id = submit(spec_of("work"));
  commits.held = true;
  const auto told = ask(id, task_command{cancel_task{"not needed"}});
  EXPECT_FALSE(told->has_value());
  commits.held = false;
  settle();
  ASSERT_TRUE(told->has_value());
  EXPECT_EQ(std::get<task>((*told)->value()).status, task_status::cancelled);
  EXPECT_EQ(status(id), task_status::cancelled);
  EXPECT_TRUE(work.running.empty());
}

TEST_F(task_actors, a_command_for_a_version_is_for_no_other) {
  const auto id = submit(spec_of("noop"));
  const auto version = stored(id)->version;
  const auto stale = ask(id, task_command{rerun_task{}}, version + 1);
  ASSERT_TRUE(stale->has_value() && !(*stale)->has_value());
  EXPECT_EQ((**stale).error().code, errc::conflict);
  EXPECT_EQ((**stale).error().field, "If-Match");
  EXPECT_EQ(stored(id)->run, 1u);
  const auto told = ask(id, task_command{rerun_task{}}, version);
  ASSERT_TRUE(told->has_value() && (*told)->has_value());
  EXPECT_EQ(stored(id)->run, 2u);
  const auto late = ask(id, task_command{rerun_task{}}, version);
  EXPECT_EQ((**late).error().code, errc::conflict) << "the first of two wins";
  EXPECT_EQ(stored(id)->run, 2u);
}

TEST_F(task_actors, a_command_for_a_row_loads_it_and_it_leaves_again) {
  const auto id = submit(spec_of("noop"));
  EXPECT_EQ(context.probe.entities_live.load(), 0u);
  const auto told = ask(id, task_command{rerun_task{}});
  ASSERT_TRUE(told->has_value() && (*told)->has_value());
  EXPECT_EQ(status(id), task_status::succeeded);
  EXPECT_EQ(stored(id)->run, 2u);
  EXPECT_EQ(context.probe.entities_live.load(), 0u);
}

TEST_F(task_actors, an_unknown_id_is_not_found) {
  const auto told = ask(fresh_id(), task_command{cancel_task{}});
  ASSERT_TRUE(told->has_value());
  EXPECT_EQ((*told)->error().code, errc::not_found);
}

TEST_F(task_actors, a_crashed_actor_is_rebuilt_from_the_store_and_says_so) {
  allow_log_error("entity.crashed");
  work.throw_next = true;
  auto spec = spec_of("work");
  spec.retry.initial = 1s;
  const auto id = submit(spec);
  EXPECT_EQ(context.probe.entities_crashed.load(), 1u);
  EXPECT_EQ(status(id), task_status::retrying);
  EXPECT_EQ(stored(id)->reason, end_reason::lease_lost);
  advance(2s);
  ASSERT_EQ(work.running.size(), 1u);
  work.end(0, {.succeeded = true});
  settle();
  EXPECT_EQ(status(id), task_status::succeeded);
}

TEST_F(task_actors, slots_bound_what_runs_and_priority_decides_who_is_next) {
  context.limits.slots_per_kind["work"] = 1;
  const auto first = submit(spec_of("work"));
  auto later = spec_of("work");
  later.priority = 5;
  const auto low = submit(later);
  later.priority = 1;
  const auto high = submit(later);
  ASSERT_EQ(work.running.size(), 1u);
  work.end(0, {.succeeded = true});
  settle();
  EXPECT_EQ(status(first), task_status::succeeded);
  EXPECT_EQ(status(high), task_status::running);
  EXPECT_EQ(status(low), task_status::queued);
  work.end(0, {.succeeded = true});
  settle();
  EXPECT_EQ(status(low), task_status::running);
  EXPECT_EQ(context.probe.slots_used.load(), 1u);
}

TEST_F(task_actors, a_waiting_task_leaves_memory_and_still_gets_its_slot) {
  context.limits.slots_per_kind["work"] = 1;
  submit(spec_of("work"));
  const auto waiting = submit(spec_of("work"));
  advance(5s, 100ms);
  EXPECT_EQ(context.probe.entities_live.load(), 1u);
  work.end(0, {.succeeded = true});
  settle();
  EXPECT_EQ(status(waiting), task_status::running);
}

TEST_F(task_actors, queue_ttl_ends_the_waiting) {
  context.limits.slots_per_kind["work"] = 1;
  submit(spec_of("work"));
  auto spec = spec_of("work");
  spec.queue_ttl = 10s;
  const auto id = submit(spec);
  advance(10s - 10ms, 10ms);
  EXPECT_EQ(status(id), task_status::queued);
  advance(20ms, 10ms);
  EXPECT_EQ(status(id), task_status::expired);
  EXPECT_EQ(stored(id)->reason, end_reason::queue_ttl);
}

TEST_F(task_actors, sleep_takes_its_time_and_is_stopped_by_its_ttl) {
  auto spec = spec_of("sleep");
  spec.payload = R"({"duration":"3s"})";
  const auto done = submit(spec);
  spec.ttl = 1s;
  const auto cut = submit(spec);
  advance(2s);
  EXPECT_EQ(status(cut), task_status::expired);
  EXPECT_EQ(status(done), task_status::running);
  advance(1100ms);
  EXPECT_EQ(status(done), task_status::succeeded);
  EXPECT_EQ(context.probe.slots_used.load(), 0u);
  EXPECT_EQ(context.probe.ttl_fired.load(), 1u) << "who woke was ended by no clock";
  EXPECT_EQ(context.probe.attempts_late.load(), 0u);
}

TEST_F(task_actors, a_sleep_that_is_asked_to_fail_fails_when_it_is_over) {
  auto spec = spec_of("sleep");
  spec.payload = R"({"duration":"3s","fail":"as asked"})";
  spec.retry.max_attempts = 1;
  const auto id = submit(spec);
  advance(2900ms);
  EXPECT_EQ(status(id), task_status::running);
  advance(200ms);
  EXPECT_EQ(status(id), task_status::failed);
  EXPECT_EQ(stored(id)->error, "as asked");
  EXPECT_EQ(stored(id)->error_code, "asked-to-fail");
}

}  // namespace orrery::test
