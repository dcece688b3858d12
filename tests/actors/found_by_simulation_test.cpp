/// What the simulator (tests/sim) found, each reduced to its cause.

#include "tests/actors/simulated_node.hpp"
#include "tests/contract/store/store_batches.hpp"

namespace orrery::test {

class found_by_simulation : public simulated_node {};

TEST_F(found_by_simulation, a_timer_beyond_the_horizon_is_not_lost_while_its_commit_is_slow) {
  settle();
  commits.held = true;
  auto spec = spec_of("noop");
  spec.run_at = time.now() + 80s;  // beyond the horizon of now, within that of the next scan
  const auto id = submit(spec);
  advance(40s, 1s);  // the next scan reads, and the row is not there yet
  commits.held = false;
  settle();
  EXPECT_EQ(status(id), task_status::scheduled);
  advance(60s, 1s);
  EXPECT_EQ(status(id), task_status::succeeded);
}

TEST_F(found_by_simulation, a_task_that_is_in_memory_during_a_scan_keeps_its_timer) {
  settle();
  auto spec = spec_of("noop");
  spec.run_at = time.now() + 80s;
  const auto id = submit(spec);
  advance(29s, 100ms);
  // When the scan reads, it is being loaded, for something that it refuses: it leaves without an event.
  reads.held = true;
  advance(2s, 100ms);
  caf::anon_send(find_shard(shard0),
                 actors::direct_command{entity_kind::task, id, task_command{rerun_task{}},
                                        time.now() + 5s, [](const auto&) {}});
  settle();
  reads.held = false;
  advance(60s, 1s);
  EXPECT_EQ(status(id), task_status::succeeded);
}

TEST_F(found_by_simulation, the_end_of_waiting_beyond_the_horizon_comes) {
  context.limits.slots_per_kind["work"] = 1;
  auto spec = spec_of("work");
  spec.ttl = 1h;
  submit(spec);
  spec.queue_ttl = 150s;
  const auto id = submit(spec);
  advance(150s - 1s, 1s);
  EXPECT_EQ(status(id), task_status::queued);
  advance(2s, 100ms);
  EXPECT_EQ(status(id), task_status::expired);
}

TEST_F(found_by_simulation, a_shard_whose_owner_ended_while_paused_is_read_again) {
  settle();
  context.limits.intake_in_flight = 2;
  commits.held = true;
  for (int i = 0; i < 5; ++i)
    produce(intake::orders, shard0, R"({"product":"Laptop"})");
  caf::anon_send_exit(find_shard(shard0), caf::exit_reason::kill);
  settle();
  commits.held = false;
  advance(5s, 100ms);
  EXPECT_EQ(reader->shards()->at(0).next[0], 5);
}

TEST_F(found_by_simulation, a_shard_given_back_at_once_keeps_its_queue) {
  context.limits.slots_per_kind["work"] = 1;
  const auto first = submit(spec_of("work"));
  const auto second = submit(spec_of("work"));
  // The old owner still waits for its work when the new one begins.
  work.obey = false;
  kafka.revoke("test", {shard0});
  kafka.assign("test", {shard0});
  advance(1s, 100ms);
  work.obey = true;
  work.end(0, {.error = "stopped"});
  advance(30s, 100ms);
  for (int i = 0; i < 2; ++i) {
    ASSERT_EQ(work.running.size(), 1u);
    work.end(0, {.succeeded = true});
    advance(1s, 100ms);
  }
  EXPECT_EQ(status(first), task_status::succeeded);
  EXPECT_EQ(status(second), task_status::succeeded);
  EXPECT_EQ(context.probe.slots_used.load(), 0u);
}

TEST_F(found_by_simulation, what_a_replay_has_published_is_not_published_again) {
  settle();
  topics.fail_next(1, {errc::unavailable, "away"}, false);
  produce(intake::orders, shard0, R"({"product":"One"})");
  reads.held = true;
  advance(1s, 100ms);  // the replay waits to read
  commits.held = true;
  produce(intake::orders, shard0, R"({"product":"Two"})");
  // It reads what the shard has not yet heard to be durable.
  reads.held = commits.held = false;
  advance(2s, 100ms);
  EXPECT_EQ(published(), (std::vector<std::string>{"CREATED", "CREATED"}));
}

TEST_F(found_by_simulation, a_crash_of_the_work_is_not_blamed_on_the_next_record) {
  allow_log_error("entity.crashed");
  settle();
  context.limits.slots_per_kind["work"] = 0;
  const auto id = submit(spec_of("work"));
  work.throw_next = true;
  // The slot and the command lie in the mailbox together.
  caf::anon_send(find_shard(shard0), actors::slots_granted{{"default", "work"}, {id}});
  log.producer().produce(
      {{intake::tasks, shard0, {}, codec::write_intake(id, task_command{cancel_task{}}), {}}},
      [](const auto&) {});
  log.step();
  log.step();
  settle();
  EXPECT_EQ(reader->dead_letters(10)->size(), 0u);
  EXPECT_EQ(status(id), task_status::cancelled);
}

TEST_F(found_by_simulation, a_start_that_waits_for_its_commit_costs_the_work_no_time) {
  settle();
  commits.held = true;
  auto spec = spec_of("work");
  spec.delivery = delivery_mode::at_most_once;
  spec.ttl = 3s;
  const auto id = submit(spec);
  advance(2s);
  commits.held = false;
  settle();
  ASSERT_EQ(work.running.size(), 1u);
  advance(2s);
  EXPECT_EQ(status(id), task_status::running);
  advance(1100ms);
  EXPECT_EQ(status(id), task_status::expired);
}

TEST_F(found_by_simulation, a_clock_set_back_does_not_stretch_a_drain) {
  settle();
  commits.held = true;
  submit(spec_of("work"));
  kafka.revoke("test", {shard0}, false);
  settle();
  time.now_ -= 1min;  // while the shard waits for the store
  advance(context.limits.drain_limit + 1s);
  EXPECT_FALSE(find_shard(shard0));
  EXPECT_EQ(listening->revocations_done, 1);
}

TEST_F(found_by_simulation,
       a_timer_that_fired_counts_also_when_the_clock_is_set_back_before_it_is_handled) {
  settle();
  auto spec = spec_of("noop");
  spec.run_at = time.now() + 10s;
  const auto id = submit(spec);
  advance(5s);
  reads.held = true;  // the timer fires, and the task is still being loaded
  advance(6s);
  time.now_ -= 30s;
  reads.held = false;
  settle();
  EXPECT_EQ(status(id), task_status::succeeded);
}

// By ./dev chaos, seed 20261122: the clock of a node jumped two hours ahead, and back.
TEST_F(found_by_simulation, what_ran_or_waited_by_a_clock_that_was_ahead_is_taken_up_at_once) {
  settle();
  context.limits.slots_per_kind["work"] = 1;
  time.now_ += 2h;
  auto spec = spec_of("work");
  spec.ttl = 1h;
  spec.retry.initial = 1s;
  const auto ran = submit(spec);
  const auto waited = submit(spec);
  advance(100ms);
  ASSERT_EQ(status(ran), task_status::running);
  ASSERT_EQ(status(waited), task_status::queued);
  time.now_ -= 2h;
  caf::anon_send_exit(find_shard(shard0), caf::exit_reason::kill);
  advance(5s, 100ms);
  EXPECT_EQ(stored(ran)->reason, end_reason::lease_lost);
  EXPECT_EQ(status(waited), task_status::running);
}

// Seeds 24, 145 and 172.
TEST_F(found_by_simulation, a_clock_that_is_set_gives_work_neither_more_time_nor_less) {
  settle();
  auto spec = spec_of("work");
  spec.ttl = 5s;
  for (const auto jump : {-10min, 10min}) {
    const auto id = submit(spec);
    advance(2s);
    time.now_ += jump;
    advance(2900ms);
    EXPECT_EQ(status(id), task_status::running);
    advance(200ms);
    EXPECT_EQ(status(id), task_status::expired);
    EXPECT_TRUE(work.running.empty());
  }
}

TEST_F(found_by_simulation, a_clock_set_back_before_a_late_start_gives_the_work_no_more_time) {
  settle();
  commits.held = true;
  auto spec = spec_of("work");
  spec.delivery = delivery_mode::at_most_once;
  spec.ttl = 3s;
  const auto id = submit(spec);
  advance(1s);
  time.now_ -= 10min;
  commits.held = false;
  settle();
  ASSERT_EQ(work.running.size(), 1u);
  advance(3100ms);
  EXPECT_EQ(status(id), task_status::expired);
}

/// A node that was cut off from the log alone lost its epoch to us, acquired the shard once more, began work,
/// and then heard from the log that the shard is not its own.
TEST_F(found_by_simulation, an_owner_with_nothing_to_commit_takes_up_what_another_has_begun) {
  settle();
  const auto zombie = truth.open_journal();
  shard_owner other(shard0, *zombie->acquire(shard0, "another", time.now()));
  auto spec = spec_of("work");
  spec.retry.initial = 100ms;
  const auto id = other.submit(spec);
  other.apply(id, task_command{start_task{"another"}});
  auto batch = other.seal();
  ASSERT_EQ(zombie->commit(std::span(&batch, 1)).outcome, commit_outcome::done);
  ASSERT_EQ(status(id), task_status::running);
  EXPECT_TRUE(work.running.empty());
  advance(12s, 100ms);
  ASSERT_EQ(work.running.size(), 1u) << "the attempt of the other is over, and the task runs here";
  EXPECT_EQ(work.running.front().item.task, id);
  EXPECT_EQ(work.running.front().item.token.attempt, 2u);
  EXPECT_EQ(context.probe.shards_restarted.load(), 1u) << "once: from then on it is ours";
}

}  // namespace orrery::test
