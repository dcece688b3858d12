/// Slots that a shard keeps for tasks to come.

#include "tests/actors/simulated_node.hpp"

namespace orrery::test {

class slot_credit : public simulated_node {};

TEST_F(slot_credit, with_credit_a_life_is_one_effect_though_the_writer_is_quick) {
  submit(spec_of("noop"));  // the first one asks, and brings credit
  const auto before = commits.commits;
  std::vector<entity_id> ids;
  for (int i = 0; i < 50; ++i)
    ids.push_back(submit(spec_of("noop")));
  EXPECT_EQ(commits.commits - before, 50);
  for (const auto id : ids) {
    EXPECT_EQ(status(id), task_status::succeeded);
    EXPECT_EQ(stored(id)->version, 3u);
  }
  EXPECT_EQ(context.probe.slots_used.load(), 0u);
}

TEST_F(slot_credit, never_lets_more_run_than_there_are_slots) {
  context.limits.slots_per_kind["work"] = 8;
  for (int i = 0; i < 30; ++i)
    submit(spec_of("work"), shard_id{static_cast<uint16_t>(i % 2)});
  size_t ended = 0;
  while (ended < 30) {
    ASSERT_LE(work.running.size(), 8u);
    ASSERT_EQ(work.running.size(), std::min<size_t>(8, 30 - ended)) << "and no slot lies idle";
    work.end(ended % work.running.size(), {.succeeded = true});
    ++ended;
    settle();
  }
}

TEST_F(slot_credit, goes_back_when_another_shard_waits) {
  context.limits.slots_per_kind["work"] = 8;
  for (int i = 0; i < 4; ++i)
    submit(spec_of("work"));
  while (!work.running.empty()) {
    work.end(0, {.succeeded = true});
    settle();
  }
  for (int i = 0; i < 8; ++i)
    submit(spec_of("work"), shard_id{1});
  EXPECT_EQ(work.running.size(), 8u);
}

TEST_F(slot_credit, a_task_that_is_refused_or_waits_for_its_time_gives_its_slot_back) {
  submit(spec_of("work"));
  work.end(0, {.succeeded = true});
  settle();
  auto spec = spec_of("work");
  spec.run_at = time.now() + 1h;
  submit(spec);
  const auto again = submit(spec_of("work"));
  produce(intake::tasks, shard0, codec::write_intake(again, task_command{submit_task{spec}}),
          {{"orrery-fresh", "1"}});
  ASSERT_EQ(work.running.size(), 1u);
  EXPECT_EQ(context.probe.slots_used.load(), 1u);
  work.end(0, {.succeeded = true});
  advance(3s, 100ms);
  EXPECT_EQ(context.probe.slots_used.load(), 0u);
}

TEST_F(slot_credit, an_at_most_once_start_is_still_committed_first) {
  submit(spec_of("work"));
  work.end(0, {.succeeded = true});
  settle();
  commits.held = true;
  auto spec = spec_of("work");
  spec.delivery = delivery_mode::at_most_once;
  submit(spec);
  EXPECT_TRUE(work.running.empty());
  commits.held = false;
  settle();
  EXPECT_EQ(work.running.size(), 1u);
}

}  // namespace orrery::test
