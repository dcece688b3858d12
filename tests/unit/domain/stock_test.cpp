/// How wishes for stock are met, and what of orders is counted.

#include "domain/flow.hpp"
#include "domain/flow_template.hpp"
#include "domain/order_statistics.hpp"
#include "domain/stock.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace orrery::test {

namespace {

const auto stock_noon = from_micros(1'790'000'000'000'000);

entity_id task_number(uint64_t n) { return new_entity_id(stock_noon, shard_id{1}, n); }
stock_hold stock_wish(uint64_t task, std::string product, int64_t quantity) {
  return {task_number(task), task_number(task + 1'000'000), std::move(product), quantity};
}

using enum hold_outcome;

TEST(stock, is_given_to_those_who_come_first_and_a_large_wish_does_not_stop_a_small_one) {
  const std::vector wishes{stock_wish(1, "a", 3), stock_wish(2, "a", 3), stock_wish(3, "a", 2),
                           stock_wish(4, "b", 1)};
  const auto plan = plan_holds(wishes, {{"a", 5}}, {});
  EXPECT_EQ(plan.outcomes, (std::vector{granted, too_little, granted, unknown_product}));
  EXPECT_EQ(plan.fresh, (std::vector<size_t>{0, 2}));
  EXPECT_EQ(plan.takes, (std::map<std::string, int64_t>{{"a", 5}}));
}

TEST(stock, is_held_once_by_a_task_however_often_it_asks) {
  const std::vector wishes{stock_wish(1, "a", 2), stock_wish(1, "a", 2), stock_wish(2, "a", 2),
                           stock_wish(3, "a", 2), stock_wish(4, "a", 2)};
  const auto plan = plan_holds(wishes, {{"a", 3}},
                               {{task_number(2), {reservation_state::taken, 2}},
                                {task_number(3), {reservation_state::released, 2}},
                                {task_number(4), {reservation_state::closed, 1}}});
  EXPECT_EQ(plan.outcomes, (std::vector{granted, granted, granted, granted, granted}));
  EXPECT_EQ(plan.fresh, (std::vector<size_t>{0}));
  EXPECT_EQ(plan.kept, (std::vector<size_t>{3}));
  EXPECT_EQ(plan.again, (std::vector<size_t>{4}));  // with what it had
  EXPECT_EQ(plan.takes.at("a"), 3);
}

RC_GTEST_PROP(stock, is_never_given_beyond_what_is_there, ()) {
  const auto there = *rc::gen::inRange<int64_t>(0, 50);
  std::vector<stock_hold> wishes;
  for (const auto n : *rc::gen::container<std::vector<int64_t>>(rc::gen::inRange<int64_t>(1, 20)))
    wishes.push_back(stock_wish(*rc::gen::inRange<uint64_t>(1, 30), "a", n));
  const auto plan = plan_holds(wishes, {{"a", there}}, {});
  int64_t sum = 0;
  for (const auto i : plan.fresh)
    sum += wishes[i].quantity;
  RC_ASSERT(plan.outcomes.size() == wishes.size());
  RC_ASSERT(sum <= there);
  RC_ASSERT(sum == (plan.takes.empty() ? 0 : plan.takes.at("a")));
}

TEST(a_release, names_the_reservation_that_it_undoes) {
  EXPECT_EQ(with_member("{}", "r", "1"), R"({"r":"1"})");
  EXPECT_EQ(with_member(" { \"a\":1}", "r", "1"), R"({"r":"1", "a":1})");
}

TEST(statistics, count_what_came_into_a_status_by_product_and_minute) {
  order_spec spec;
  spec.product = "Laptop";
  spec.quantity = 3;
  order_statistics_fold fold;
  const auto add = [&](order_event event, duration after) {
    fold.add({{}, task_number(1), stock_noon + after, std::move(event)}, spec);
  };
  add(order_created{spec}, 0s);
  add(order_created{spec}, 1s);
  add(order_flow_begun{}, 2s);
  add(order_completed{}, 61s);
  const auto minute = minute_of(stock_noon);
  EXPECT_EQ(fold.rows(),
            (std::vector<order_statistic>{
                {minute, "Laptop", order_status::created, 2, 6},
                {minute_of(stock_noon + 61s), "Laptop", order_status::completed, 1, 3}}));
}

}  // namespace

}  // namespace orrery::test
