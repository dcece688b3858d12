/// Attempts that another node executes.

#include "tests/actors/two_nodes.hpp"

namespace orrery::test {

class work_away : public two_nodes {};

TEST_F(work_away, a_node_without_slots_has_the_work_done_by_the_other) {
  const auto id = submit(spec_of("work"));
  advance(50ms);
  EXPECT_EQ(status(id), task_status::running);
  EXPECT_EQ(stored(id)->worker, "other");
  EXPECT_TRUE(work.running.empty());
  ASSERT_EQ(work_there.running.size(), 1u);
  EXPECT_EQ(work_there.running[0].item.epoch, epoch_t{1});
  EXPECT_EQ(work_there.running[0].item.token, (attempt_token{1, 1}));
  work_there.end(0, {.succeeded = true, .result = R"({"answer":42})"});
  settle();
  EXPECT_EQ(status(id), task_status::succeeded);
  EXPECT_EQ(stored(id)->result, R"({"answer":42})");
}

TEST_F(work_away, slots_of_our_own_come_first) {
  context.limits.slots_per_kind["work"] = 1;
  submit(spec_of("work"));
  submit(spec_of("work"));
  submit(spec_of("work"));
  submit(spec_of("work"));
  advance(1s);
  EXPECT_EQ(work.running.size(), 1u);
  EXPECT_EQ(work_there.running.size(), 2u);
}

TEST_F(work_away, a_borrowed_slot_serves_one_task_after_the_other_and_goes_back) {
  std::vector<entity_id> ids;
  for (int i = 0; i < 5; ++i)
    ids.push_back(submit(spec_of("work")));
  advance(100ms);
  for (int done = 0; done < 5; ++done) {
    ASSERT_LE(work_there.running.size(), 2u);
    ASSERT_FALSE(work_there.running.empty());
    work_there.end(0, {.succeeded = true});
    advance(100ms);
  }
  for (const auto id : ids)
    EXPECT_EQ(status(id), task_status::succeeded);
  EXPECT_EQ(other.probe.slots_lent.load(), 0u);
  EXPECT_EQ(context.probe.slots_used.load(), 0u);
}

TEST_F(work_away, ttl_stops_the_work_there_at_the_exact_tick) {
  auto spec = spec_of("work");
  spec.ttl = 5s;
  const auto id = submit(spec);
  advance(5s - 1ms, 1ms);
  EXPECT_TRUE(work_there.stops.empty());
  advance(2ms, 1ms);
  EXPECT_EQ(status(id), task_status::expired);
  EXPECT_EQ(work_there.stops.size(), 1u);
  EXPECT_TRUE(work_there.running.empty());
}

/// Tasks whose work must have ended by itself where it runs: `ttl` and a tick after it began.
class work_away_alone : public work_away {
protected:
  void SetUp() override {
    auto spec = spec_of("work");
    spec.ttl = 1s;  // shorter than the lease of the session
    spec.on_timeout = timeout_action::retry;
    spec.retry.initial = 1h;
    id = submit(spec);
    advance(50ms);
    ASSERT_EQ(work_there.running.size(), 1u);
  }
  void expect_stopped_in_time() {
    advance(900ms);
    EXPECT_EQ(work_there.running.size(), 1u) << "it has all of its time";
    advance(200ms);
    EXPECT_TRUE(work_there.running.empty());
  }
  entity_id id;
};

TEST_F(work_away_alone, the_work_ends_in_time_when_its_owner_is_gone) {
  wire.cut = true;  // nothing comes from it or gets there
  caf::anon_send_exit(find_shard(shard0), caf::exit_reason::kill);
  expect_stopped_in_time();
}

TEST_F(work_away_alone, the_work_ends_in_time_when_the_link_is_cut) {
  wire.cut = true;
  expect_stopped_in_time();
  wire.cut = false;
  advance(5s, 50ms);
  EXPECT_EQ(status(id), task_status::retrying);
  EXPECT_EQ(stored(id)->reason, end_reason::ttl);
}

TEST_F(work_away_alone, the_work_ends_in_time_when_clocks_are_set_back) {
  time.now_ -= 10min;
  expect_stopped_in_time();
  EXPECT_EQ(stored(id)->reason, end_reason::ttl);
}

TEST_F(work_away_alone, an_owner_whose_clocks_stand_still_hears_that_the_time_is_over) {
  caf::anon_send_exit(context.ttl, caf::exit_reason::kill);
  expect_stopped_in_time();
  advance(50ms);
  EXPECT_EQ(status(id), task_status::retrying);
  EXPECT_EQ(stored(id)->reason, end_reason::ttl);
}

TEST_F(work_away_alone, work_that_is_given_more_time_has_it_there_too) {
  heartbeat_task beat{{1, 1}};
  beat.extend = 5s;
  const auto told = ask(id, task_command{beat});
  ASSERT_TRUE(told->has_value() && **told);
  advance(4900ms);
  EXPECT_EQ(work_there.running.size(), 1u);
  wire.cut = true;
  advance(200ms);
  EXPECT_TRUE(work_there.running.empty());
}

TEST_F(work_away, cancel_and_kill_reach_the_work_there) {
  const auto cancelled = submit(spec_of("work"));
  const auto killed = submit(spec_of("work"));
  advance(100ms);
  ASSERT_EQ(work_there.running.size(), 2u);
  ask(cancelled, task_command{cancel_task{"no"}});
  ask(killed, task_command{cancel_task{"no", true}});
  ASSERT_EQ(work_there.stops.size(), 2u);
  EXPECT_EQ(work_there.stops[0].mode, stop_mode::graceful);
  EXPECT_EQ(work_there.stops[1].mode, stop_mode::now);
  EXPECT_EQ(status(cancelled), task_status::cancelled);
  EXPECT_EQ(stored(killed)->reason, end_reason::killed);
  advance(1s);
  EXPECT_EQ(other.probe.slots_lent.load(), 0u);
}

TEST_F(work_away, a_lost_node_costs_an_attempt_and_the_task_is_tried_again) {
  auto spec = spec_of("work");
  spec.retry.initial = 1s;
  const auto id = submit(spec);
  advance(100ms);
  ASSERT_EQ(work_there.running.size(), 1u);
  wire.cut = true;
  advance(6s, 50ms);
  EXPECT_EQ(stored(id)->reason, end_reason::lease_lost);
  EXPECT_TRUE(work_there.running.empty()) << "the cut-off node stops what it runs for others";
  context.limits.slots_per_kind["work"] = 1;
  advance(5s, 50ms);
  EXPECT_EQ(status(id), task_status::running);
  EXPECT_EQ(stored(id)->attempt, 2u);
  EXPECT_EQ(work.running.size(), 1u);
}

TEST_F(work_away, the_work_is_stopped_there_before_it_counts_as_lost_here) {
  const auto id = submit(spec_of("work"));
  advance(100ms);
  wire.cut = true;
  for (int i = 0; i < 600 && status(id) == task_status::running; ++i)
    advance(10ms);
  EXPECT_EQ(stored(id)->reason, end_reason::lease_lost);
  EXPECT_TRUE(work_there.running.empty());
}

TEST_F(work_away, an_at_most_once_attempt_of_a_lost_node_has_failed) {
  auto spec = spec_of("work");
  spec.delivery = delivery_mode::at_most_once;
  const auto id = submit(spec);
  advance(100ms);
  ASSERT_EQ(work_there.running.size(), 1u);
  wire.cut = true;
  advance(6s, 50ms);
  EXPECT_EQ(status(id), task_status::failed);
  EXPECT_EQ(stored(id)->reason, end_reason::lease_lost);
}

TEST_F(work_away, an_interruption_shorter_than_the_lease_costs_nothing) {
  const auto id = submit(spec_of("work"));
  advance(100ms);
  wire.cut = true;
  advance(1s, 50ms);
  ASSERT_EQ(work_there.running.size(), 1u);
  work_there.end(0, {.succeeded = true});  // told as soon as the way is free again
  advance(200ms, 50ms);
  EXPECT_EQ(status(id), task_status::running);
  wire.cut = false;
  advance(1s, 50ms);
  EXPECT_EQ(status(id), task_status::succeeded);
  EXPECT_EQ(stored(id)->attempt, 1u);
}

TEST_F(work_away, what_a_frozen_node_says_later_changes_nothing) {
  auto spec = spec_of("work");
  spec.retry.initial = 1h;
  const auto id = submit(spec);
  advance(100ms);
  wire.frozen = "other";
  work_there.end(0, {.succeeded = true, .result = "1"});
  advance(6s, 50ms);
  EXPECT_EQ(status(id), task_status::retrying);
  wire.frozen.clear();
  for (auto& late : std::exchange(wire.held, {}))
    late();
  advance(3s, 50ms);
  EXPECT_EQ(status(id), task_status::retrying);
  EXPECT_TRUE(stored(id)->result.empty());
  EXPECT_EQ(context.probe.slots_used.load(), 0u);
}

TEST_F(work_away, an_owner_that_lost_the_shard_has_the_work_stopped) {
  submit(spec_of("work"));
  advance(100ms);
  ASSERT_EQ(work_there.running.size(), 1u);
  caf::anon_send(find_shard(shard0), actors::abandon_shard{});
  settle();
  EXPECT_TRUE(work_there.running.empty());
  EXPECT_EQ(work_there.stops.size(), 1u);
}

TEST_F(work_away, a_node_that_stops_in_order_gives_the_attempt_back_uncounted) {
  const auto id = submit(spec_of("work"));
  advance(100ms);
  context.limits.slots_per_kind["work"] = 1;
  bool done = false;
  caf::anon_send(other.exchange, actors::close_exchange{[&] { done = true; }});
  advance(200ms);
  EXPECT_TRUE(done);
  EXPECT_EQ(status(id), task_status::running);
  EXPECT_EQ(stored(id)->uncounted, 1u);
  EXPECT_EQ(work.running.size(), 1u);
}

TEST_F(work_away, who_lends_gets_its_slots_back_when_it_needs_them) {
  for (int i = 0; i < 3; ++i)
    submit(spec_of("work"));
  advance(100ms);
  ASSERT_EQ(work_there.running.size(), 2u);
  // A task of the other node's own waits.
  struct asker : caf::event_based_actor {
    asker(caf::actor_config& config, size_t& granted)
        : caf::event_based_actor(config), granted_(granted) {}
    caf::behavior make_behavior() override {
      return {[this](const actors::slots_granted& grants) { granted_ += grants.tasks.size(); },
              [](const actors::return_credit&) {}};
    }
    size_t& granted_;
  };
  size_t granted = 0;
  auto own = sys.spawn<asker>(granted);
  caf::anon_send(
      other.dispatcher,
      actors::dispatch_update{
          own, shard_id{1}, {{fresh_id(), 3, time.now(), "default", "work", {}, 1, {}}}, {}, {}});
  advance(100ms);
  EXPECT_EQ(granted, 0u);
  work_there.end(0, {.succeeded = true});
  advance(100ms);
  EXPECT_EQ(granted, 1u) << "its own task comes before the third of ours";
  EXPECT_EQ(work_there.running.size(), 1u);
  caf::anon_send_exit(own, caf::exit_reason::kill);
}

TEST_F(work_away, sleep_is_done_there_and_can_be_stopped) {
  auto spec = spec_of("sleep");
  spec.payload = R"({"duration":"3s"})";
  const auto done = submit(spec);
  spec.ttl = 1s;
  const auto cut = submit(spec);
  advance(1500ms);
  EXPECT_EQ(stored(done)->worker, "other");
  EXPECT_EQ(status(cut), task_status::expired);
  EXPECT_EQ(status(done), task_status::running);
  advance(2s);
  EXPECT_EQ(status(done), task_status::succeeded);
}

TEST_F(work_away, each_node_knows_how_loaded_the_other_is) {
  for (int i = 0; i < 5; ++i)
    submit(spec_of("work"));
  advance(3s, 50ms);
  const auto told = other.loads.all();
  ASSERT_TRUE(told.contains("test"));
  ASSERT_EQ(told.at("test").queues.size(), 1u);
  EXPECT_EQ(told.at("test").queues[0].queue, "default");
  EXPECT_EQ(told.at("test").queues[0].waiting, 3u);
  EXPECT_GE(told.at("test").queues[0].oldest, 2s);
  EXPECT_LE(told.at("test").queues[0].oldest, 3s);
  const auto here = context.loads.all();
  ASSERT_TRUE(here.contains("other"));
  for (const auto& kind : here.at("other").kinds)
    if (kind.kind == "work") {
      EXPECT_EQ(kind.slots, 2u);
      EXPECT_EQ(kind.lent, 2u);
    }
  wire.cut = true;
  advance(5s, 50ms);
  EXPECT_FALSE(context.loads.all().contains("other"));
}

TEST_F(work_away, an_idle_pair_says_little) {
  advance(5s, 50ms);
  const auto before = wire.packets;
  advance(10s, 50ms);
  EXPECT_LE(wire.packets - before, 100u);
}

}  // namespace orrery::test
