/// Children in one commit with their parent: orders and the tasks of their flows.

#include "tests/actors/flow_node.hpp"

namespace orrery::test {

class children : public flow_node {};

TEST_F(children, a_flow_runs_its_steps_and_the_order_completes) {
  know({step("pay"), after("pack", {0}), after("send", {1})});
  const auto id = submit_order_of("shop");
  for (int i = 0; i < 3; ++i) {
    ASSERT_EQ(work.running.size(), 1u) << i;
    work.end(0, {.succeeded = true, .result = "1"});
    settle();
  }
  EXPECT_EQ(the(id).status, order_status::completed);
  EXPECT_EQ(published_of(id),
            (std::vector<std::string>{"CREATED", "CONFIRMED", "FULFILLING", "COMPLETED"}));
}

TEST_F(children, the_decision_and_the_births_are_one_commit) {
  know({step("a"), step("b"), step("c")});
  const auto before = commits.commits;
  commits.held = true;
  const auto id = submit_order_of("shop");
  EXPECT_FALSE(stored_order(id));
  commits.held = false;
  while (!stored_order(id))
    ASSERT_TRUE(commits.step());
  EXPECT_EQ(commits.commits, before + 1);
  for (const auto& one : the(id).steps)
    EXPECT_TRUE(stored(one.child)) << "a parent without its child";
}

TEST_F(children, a_commit_that_fails_leaves_neither_parent_nor_child) {
  know({step("a"), step("b")});
  truth.fail_commits(1, commit_outcome::refused);
  const auto id = submit_order_of("shop");
  advance(5s);
  // The shard began again and read the record again: the same order, the same children.
  ASSERT_EQ(the(id).steps.size(), 2u);
  EXPECT_EQ(tasks_stored(), 2u);
  finish_all();
  EXPECT_EQ(the(id).status, order_status::completed);
}

TEST_F(children, the_parent_is_in_memory_or_not_when_a_child_ends) {
  know({step("slow"), after("last", {0})});
  const auto id = submit_order_of("shop");
  advance(10s, 100ms);  // longer than an idle entity stays
  work.end(0, {.succeeded = true});
  settle();
  ASSERT_EQ(work.running.size(), 1u);
  EXPECT_EQ(the(id).steps[1].status, step_status::running);
  finish_all();
  EXPECT_EQ(the(id).status, order_status::completed);
}

TEST_F(children, an_end_whose_news_was_lost_with_its_owner_is_found_again) {
  know({step("first"), after("second", {0})});
  const auto id = submit_order_of("shop");
  advance(5s, 100ms);  // the parent has left memory
  reads.held = true;   // and cannot come back
  work.end(0, {.succeeded = true});
  settle();
  EXPECT_EQ(the(id).steps[0].status, step_status::running);
  const auto first = the(id).steps[0].child;
  EXPECT_EQ(status(first), task_status::succeeded);
  caf::anon_send_exit(find_shard(shard0), caf::exit_reason::kill);
  settle();
  reads.held = false;
  advance(5s, 100ms);
  EXPECT_EQ(the(id).steps[0].status, step_status::succeeded);
  finish_all();
  EXPECT_EQ(the(id).status, order_status::completed);
}

TEST_F(children, a_takeover_at_every_commit_repeats_and_loses_nothing) {
  know({step("a"), step("b"), after("c", {0, 1}), after("d", {2})});
  for (int at = 1; at < 14; ++at) {
    const auto id = submit_order_of("shop");
    for (int n = 0; n < 40 && !is_final(the(id).status); ++n) {
      if (n == at) {
        kafka.revoke("test", {shard0}, true);  // lost: nothing is given back
        kafka.assign("test", {shard0});
      }
      if (!work.running.empty())
        work.end(0, {.succeeded = true});
      advance(n > at ? 1s : 10ms, 10ms);
    }
    EXPECT_EQ(the(id).status, order_status::completed) << at;
    EXPECT_EQ(published_of(id).size(), 4u) << at;
  }
  EXPECT_EQ(tasks_stored(), 13u * 4u);
}

TEST_F(children, a_failed_step_undoes_the_steps_that_began_the_last_first) {
  know({with_undo(step("a")), with_undo(after("b", {0})), with_undo(after("c", {1})),
        with_undo(after("d", {2}))});
  const auto id = submit_order_of("shop");
  end_next(true);
  end_next(true);
  end_next(false);  // c
  EXPECT_EQ(the(id).status, order_status::compensating);
  std::vector<std::string> undone;
  while (!work.running.empty()) {
    undone.push_back(work.running[0].item.payload);
    end_next(true);
  }
  EXPECT_EQ(undone, (std::vector<std::string>{R"("undo c")", R"("undo b")", R"("undo a")"}));
  EXPECT_EQ(the(id).status, order_status::failed);
  EXPECT_EQ(the(id).steps[3].status, step_status::pending);
}

TEST_F(children, cancelling_stops_all_that_run_by_one_decision) {
  std::vector<flow_step> many;
  for (int i = 0; i < 200; ++i)
    many.push_back(step("s" + std::to_string(i)));
  know(std::move(many));
  const auto id = submit_order_of("shop");
  ASSERT_EQ(work.running.size(), 200u);
  ask(id, order_command{cancel_order{"no longer wanted"}});
  advance(1s);
  EXPECT_EQ(work.stops.size(), 200u);
  EXPECT_EQ(the(id).status, order_status::cancelled);
  for (const auto& one : the(id).steps)
    EXPECT_EQ(status(one.child), task_status::cancelled);
}

TEST_F(children, a_cancellation_that_its_children_did_not_hear_is_told_again) {
  know({step("a"), step("b")});
  const auto id = submit_order_of("shop");
  advance(5s, 100ms);
  commits.held = true;
  ask(id, order_command{cancel_order{}});
  commits.held = false;
  commits.drop_after = 1;  // the parent's decision is durable; the children's ends are not
  settle();
  caf::anon_send_exit(find_shard(shard0), caf::exit_reason::kill);
  commits.drop_after.reset();
  advance(5s, 100ms);
  EXPECT_EQ(the(id).status, order_status::cancelled);
  for (const auto& one : the(id).steps)
    EXPECT_TRUE(is_final(status(one.child)));
}

TEST_F(children, killing_compensates_nothing_and_says_so) {
  know({with_undo(step("a")), with_undo(after("b", {0}))});
  const auto id = submit_order_of("shop");
  end_next(true);
  ask(id, order_command{cancel_order{"stuck", true}});
  advance(1s);
  EXPECT_EQ(the(id).status, order_status::cancelled);
  EXPECT_EQ(the(id).reason, "killed, nothing was compensated: stuck");
  ASSERT_FALSE(work.stops.empty());
  EXPECT_EQ(work.stops.back().mode, stop_mode::now);
  EXPECT_EQ(tasks_stored(), 2u);
}

TEST_F(children, ten_thousand_of_one_parent_all_run_and_it_completes) {
  std::vector<flow_step> many;
  for (int i = 0; i < 10'000; ++i) {
    many.push_back(step("s" + std::to_string(i)));
    many.back().task = spec_of("noop");
  }
  know(std::move(many));
  const auto id = submit_order_of("shop");
  advance(1s, 100ms);
  EXPECT_EQ(the(id).status, order_status::completed);
  EXPECT_EQ(tasks_stored(), 10'000u);
}

TEST_F(children, a_compensation_that_failed_is_resolved_by_its_tasks_rerun) {
  know({with_undo(step("a")), after("b", {0})});
  const auto id = submit_order_of("shop");
  end_next(true);
  end_next(false);  // b
  end_next(false);  // undo a
  EXPECT_EQ(the(id).status, order_status::compensation_failed);
  advance(10s, 100ms);
  ask(the(id).steps[0].child, task_command{rerun_task{}});
  end_next(true);
  EXPECT_EQ(the(id).status, order_status::failed);
  EXPECT_EQ(the(id).steps[0].heard, 2u);
}

TEST_F(children, an_order_expires_and_is_undone_though_its_owner_changed) {
  know({with_undo(step("reserve")), after("payment", {0})});
  auto spec = order_of("shop");
  spec.expires_in = 100s;
  const auto id = submit_order_with(spec);
  end_next(true);
  caf::anon_send_exit(find_shard(shard0), caf::exit_reason::kill);
  advance(90s, 1s);
  EXPECT_EQ(the(id).status, order_status::fulfilling);
  advance(15s, 100ms);
  EXPECT_EQ(the(id).status, order_status::compensating);
  finish_all();
  EXPECT_EQ(the(id).status, order_status::expired);
}

TEST_F(children, are_looked_up_where_the_store_has_refused_contents) {
  know({step("a"), step("b")});
  settle();
  commits.refuse_contents = true;
  const auto id = submit_order_of("shop");
  reads.held = true;
  advance(3s, 100ms);
  reads.held = false;
  advance(3s, 100ms);
  finish_all();
  EXPECT_EQ(the(id).status, order_status::completed);
  EXPECT_EQ(tasks_stored(), 2u);
}

TEST_F(children, an_id_that_something_else_has_taken_fails_the_step_and_no_more) {
  know({with_undo(step("a"))});
  const auto id = fresh_id();
  const auto taken = id_of_child(id, "step/a/1");
  produce(intake::tasks, shard0,
          codec::write_intake(taken, task_command{submit_task{spec_of("work")}}));
  ASSERT_EQ(status(taken), task_status::running);
  end_next(true);
  commits.refuse_contents = true;
  produce(intake::orders, shard0, R"({"product":"Other"})");
  advance(3s, 100ms);  // looks everything up now
  produce(intake::orders, shard0,
          codec::write_intake(id, order_command{submit_order{order_of("shop")}}));
  advance(3s, 100ms);
  EXPECT_EQ(the(id).status, order_status::failed);
  EXPECT_EQ(the(id).steps[0].error_code, "id-taken");
}

TEST_F(children, an_order_of_an_unknown_flow_is_rejected_and_says_why) {
  const auto id = submit_order_of("nowhere");
  EXPECT_EQ(the(id).status, order_status::rejected);
  EXPECT_EQ(the(id).reason, "there is no flow nowhere");
}

TEST_F(children, a_flow_is_asked_for_until_the_store_answers) {
  know({step("a")});
  known.forget = true;
  known.refusals = 3;
  const auto id = submit_order_of("shop");
  settle();  // and does not spin
  EXPECT_EQ(the(id).status, order_status::created);
  EXPECT_EQ(known.refusals, 2);
  advance(5s, 100ms);
  finish_all();
  EXPECT_EQ(the(id).status, order_status::completed);
}

TEST_F(children, a_flow_that_this_node_has_not_heard_of_is_looked_up) {
  know({step("a")});
  known.forget = true;  // it is in the store only
  const auto id = submit_order_of("shop");
  advance(2s);
  finish_all();
  EXPECT_EQ(the(id).status, order_status::completed);
}

}  // namespace orrery::test
