/// External workers: leases, heartbeats, and what happens when somebody is gone.

#include "actors/worker_desk.hpp"
#include "tests/actors/two_nodes.hpp"

#include <set>

namespace orrery::test {

class leases : public two_nodes {
protected:
  leases() {
    for (auto* node : {&context, &other}) {
      node->limits.external_kinds = {"email"};
      node->desk = sys.spawn<actors::worker_desk>(*node);
    }
    advance(1s, 50ms);
  }
  ~leases() override {
    for (const auto& one : {context.desk, other.desk})
      caf::anon_send_exit(one, caf::exit_reason::kill);
    while (sched.try_run_once()) {
    }
  }

  using answer = std::shared_ptr<std::optional<result<lease_answer>>>;
  answer poll(actors::node_context& at, lease_wish wish) {
    auto told = std::make_shared<std::optional<result<lease_answer>>>();
    actors::poll_for_work asks;
    asks.wish = std::move(wish);
    asks.seed[0] = static_cast<uint8_t>(++seeds_);
    asks.reply = [told](result<lease_answer> a) { told->emplace(std::move(a)); };
    caf::anon_send(at.desk, std::move(asks));
    settle();
    return told;
  }
  static lease_wish wish_of(std::string worker, duration wait = 0us, uint32_t max = 1) {
    lease_wish wish;
    wish.worker = std::move(worker);
    wish.kinds = {"email"};
    wish.wait = wait;
    wish.max = max;
    return wish;
  }
  static const std::vector<leased_task>& items(const answer& told) {
    static const std::vector<leased_task> none;
    EXPECT_TRUE(told->has_value() && (*told)->has_value()) << "is not answered";
    return told->has_value() && (*told)->has_value() ? (**told)->items : none;
  }
  auto complete(const lease_id& lease, std::string value = "1") {
    return ask(lease.task,
               task_command{complete_task{lease.token, std::move(value), lease.secret}});
  }
  auto beat(const lease_id& lease, heartbeat_task with = {}) {
    with.token = lease.token;
    with.secret = lease.secret;
    return ask(lease.task, task_command{std::move(with)});
  }

private:
  int seeds_ = 0;
};

TEST_F(leases, a_worker_gets_a_waiting_task_and_completes_it) {
  auto spec = spec_of("email");
  spec.payload = R"({"to":"x"})";
  const auto id = submit(spec);
  EXPECT_EQ(status(id), task_status::queued);
  const auto got = items(poll(context, wish_of("w1")));
  ASSERT_EQ(got.size(), 1u);
  EXPECT_EQ(got[0].lease.task, id);
  EXPECT_EQ(got[0].payload, R"({"to":"x"})");
  EXPECT_EQ(got[0].heartbeat, 60s);
  EXPECT_EQ(status(id), task_status::running) << "committed before it is handed out";
  EXPECT_EQ(stored(id)->worker, "w1");
  const auto done = complete(got[0].lease, R"({"sent":1})");
  ASSERT_TRUE(done->has_value() && (*done)->has_value());
  EXPECT_EQ(status(id), task_status::succeeded);
  EXPECT_EQ(stored(id)->result, R"({"sent":1})");
  advance(1s, 50ms);
  EXPECT_EQ(context.probe.slots_used.load(), 0u);
  EXPECT_EQ(context.probe.entities_live.load(), 0u);
}

TEST_F(leases, a_worker_that_waits_gets_what_comes_at_once) {
  const auto waiting = poll(context, wish_of("w1", 30s));
  EXPECT_FALSE(waiting->has_value());
  const auto id = submit(spec_of("email"));
  ASSERT_EQ(items(waiting).size(), 1u);
  EXPECT_EQ(items(waiting)[0].lease.task, id);
}

TEST_F(leases, a_worker_that_waited_in_vain_is_told_so) {
  const auto waiting = poll(context, wish_of("w1", 2s));
  advance(1900ms, 50ms);
  EXPECT_FALSE(waiting->has_value());
  advance(200ms, 50ms);
  EXPECT_TRUE(items(waiting).empty());
}

TEST_F(leases, any_node_can_be_asked_for_work_of_all) {
  const auto id = submit(spec_of("email"));
  advance(1s, 50ms);
  const auto got = poll(other, wish_of("w1", 5s));
  advance(100ms);
  ASSERT_EQ(items(got).size(), 1u);
  EXPECT_EQ(items(got)[0].lease.task, id);
  const auto next = poll(other, wish_of("w1", 30s));
  advance(3s, 50ms);
  const auto later = submit(spec_of("email"));
  advance(100ms);
  ASSERT_EQ(items(next).size(), 1u);
  EXPECT_EQ(items(next)[0].lease.task, later);
  complete(items(next)[0].lease);
  EXPECT_EQ(status(later), task_status::succeeded);
}

TEST_F(leases, nobody_gets_more_than_asked_and_nothing_is_handed_out_twice) {
  std::vector<answer> waiting;
  for (int i = 0; i < 4; ++i)
    waiting.push_back(poll(i % 2 == 0 ? context : other, wish_of("w" + std::to_string(i), 20s, 2)));
  advance(3s, 50ms);
  std::set<entity_id> submitted;
  for (int i = 0; i < 5; ++i)
    submitted.insert(submit(spec_of("email"), shard_id{static_cast<uint16_t>(i % 2)}));
  advance(3s, 50ms);
  // Who waits gets the first that comes, alone: one who asks again gets what is left.
  for (const auto& one : waiting)
    EXPECT_TRUE(one->has_value());
  waiting.push_back(poll(other, wish_of("w0", 20s, 2)));
  advance(3s, 50ms);
  std::set<entity_id> got;
  for (const auto& one : waiting)
    if (one->has_value())
      for (const auto& item : items(one)) {
        EXPECT_TRUE(got.insert(item.lease.task).second);
        EXPECT_EQ(item.lease.token, (attempt_token{1, 1}));
      }
  EXPECT_EQ(got, submitted);
  for (const auto& one : waiting) {
    if (one->has_value()) {
      EXPECT_LE(items(one).size(), 2u);
    }
  }
}

TEST_F(leases, labels_queue_and_kind_must_suit) {
  auto spec = spec_of("email");
  spec.queue = "bulk";
  spec.options.edit([](task_options& o) { o.labels = {"gpu", "eu"}; });
  const auto id = submit(spec);
  auto wish = wish_of("w1");
  EXPECT_TRUE(items(poll(context, wish)).empty()) << "it has no labels";
  wish.labels = {"eu"};
  EXPECT_TRUE(items(poll(context, wish)).empty());
  wish.labels = {"eu", "x", "gpu"};
  wish.queues = {"other"};
  EXPECT_TRUE(items(poll(context, wish)).empty());
  wish.queues = {"bulk"};
  wish.kinds = {"sms"};
  EXPECT_TRUE(items(poll(context, wish)).empty());
  wish.kinds = {};
  ASSERT_EQ(items(poll(context, wish)).size(), 1u);
  EXPECT_EQ(status(id), task_status::running);
}

TEST_F(leases, silence_ends_the_attempt_and_a_heartbeat_keeps_it) {
  auto spec = spec_of("email");
  spec.heartbeat = 10s;
  const auto id = submit(spec);
  const auto lease = items(poll(context, wish_of("w1")))[0].lease;
  for (int i = 0; i < 5; ++i) {
    advance(9s, 100ms);
    ASSERT_TRUE(beat(lease)->value());
    EXPECT_EQ(status(id), task_status::running);
  }
  advance(9900ms, 100ms);
  EXPECT_EQ(status(id), task_status::running);
  advance(200ms, 100ms);
  EXPECT_EQ(status(id), task_status::expired);
  EXPECT_EQ(stored(id)->reason, end_reason::heartbeat);
  EXPECT_EQ(context.probe.slots_used.load(), 0u);
}

TEST_F(leases, a_killed_worker_loses_nothing) {
  auto spec = spec_of("email");
  spec.heartbeat = 5s;
  spec.on_timeout = timeout_action::retry;
  spec.retry.initial = 1s;
  const auto id = submit(spec);
  heartbeat_task beat_with;
  beat_with.cursor = R"({"page":7})";
  const auto first = items(poll(context, wish_of("w1")))[0].lease;
  ASSERT_TRUE(beat(first, beat_with)->value());
  advance(8s, 100ms);  // it says nothing any more
  const auto second = items(poll(context, wish_of("w2", 5s)));
  ASSERT_EQ(second.size(), 1u);
  EXPECT_EQ(second[0].lease.token, (attempt_token{1, 2}));
  EXPECT_EQ(second[0].cursor, R"({"page":7})");
  const auto late = complete(first, "1");
  ASSERT_TRUE(late->has_value());
  EXPECT_EQ((*late)->error().code, errc::rejected);
  EXPECT_EQ(status(id), task_status::running) << "a late answer changes nothing";
  EXPECT_EQ(stored(id)->extra->orphans.size(), 1u) << "and is kept aside";
  complete(second[0].lease, "2");
  EXPECT_EQ(stored(id)->result, "2");
}

TEST_F(leases, a_guessed_lease_is_no_lease) {
  const auto id = submit(spec_of("email"));
  auto lease = items(poll(context, wish_of("w1")))[0].lease;
  lease.secret[0] = lease.secret[0] == '0' ? '1' : '0';
  const auto told = complete(lease);
  ASSERT_TRUE(told->has_value());
  EXPECT_EQ((*told)->error().code, errc::not_found);
  EXPECT_EQ((*beat(lease))->error().code, errc::not_found);
  EXPECT_EQ(status(id), task_status::running);
  EXPECT_TRUE(stored(id)->extra->orphans.empty());
}

TEST_F(leases, the_worker_goes_on_when_the_shard_changes_hands) {
  auto spec = spec_of("email");
  spec.heartbeat = 10s;
  const auto id = submit(spec);
  const auto lease = items(poll(context, wish_of("w1")))[0].lease;
  caf::anon_send(find_shard(shard0), actors::drain_shard{});
  advance(2s, 50ms);  // and another owner, with another epoch
  EXPECT_EQ(status(id), task_status::running);
  EXPECT_EQ(stored(id)->attempt, 1u);
  EXPECT_EQ(context.probe.slots_used.load(), 1u) << "the slot is counted by the new owner";
  advance(5s, 100ms);
  ASSERT_TRUE(complete(lease, "7")->value());
  EXPECT_EQ(stored(id)->result, "7");
  advance(1s, 100ms);
  EXPECT_EQ(context.probe.slots_used.load(), 0u);
}

TEST_F(leases, cancel_is_told_and_the_slot_is_free_at_once) {
  const auto id = submit(spec_of("email"));
  const auto lease = items(poll(context, wish_of("w1")))[0].lease;
  ask(id, task_command{cancel_task{"no"}});
  EXPECT_EQ(status(id), task_status::cancelled);
  EXPECT_EQ(context.probe.slots_used.load(), 0u);
  EXPECT_EQ((*beat(lease))->error().code, errc::rejected);
}

TEST_F(leases, a_quiet_worker_gets_nothing_until_it_is_resumed) {
  submit(spec_of("email"));
  caf::anon_send(other.desk, actors::give_orders{"w1", {true, false}, false});
  advance(1s, 50ms);
  const auto told = poll(context, wish_of("w1", 10s));
  EXPECT_TRUE(items(told).empty());
  EXPECT_TRUE((**told)->orders.quiet);
  EXPECT_EQ(items(poll(context, wish_of("w2"))).size(), 1u);
  submit(spec_of("email"));
  caf::anon_send(other.desk, actors::give_orders{"w1", {}, false});
  advance(1s, 50ms);
  EXPECT_EQ(items(poll(context, wish_of("w1"))).size(), 1u);
}

TEST_F(leases, work_begun_for_a_desk_that_is_gone_is_taken_back_uncounted) {
  const auto id = submit(spec_of("email"));
  advance(1s, 50ms);
  commits.held = true;
  poll(other, wish_of("w1", 1s));
  advance(100ms);
  wire.cut = true;
  commits.held = false;
  advance(15s, 50ms);
  EXPECT_EQ(stored(id)->uncounted, 1u);
  EXPECT_EQ(status(id), task_status::queued);
  EXPECT_EQ(items(poll(context, wish_of("w2"))).size(), 1u);
}

}  // namespace orrery::test
