#pragma once
/// What every store of statistics promises.

#include "domain/ports/statistics.hpp"

#include <gtest/gtest.h>

namespace orrery::test {

inline void counts_each_event_once(statistics_source& where) {
  const auto kept = where.open_statistics();
  const auto minute = minute_of(from_micros(1'800'000'000'000'000));
  using enum order_status;
  const std::vector<order_statistic> first{{minute, "Cable", created, 2, 5},
                                           {minute, "Äpfel, \"rot\"", completed, 1, 1}};
  const shard_id one{1};
  const shard_id two{2};
  EXPECT_EQ(kept->mark(one)->value, 0);
  ASSERT_TRUE(kept->add(one, position_t{0}, position_t{10}, first));
  EXPECT_EQ(kept->mark(one)->value, 10);
  // The same page again, as by another node: nothing.
  EXPECT_FALSE(*kept->add(one, position_t{0}, position_t{10}, first));
  EXPECT_TRUE(*kept->add(one, position_t{10}, position_t{12}, std::span(first).first(1)));
  EXPECT_TRUE(*kept->add(two, position_t{0}, position_t{3}, std::span(first).first(1)));
  const auto of_one = where.open_statistics()->of_shard(one);
  ASSERT_TRUE(of_one);
  EXPECT_EQ(of_one->upto.value, 12);
  ASSERT_EQ(of_one->rows.size(), 2u);
  EXPECT_EQ(of_one->rows[0], (order_statistic{minute, "Cable", created, 4, 10}));

  const auto all = kept->find({});
  ASSERT_TRUE(all && all->size() == 2) << all.error().detail;
  EXPECT_EQ(all->front(), (order_statistic{minute, "Cable", created, 6, 15}));
  EXPECT_EQ(kept->find({.product = "Cable"})->size(), 1u);
  EXPECT_EQ(kept->find({.statuses = {completed, failed}})->size(), 1u);
  EXPECT_EQ(kept->find({.from = minute + 1min})->size(), 0u);
  EXPECT_EQ(kept->find({.to = minute})->size(), 0u);
  EXPECT_EQ(kept->find({.limit = 1})->size(), 1u);

  ASSERT_TRUE(kept->replace(one, {position_t{7}, {first[1]}}));
  EXPECT_EQ(kept->mark(one)->value, 7);
  EXPECT_EQ(kept->find({.product = "Cable"})->front().orders, 2);
}

}  // namespace orrery::test
