/// Why a task does not run, as the owner of its shard tells it.

#include "actors/limit_board.hpp"
#include "actors/worker_messages.hpp"
#include "base/murmur2.hpp"
#include "domain/task_why.hpp"
#include "tests/actors/simulated_node.hpp"

namespace orrery::test {

namespace {

/// What the dispatcher says of a task, as the door asks it.
class reasons_to_wait : public simulated_node {
protected:
  reasons_to_wait() { context.rules = &board; }

  void rule(work_rule one) {
    one.version = ++version_;
    board.set(work_rules({std::move(one)}));
    caf::anon_send(context.dispatcher, actors::rules_changed{});
    settle();
  }
  static work_rule rule_of(std::string queue) {
    work_rule one;
    one.name = std::move(queue);
    return one;
  }
  /// A task of `work`, of a limit key that belongs to the first shard where `keyed`.
  entity_id submit_work(bool keyed) {
    auto spec = spec_of("work");
    for (int i = 0; keyed && spec.options->limit_key.empty(); ++i)
      if (const auto key = "key-" + std::to_string(i);
          partition_of_key(key, shards) == shard0.value)
        spec.options.edit([&](task_options& o) { o.limit_key = key; });
    return submit(std::move(spec));
  }
  blocker why(entity_id id) {
    const auto t = *stored(id);
    auto told = std::make_shared<lane_view>();
    caf::anon_send(context.dispatcher,
                   actors::explain_lane{{t.spec->queue, t.spec->kind, t.spec->options->limit_key,
                                         t.spec->options->labels},
                                        [told](lane_view view) { *told = std::move(view); }});
    settle();
    return why_waiting(t, *told);
  }

  actors::limit_board board;

private:
  uint64_t version_ = 0;
};

}  // namespace

TEST_F(reasons_to_wait, a_pause_by_rule_is_named_with_its_note) {
  auto one = rule_of("default");
  one.paused = true;
  one.note = "the mail server moves";
  rule(one);
  const auto id = submit_work(false);
  advance(100ms);
  EXPECT_EQ(why(id).code, "rule-pause");
  EXPECT_NE(why(id).text.find("the mail server moves"), std::string::npos);
  one.paused = false;
  rule(one);
  advance(100ms);
  EXPECT_EQ(why(id).code, "none");
}

TEST_F(reasons_to_wait, the_limit_of_a_queue_is_named) {
  auto one = rule_of("default");
  one.whole.concurrency = 1;
  rule(one);
  submit_work(false);
  const auto id = submit_work(false);
  advance(100ms);
  EXPECT_EQ(why(id).code, "limit-of-queue");
  EXPECT_EQ(why(id).text.substr(0, 2), "1 ");
}

TEST_F(reasons_to_wait, the_limit_of_a_key_is_named_and_not_of_another) {
  auto one = rule_of("default");
  one.each_key.concurrency = 1;
  rule(one);
  submit_work(true);
  const auto id = submit_work(true);
  advance(100ms);
  EXPECT_EQ(why(id).code, "limit-of-key");
  EXPECT_NE(why(id).text.find("1 of 1"), std::string::npos);
}

TEST_F(reasons_to_wait, a_rate_is_named_with_the_moment_of_the_next_start) {
  for (const bool of_key : {false, true}) {
    auto one = rule_of("default");
    (of_key ? one.each_key : one.whole).rate = 0.5;
    (of_key ? one.each_key : one.whole).burst = 1;
    rule(one);
    const auto first = submit_work(true);
    const auto id = submit_work(true);
    advance(100ms, 5ms);
    const auto told = why(id);
    EXPECT_EQ(told.code, of_key ? "rate-of-key" : "rate-of-queue");
    ASSERT_NE(told.until, never);
    EXPECT_GT(told.until, time.now());
    advance(told.until - time.now() + 50ms, 5ms);
    EXPECT_EQ(status(id), task_status::running) << of_key << to_string(first);
    while (!work.running.empty())
      work.end(0, {.succeeded = true});
    settle();
    advance(10s, 100ms);
  }
}

TEST_F(reasons_to_wait, a_missing_worker_and_a_missing_label_are_named) {
  context.limits.external_kinds = {"mail"};
  auto spec = spec_of("mail");
  spec.options.edit([](task_options& o) { o.labels = {"gpu", "eu"}; });
  const auto id = submit(std::move(spec));
  advance(100ms);
  EXPECT_EQ(why(id).code, "no-worker");
  lease_wish wish;
  wish.worker = "w1";
  wish.kinds = {"mail"};
  wish.labels = {"eu"};
  caf::anon_send(context.dispatcher, actors::want_work{"desk", {wish}});
  settle();
  EXPECT_EQ(why(id).code, "no-label");
  EXPECT_NE(why(id).text.find("gpu"), std::string::npos);
  EXPECT_EQ(why(id).text.find("eu"), std::string::npos);
  wish.kinds = {"other"};
  caf::anon_send(context.dispatcher, actors::want_work{"desk", {wish}});
  settle();
  EXPECT_EQ(why(id).code, "no-worker");
}

}  // namespace orrery::test
