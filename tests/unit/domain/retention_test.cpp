/// How long rows are kept.

#include "domain/retention.hpp"

#include "tests/unit/domain/driver.hpp"

namespace orrery {

namespace {

using namespace test;

retention rules(std::string_view text, entity_kind kind = entity_kind::task) {
  auto read = retention::parse(kind, text);
  EXPECT_TRUE(read) << (read ? "" : read.error().detail);
  return read ? *read : retention{};
}

std::string refused(std::string_view text, entity_kind kind = entity_kind::task) {
  const auto read = retention::parse(kind, text);
  EXPECT_FALSE(read) << text;
  return read ? "" : read.error().detail;
}

task ended(std::string kind, task_status status) {
  task t;
  t.id = new_entity_id(start_of_test, shard_id{1}, 1);
  task_spec spec = simple_task();
  spec.kind = std::move(kind);
  t.spec = spec;
  t.status = status;
  t.created_at = start_of_test;
  t.finished_at = start_of_test + 10s;
  return t;
}

order ended_order(order_status status) {
  order o;
  o.id = new_entity_id(start_of_test, shard_id{1}, 2);
  o.status = status;
  o.finished_at = start_of_test;
  return o;
}

}  // namespace

TEST(retention, of_several_rules_that_fit_the_closest_counts) {
  const auto all = rules("7d, FAILED=30d, mail=1d, mail/SUCCEEDED=1h, EXPIRED=never");
  using enum task_status;
  EXPECT_EQ(all.keep(ended("noop", succeeded)), 24h * 7);
  EXPECT_EQ(all.keep(ended("noop", cancelled)), 24h * 7);
  EXPECT_EQ(all.keep(ended("noop", failed)), 24h * 30);
  EXPECT_EQ(all.keep(ended("noop", expired)), kept_for_ever);
  EXPECT_EQ(all.keep(ended("mail", succeeded)), 1h);
  EXPECT_EQ(all.keep(ended("mail", failed)), 24h) << "the kind is closer than the state";
}

TEST(retention, without_a_rule_that_fits_a_row_is_kept_for_ever) {
  EXPECT_EQ(retention{}.keep(ended("noop", task_status::succeeded)), kept_for_ever);
  EXPECT_EQ(rules("mail=1h").keep(ended("noop", task_status::succeeded)), kept_for_ever);
  EXPECT_FALSE(retention{}.may_erase(ended("noop", task_status::succeeded),
                                     start_of_test + 24h * 365 * 100));
}

TEST(retention, begins_at_the_end_to_the_microsecond) {
  const auto all = rules("1h");
  const auto t = ended("noop", task_status::succeeded);
  EXPECT_FALSE(all.may_erase(t, t.finished_at + 1h - 1us));
  EXPECT_TRUE(all.may_erase(t, t.finished_at + 1h));
}

TEST(retention, spares_what_has_not_ended_what_is_pinned_and_what_holds_a_key) {
  const auto all = rules("1s");
  const auto late = start_of_test + 24h;
  auto t = ended("noop", task_status::succeeded);
  EXPECT_TRUE(all.may_erase(t, late));
  t.pinned = true;
  EXPECT_FALSE(all.may_erase(t, late));
  t.pinned = false;
  t.status = task_status::paused;
  EXPECT_FALSE(all.may_erase(t, late));

  auto keyed = ended("noop", task_status::succeeded);
  auto spec = *keyed.spec;
  spec.unique_key = "k";
  task_options options;
  options.unique = unique_mode::window;
  options.unique_window = 48h;
  spec.options = options;
  keyed.spec = spec;
  EXPECT_FALSE(all.may_erase(keyed, late));
  EXPECT_TRUE(all.may_erase(keyed, start_of_test + 48h));
}

TEST(retention, of_orders_is_by_state_alone) {
  const auto all = rules("90d, CANCELLED=1d", entity_kind::order);
  EXPECT_EQ(all.keep(ended_order(order_status::completed)), 24h * 90);
  EXPECT_EQ(all.keep(ended_order(order_status::cancelled)), 24h);
  EXPECT_FALSE(all.may_erase(ended("noop", task_status::succeeded), start_of_test + 24h * 365));
}

TEST(retention, spares_an_order_that_waits_for_a_person_unless_a_rule_names_its_state) {
  const auto stuck = ended_order(order_status::compensation_failed);
  EXPECT_EQ(rules("90d, CANCELLED=1d", entity_kind::order).keep(stuck), kept_for_ever);
  EXPECT_EQ(rules("1d, COMPENSATION_FAILED=90d", entity_kind::order).keep(stuck), 24h * 90);
}

TEST(retention, shows_what_it_has_read) {
  for (const std::string_view text :
       {"", "7d", "FAILED=30d", "7d,mail=1d,mail/SUCCEEDED=1h,EXPIRED=never"}) {
    const auto once = rules(text);
    EXPECT_EQ(rules(once.text()), once) << once.text();
  }
}

TEST(retention, says_which_rule_is_wrong_and_why) {
  EXPECT_EQ(refused("1d, mail/DONE=1h"), "'mail/DONE=1h' names no end state of tasks");
  EXPECT_EQ(refused("mail/RUNNING=1h"), "'mail/RUNNING=1h' names no end state of tasks");
  EXPECT_EQ(refused("FAILED=1ms"), "'FAILED=1ms' is shorter than a second");
  EXPECT_EQ(refused("1d,FAILED=2d,FAILED=3d"), "'FAILED=3d' says again what is said already");
  EXPECT_EQ(refused("DONE=1d", entity_kind::order), "'DONE=1d' names no end state of orders");
  EXPECT_EQ(refused("a/COMPLETED=1d", entity_kind::order),
            "'a/COMPLETED=1d' names a kind, and orders have none");
  EXPECT_NE(refused("FAILED=soon").find("'FAILED=soon'"), std::string::npos);
  EXPECT_NE(refused("FAILED="), "");
  EXPECT_NE(refused("=1d"), "");
}

TEST(retention, keeps_the_tasks_of_an_order_with_it_and_what_a_schedule_runs) {
  EXPECT_TRUE(needs(ended_order(order_status::completed), entity_id{}));
  schedule s;
  s.spec = schedule_spec{};
  EXPECT_FALSE(needs(s, ended("noop", task_status::succeeded).id));
}

}  // namespace orrery
