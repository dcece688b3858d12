/// Schedules on a node under virtual time: fires and what they start, crashes, two owners, clocks that step.

#include "tests/actors/schedule_node.hpp"

namespace orrery::test {

TEST_F(schedules, fire_each_second_and_their_tasks_run) {
  const auto id = make(every_second());
  advance(5s);
  EXPECT_EQ(fired(id).size(), 5u);
  expect_gapless(id);
  for (const auto& one : tasks_stored())
    EXPECT_EQ(one.status, task_status::succeeded);
  EXPECT_EQ(the(id).recent.back().outcome, fire_outcome::succeeded);
  EXPECT_EQ(the(id).counters.fired, 5u);
}

TEST_F(schedules, a_fire_and_its_task_are_one_commit) {
  const auto id = make(every_second());
  commits.held = true;
  advance(1s);
  EXPECT_TRUE(fired(id).empty());
  EXPECT_TRUE(tasks_stored().empty());
  commits.held = false;
  while (fired(id).empty())
    ASSERT_TRUE(commits.step());
  EXPECT_EQ(tasks_stored().size(), 1u) << "a fire without its task";
}

TEST_F(schedules, an_owner_killed_between_due_and_commit_fires_neither_twice_nor_not_at_all) {
  const auto id = make(every_second());
  advance(2s);
  commits.drop_after = 0;  // decided, and never committed
  advance(1s);
  const auto before = fired(id).size();
  commits.drop_after.reset();
  kill_owner(id);
  advance(4s);
  EXPECT_GE(fired(id).size(), before + 4);
  expect_gapless(id);
}

TEST_F(schedules, killed_at_each_commit_they_lose_and_double_nothing) {
  const auto id = make(every_second());
  for (int after = 0; after < 12; ++after) {
    commits.drop_after = after % 4;
    advance(1500ms);
    commits.drop_after.reset();
    kill_owner(id);
    advance(500ms);
  }
  advance(3s);
  EXPECT_GE(fired(id).size(), 20u);
  expect_gapless(id);
}

TEST_F(schedules, of_two_owners_the_former_changes_nothing) {
  const auto id = make(every_second());
  advance(2s);
  // Another owner takes the shard; this node does not know yet and goes on firing.
  const auto usurper = truth.open_journal();
  ASSERT_TRUE(usurper->acquire(id.shard(), "another", time.now()));
  const auto before = fired(id).size();
  advance(990ms);
  EXPECT_LE(fired(id).size(), before + 1);
  advance(5s);  // the node has taken the shard again, under a new epoch
  expect_gapless(id);
  EXPECT_GE(fired(id).size(), before + 4);
}

TEST_F(schedules, a_clock_that_is_set_back_repeats_nothing_and_goes_on) {
  const auto id = make(every_second());
  advance(3s);
  time.now_ -= 20s;
  advance(10s);
  EXPECT_EQ(fired(id).size(), 3u);
  advance(15s);
  EXPECT_GE(fired(id).size(), 5u);
  expect_gapless(id);
}

TEST_F(schedules, a_clock_that_is_set_forward_makes_up_for_what_it_jumped_over) {
  const auto id = make(every_second());
  advance(2s);
  time.now_ += 30s;
  advance(3s);
  EXPECT_EQ(fired(id).size(), 35u);
  expect_gapless(id);
}

TEST_F(schedules, the_end_of_what_runs_is_heard_after_a_takeover_before_a_fire_is_left_out) {
  auto spec = every_second("work");
  spec.overlap = overlap_policy::skip;
  spec.times.expressions = {"0/10 * * * * ?"};
  const auto id = make(spec);
  advance(10s);
  ASSERT_EQ(work.running.size(), 1u);
  advance(5s);
  reads.held = true;  // the schedule has left memory; the news cannot reach it
  work.end(0, {.succeeded = true});
  settle();
  kill_owner(id);
  reads.held = false;
  advance(6s);
  EXPECT_EQ(the(id).counters.overlap_skipped, 0u);
  EXPECT_EQ(fired(id).size(), 2u);
}

TEST_F(schedules, that_are_paused_right_after_a_takeover_have_made_what_was_due) {
  auto spec = every_second("work");
  spec.overlap = overlap_policy::skip;
  spec.times.expressions = {"0/10 * * * * ?"};
  const auto id = make(spec);
  advance(10s);
  ASSERT_EQ(work.running.size(), 1u);
  advance(5s);
  // The schedule has left memory when the work ends, and nobody owns the shard when the next fire is due.
  commits.hold_acquisitions = true;
  reads.held = true;
  work.end(0, {.succeeded = true});
  settle();
  reads.held = false;
  kill_owner(id);
  advance(6s, 1s);
  ASSERT_EQ(the(id).recent.front().outcome, fire_outcome::running) << "nobody has heard of its end";
  ASSERT_EQ(fired(id).size(), 1u);
  commits.hold_acquisitions = false;
  commits.acquire_held();
  // Before the new owner has looked at what is due.
  std::optional<result<entity>> told;
  caf::anon_send(find_shard(id.shard()),
                 actors::direct_command{
                     entity_kind::schedule, id, schedule_command{pause_schedule{"maintenance"}},
                     time.now() + 5s, [&told](result<entity> after) { told = std::move(after); }});
  settle();
  ASSERT_TRUE(told && *told) << "answered";
  advance(30s, 1s);
  EXPECT_EQ(the(id).status, schedule_status::paused);
  EXPECT_EQ(fired(id).size(), 2u);
  EXPECT_EQ(the(id).counters.overlap_skipped, 0u) << "the end of the first was heard before";
}

TEST_F(schedules, answer_commands_behind_the_news_in_their_order) {
  auto spec = every_second("work");
  spec.overlap = overlap_policy::allow;
  const auto id = make(spec);
  advance(3s);
  ASSERT_EQ(work.running.size(), 3u);
  commits.hold_acquisitions = true;
  kill_owner(id);
  advance(3s, 1s);
  commits.hold_acquisitions = false;
  commits.acquire_held();
  // All at once, so that they reach the schedule before what it asks for when it comes back.
  std::vector<std::string> told;
  const auto shard = find_shard(id.shard());
  const auto send = [&](schedule_command wish) {
    caf::anon_send(
        shard, actors::direct_command{entity_kind::schedule, id, std::move(wish), time.now() + 5s,
                                      [&told](result<entity> after) {
                                        told.push_back(after ? std::get<schedule>(*after).note
                                                             : after.error().detail);
                                      }});
  };
  for (int i = 0; i < 3; ++i) {
    send(pause_schedule{"pause " + std::to_string(i)});
    send(resume_schedule{"resume " + std::to_string(i)});
  }
  settle();
  EXPECT_EQ(told, (std::vector<std::string>{"pause 0", "resume 0", "pause 1", "resume 1", "pause 2",
                                            "resume 2"}));
  EXPECT_EQ(the(id).note, "resume 2");
  advance(2s);
  expect_gapless(id);
}

TEST_F(schedules, cancel_what_runs_where_their_policy_says_so) {
  auto spec = every_second("work");
  spec.overlap = overlap_policy::cancel_other;
  const auto id = make(spec);
  advance(1s);
  ASSERT_EQ(work.running.size(), 1u);
  const auto first = work.running[0].item.task;
  advance(1s);
  EXPECT_EQ(status(first), task_status::cancelled);
  ASSERT_EQ(work.running.size(), 1u);
  EXPECT_NE(work.running[0].item.task, first);
  EXPECT_EQ(the(id).recent.front().outcome, fire_outcome::cancelled);
}

TEST_F(schedules, start_orders_as_well) {
  auto spec = every_second();
  spec.action = schedule_action::order;
  spec.order.product = "Laptop";
  spec.order.metadata = R"({"for":"{{scheduledAt}}"})";
  const auto id = make(spec);
  advance(2s);
  entity_query query;
  query.kind = entity_kind::order;
  const auto page = reader->list(query);
  ASSERT_EQ(page->items.size(), 2u);
  EXPECT_EQ(std::get<order>(page->items[0]).spec->parent, id);
  EXPECT_EQ(the(id).recent.back().outcome, fire_outcome::started);
}

TEST_F(schedules, refuse_what_is_wrong_and_name_the_place) {
  auto spec = every_second();
  spec.times.expressions = {"* * * * *  * ? 1"};
  const auto id = id_of_schedule(spec.name, shards);
  auto told = ask(id, schedule_command{submit_schedule{spec, {}}});
  ASSERT_TRUE(*told);
  EXPECT_EQ((**told).error().field, "expressions[0]");
  spec = every_second();
  spec.times.zone = "Mars/Olympus";
  told = ask(id, schedule_command{submit_schedule{spec, {}}});
  ASSERT_TRUE(*told);
  EXPECT_EQ((**told).error().field, "zone");
  EXPECT_EQ((**told).error().code, errc::invalid);
  told = ask(id, schedule_command{pause_schedule{}});
  EXPECT_EQ((**told).error().code, errc::not_found);
}

TEST_F(schedules, far_from_their_time_are_rows_and_come_back_for_it) {
  auto spec = every_second();
  spec.times.expressions = {"0 0/10 * * * ?"};
  const auto id = make(spec);
  advance(5s);
  EXPECT_EQ(context.probe.entities_live.load(), 0u);
  advance(21min, 1s);
  EXPECT_EQ(fired(id).size(), 2u);
}

/// An hour of seconds on a node whose owner is killed every few minutes, in the middle of commits.
TEST_F(schedules, an_hour_of_seconds_with_takeovers_is_gapless) {
  const auto id = make(every_second());
  uint64_t random = 7;
  for (int i = 0; i < 40; ++i) {
    random = random * 6364136223846793005u + 1442695040888963407u;
    advance(1s * static_cast<int64_t>(10 + random % 40), 250ms);
    commits.drop_after = static_cast<int>(random >> 40) % 3;
    advance(1s, 250ms);
    commits.drop_after.reset();
    kill_owner(id);
    advance(2s, 250ms);
  }
  const auto times = fired(id);
  EXPECT_GT(times.size(), 900u);
  for (size_t i = 1; i < times.size(); ++i)
    ASSERT_EQ(times[i] - times[i - 1], 1s) << i;
}

}  // namespace orrery::test
