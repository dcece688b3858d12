/// An order that follows a flow: what begins, what is undone, what an operator may do.

#include "domain/flow_template.hpp"
#include "tests/unit/domain/driver.hpp"

namespace orrery {

namespace {

using namespace test;
using enum order_status;

flow_step step(std::string name, std::vector<uint32_t> before = {}, bool undo = true) {
  flow_step one;
  one.name = std::move(name);
  one.depends_on = std::move(before);
  one.task = simple_task();
  if (undo)
    one.compensate = simple_task();
  return one;
}

flow flow_of(std::vector<flow_step> steps) {
  flow f;
  f.name = "shop";
  f.version = 7;
  f.steps = std::move(steps);
  return f;
}

order_driver begun(std::vector<flow_step> steps, order_spec spec = {}) {
  order_driver d;
  spec.product = "Laptop";
  spec.flow = "shop";
  d.must(submit_order{std::move(spec)});
  d.must(begin_flow{flow_of(std::move(steps))});
  return d;
}

child_end ended(const order_driver& d, uint32_t step, bool good, std::string code = {}) {
  return {d->steps[step].child,
          1,
          good ? child_outcome::succeeded : child_outcome::failed,
          true,
          good ? "1" : "",
          good ? "" : "broke",
          std::move(code)};
}
void end(order_driver& d, uint32_t step, bool good = true, std::string code = {}) {
  d.must(children_ended{{ended(d, step, good, std::move(code))}});
}
step_status at(const order_driver& d, size_t i) { return d->steps[i].status; }

}  // namespace

TEST(order_flow, begins_the_steps_that_wait_for_nothing_and_pins_the_version) {
  const auto d = begun({step("a"), step("b"), step("c", {0, 1})});
  EXPECT_EQ(d->status, fulfilling);
  EXPECT_EQ(d->plan->version, 7u);
  EXPECT_EQ(d.starts.size(), 2u);
  EXPECT_EQ(at(d, 2), step_status::pending);
}

TEST(order_flow, children_have_ids_of_their_own_that_follow_from_the_parent_and_name_it) {
  const auto d = begun({step("a")});
  ASSERT_EQ(d.starts.size(), 1u);
  EXPECT_EQ(d.starts[0].id, id_of_child(test_id, "step/a/1"));
  EXPECT_EQ(d.starts[0].id.shard(), test_id.shard());
  EXPECT_EQ(std::get<shared_value<task_spec>>(d.starts[0].spec)->parent, test_id);
}

TEST(order_flow, a_step_begins_when_all_it_waits_for_have_ended_well) {
  auto d = begun({step("a"), step("b"), step("c", {0, 1})});
  end(d, 0);
  EXPECT_TRUE(d.starts.empty());
  end(d, 1);
  EXPECT_EQ(d.starts.size(), 1u);
  end(d, 2);
  EXPECT_EQ(d->status, completed);
}

TEST(order_flow, hearing_of_an_end_twice_changes_nothing) {
  auto d = begun({step("a"), step("b", {0})});
  const auto news = ended(d, 0, true);
  d.must(children_ended{{news}});
  d.ignores(children_ended{{news}});
}

TEST(order_flow, a_failure_stops_what_runs_and_undoes_only_what_began_in_reverse) {
  auto d = begun({step("a"), step("b", {0}), step("c", {0}), step("d", {1, 2})});
  end(d, 0);
  end(d, 2, false);
  EXPECT_EQ(d->status, compensating);
  ASSERT_EQ(d.commands.size(), 1u);  // b is told to stop
  EXPECT_EQ(at(d, 1), step_status::stopping);
  EXPECT_TRUE(d.starts.empty());  // nothing is undone while something runs
  end(d, 1, false);
  EXPECT_EQ(at(d, 2), step_status::undoing);
  end(d, 2);
  EXPECT_EQ(at(d, 1), step_status::undoing);
  end(d, 1);
  EXPECT_EQ(at(d, 0), step_status::undoing);
  end(d, 0);
  EXPECT_EQ(d->status, order_status::failed);
  EXPECT_EQ(at(d, 3), step_status::pending);
  EXPECT_EQ(d->reason, "step c failed: broke");
}

TEST(order_flow, a_stopped_step_that_never_began_is_not_undone) {
  auto d = begun({step("a"), step("b")});
  auto never_began = ended(d, 1, false);
  never_began.began = false;
  end(d, 0, false);
  d.must(children_ended{{never_began}});
  EXPECT_EQ(at(d, 1), step_status::pending);
  end(d, 0);
  EXPECT_EQ(d->status, order_status::failed);
  EXPECT_EQ(at(d, 1), step_status::pending);
}

TEST(order_flow, a_compensation_that_fails_waits_for_a_person_who_tries_again) {
  auto d = begun({step("a"), step("b", {0}, false)});
  end(d, 0);
  end(d, 1, false);
  end(d, 0, false);
  EXPECT_EQ(d->status, compensation_failed);
  d.must(resume_order{});
  EXPECT_EQ(d->status, compensating);
  EXPECT_EQ(d->steps[0].child, id_of_child(test_id, "undo/a/3"));
  end(d, 0);
  EXPECT_EQ(d->status, order_status::failed);
}

TEST(order_flow, a_compensation_that_fails_may_be_taken_as_done) {
  auto d = begun({step("a"), step("b", {0}, false)});
  end(d, 0);
  end(d, 1, false);
  end(d, 0, false);
  d.must(skip_step{"a", "paid back by hand"});
  EXPECT_EQ(d->status, order_status::failed);
  EXPECT_EQ(at(d, 0), step_status::undone);
}

TEST(order_flow, resuming_begins_what_is_not_done_and_what_was_undone) {
  auto d = begun({step("a", {}, false), step("b", {0}), step("c", {1})});
  end(d, 0);
  end(d, 1);
  end(d, 2, false);
  end(d, 2);
  end(d, 1);
  ASSERT_EQ(d->status, order_status::failed);
  d.must(resume_order{});
  EXPECT_EQ(d->status, fulfilling);
  EXPECT_EQ(at(d, 0), step_status::succeeded);  // nothing was taken back
  EXPECT_EQ(at(d, 1), step_status::running);
  EXPECT_EQ(d->steps[1].child, id_of_child(test_id, "step/b/3"));
  end(d, 1);
  end(d, 2);
  EXPECT_EQ(d->status, completed);
}

TEST(order_flow, resuming_from_a_step_repeats_it_and_all_that_depends_on_it) {
  auto d = begun({step("a", {}, false), step("b", {0}, false), step("c", {1}, false)});
  end(d, 0);
  end(d, 1);
  end(d, 2, false);
  ASSERT_EQ(d->status, order_status::failed);
  EXPECT_EQ(d.refuses(resume_order{"nowhere"}, errc::invalid).field, "step");
  d.must(resume_order{"a"});
  EXPECT_EQ(at(d, 0), step_status::running);
  EXPECT_EQ(at(d, 1), step_status::pending);
}

TEST(order_flow, a_step_may_be_skipped_before_and_while_it_runs) {
  auto d = begun({step("a"), step("b", {0}), step("c", {1})});
  d.must(skip_step{"b", "not needed"});
  d.must(skip_step{"a", "hangs"});
  EXPECT_EQ(d.commands.size(), 1u);
  end(d, 0, false);
  EXPECT_EQ(at(d, 0), step_status::skipped);
  EXPECT_EQ(at(d, 2), step_status::running);
  d.ignores(skip_step{"a", "again"});
}

TEST(order_flow, cancelling_undoes_and_ends_cancelled) {
  auto d = begun({step("a"), step("b", {0})});
  end(d, 0);
  EXPECT_EQ(compensation_plan(*d), (std::vector<std::string>{"b", "a"}));
  d.must(cancel_order{"changed their mind"});
  EXPECT_EQ(d->status, compensating);
  end(d, 1, false);
  end(d, 1);
  end(d, 0);
  EXPECT_EQ(d->status, cancelled);
  EXPECT_EQ(d->reason, "changed their mind");
}

TEST(order_flow, killing_compensates_nothing_and_still_hears_of_its_tasks) {
  auto d = begun({step("a"), step("b", {0})});
  end(d, 0);
  d.must(cancel_order{"stuck", true});
  EXPECT_EQ(d->status, cancelled);
  ASSERT_EQ(d.commands.size(), 1u);
  EXPECT_TRUE(d.commands[0].wish.kill);
  EXPECT_TRUE(d->waits_for_children());
  end(d, 1, false);
  EXPECT_EQ(d->status, cancelled);
  EXPECT_FALSE(d->waits_for_children());
}

TEST(order_flow, time_ends_an_unpaid_order_by_undoing_it) {
  order_spec spec;
  spec.expires_in = 1h;
  auto d = begun({step("reserve"), step("payment", {0})}, spec);
  end(d, 0);
  d.wait(59min).ignores(wake_order{});
  d.wait(1min).must(wake_order{});
  end(d, 1, false);
  end(d, 1);
  end(d, 0);
  EXPECT_EQ(d->status, expired);
}

TEST(order_flow, is_confirmed_once_its_reservations_are_made) {
  auto reserve = step("reserve");
  auto spec = simple_task();
  spec.kind = kind_stock_reserve;
  reserve.task = spec;
  auto d = begun({reserve, step("send", {0})});
  EXPECT_EQ(d->status, created);
  end(d, 0);
  EXPECT_EQ(d->status, fulfilling);
}

TEST(order_flow, too_little_stock_rejects_it_and_undoes_nothing) {
  auto reserve = step("reserve");
  auto spec = simple_task();
  spec.kind = kind_stock_reserve;
  reserve.task = spec;
  auto d = begun({reserve, step("send", {0})});
  end(d, 0, false, std::string(code_no_stock));
  EXPECT_EQ(d->status, rejected);
}

TEST(order_flow, is_not_moved_by_hand) {
  auto d = begun({step("a")});
  d.refuses(complete_order{}, errc::rejected);
  d.refuses(confirm_order{}, errc::rejected);
}

TEST(order_flow, at_most_a_thousand_steps_are_under_way) {
  std::vector<flow_step> many;
  for (int i = 0; i < 1500; ++i)
    many.push_back(step("s" + std::to_string(i), {}, false));
  auto d = begun(std::move(many));
  EXPECT_EQ(d.starts.size(), limits::children_at_once);
  end(d, 0);
  EXPECT_EQ(d.starts.size(), 1u);
}

TEST(flow_template, puts_values_in_as_what_they_are) {
  order_spec spec;
  spec.quantity = 3;
  spec.customer = "A \"B\"";
  spec.metadata = R"({"x":1})";
  auto d = begun({step("a"), step("b", {0})}, spec);
  end(d, 0);
  const auto filled = [&](std::string_view text) { return fill_template(text, *d, "b"); };
  EXPECT_EQ(filled(R"({"n":"${order.quantity}","m":"${order.metadata}"})"),
            R"({"n":3,"m":{"x":1}})");
  EXPECT_EQ(filled(R"({"who":"${order.customer}"})"), R"({"who":"A \"B\""})");
  EXPECT_EQ(filled(R"(["${steps.a.result} of ${order.product}"])"), R"(["1 of Laptop"])");
  EXPECT_EQ(filled(R"(["${steps.b.result}","$${order.id}"])"), R"([null,"${order.id}"])");
}

TEST(flow, is_refused_with_the_place_that_is_wrong) {
  const auto place_of = [](flow f) {
    const auto ok = validate(f);
    return ok ? std::string() : ok.error().field;
  };
  EXPECT_EQ(place_of(flow_of({step("a")})), "");
  EXPECT_EQ(place_of(flow_of({})), "steps");
  EXPECT_EQ(place_of(flow_of({step("a"), step("a")})), "steps[1].name");
  EXPECT_EQ(place_of(flow_of({step("a", {0})})), "steps[0].dependsOn");
  EXPECT_EQ(place_of(flow_of({step("a", {7})})), "steps[0].dependsOn");
  EXPECT_EQ(place_of(flow_of({step("a", {1}), step("b", {0})})), "steps[0].dependsOn");
  auto bad = step("a");
  auto spec = simple_task();
  spec.payload = R"("${steps.none.result}")";
  bad.compensate = spec;
  EXPECT_EQ(place_of(flow_of({bad})), "steps[0].compensate.payload");
}

}  // namespace orrery
