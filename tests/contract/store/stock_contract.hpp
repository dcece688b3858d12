#pragma once
/// What every stock promises, alone and together with the journal whose commits move it.

#include "domain/ports/stock.hpp"
#include "tests/contract/store/store_batches.hpp"
#include "tests/support/process.hpp"

#include <gtest/gtest.h>
#include <numeric>
#include <thread>

namespace orrery::test {

inline stock_hold a_hold(uint64_t number, std::string product, int64_t quantity = 1) {
  // Other products, other tasks.
  const auto of = std::accumulate(product.begin(), product.end(), uint64_t{0}) * 1'000'000 + number;
  const auto id = new_entity_id(noon, shard_id{1}, of);
  return {id, new_entity_id(noon, shard_id{1}, of + 500'000), std::move(product), quantity};
}

inline stock_change some(std::string product, int64_t by, std::string key = {}) {
  return {std::move(product), by, "counted", "anybody", std::move(key)};
}

/// Available, held, taken, released.
inline std::array<int64_t, 4> places(stock_shelf& shelf, std::string_view product) {
  const auto p = shelf.get(product);
  if (!p)
    return {-1, -1, -1, -1};
  return {p->available, p->held, p->taken, p->released};
}
using in_places = std::array<int64_t, 4>;

inline void keeps_products(stock_source& where) {
  const auto shelf = where.open_stock();
  EXPECT_EQ(shelf->get("Laptop").error().code, errc::not_found);
  const auto made = shelf->create(some("Laptop", 10), noon);
  ASSERT_TRUE(made) << made.error().detail;
  EXPECT_EQ(made->available, 10);
  EXPECT_EQ(shelf->create(some("Laptop", 3), noon).error().code, errc::conflict);
  EXPECT_EQ(shelf->adjust(some("Laptop", -4), noon)->available, 6);
  EXPECT_EQ(shelf->adjust(some("Laptop", -7), noon).error().code, errc::rejected);
  EXPECT_EQ(shelf->adjust(some("Nothing", 1), noon).error().code, errc::not_found);
  EXPECT_EQ(shelf->adjust(some("Laptop", 5, "delivery-1"), noon)->available, 11);
  EXPECT_EQ(shelf->adjust(some("Laptop", 5, "delivery-1"), noon)->available, 11);  // once
  EXPECT_TRUE(shelf->create(some("Äpfel \"süß\", {x}\\", 1), noon));
  EXPECT_TRUE(shelf->create(some("Cable", 0), noon));
  const auto first = shelf->list("", 2);
  ASSERT_TRUE(first && first->items.size() == 2) << first.error().detail;
  EXPECT_EQ(first->items[0].product, "Cable");
  const auto rest = shelf->list(first->next, 2);
  ASSERT_TRUE(rest && rest->items.size() == 1);
  EXPECT_TRUE(rest->next.empty());
}

inline void holds_what_is_there_and_no_more(stock_source& where) {
  const auto shelf = where.open_stock();
  ASSERT_TRUE(shelf->create(some("Phone", 5), noon));
  ASSERT_TRUE(shelf->create(some("Case \"x\", y", 1), noon));
  using enum hold_outcome;
  const std::vector wishes{a_hold(1, "Phone", 3),      a_hold(2, "Phone", 3),
                           a_hold(3, "Phone", 2),      a_hold(4, "Unheard of"),
                           a_hold(5, "Case \"x\", y"), a_hold(1, "Phone", 3)};
  const auto told = shelf->hold(wishes, noon);
  ASSERT_TRUE(told) << told.error().detail;
  EXPECT_EQ(*told, (std::vector{granted, too_little, granted, unknown_product, granted, granted}));
  EXPECT_EQ(places(*shelf, "Phone"), (in_places{0, 5, 0, 0}));
  // The same tasks again, in any order, hold no more.
  EXPECT_EQ(*shelf->hold(wishes, noon), *told);
  EXPECT_EQ(places(*shelf, "Phone"), (in_places{0, 5, 0, 0}));
}

inline void many_at_once_never_hold_more_than_there_is(stock_source& where) {
  ASSERT_TRUE(where.open_stock()->create(some("Hot", 500), noon));
  std::atomic<int> granted{0};
  std::vector<std::jthread> buyers;
  for (int who = 0; who < 4; ++who)
    buyers.emplace_back([&, who] {
      const auto shelf = where.open_stock();
      for (int round = 0; round < 20; ++round) {
        std::vector<stock_hold> wishes;
        for (int i = 0; i < 10; ++i)
          wishes.push_back(a_hold(static_cast<uint64_t>(who * 1000 + round * 10 + i), "Hot"));
        auto told = shelf->hold(wishes, noon);
        while (!told)
          told = shelf->hold(wishes, noon);
        granted += static_cast<int>(std::count(told->begin(), told->end(), hold_outcome::granted));
      }
    });
  buyers.clear();
  EXPECT_EQ(granted, 500);
  EXPECT_EQ(places(*where.open_stock(), "Hot"), (in_places{0, 500, 0, 0}));
}

inline stock_movement take(const stock_hold& hold) {
  return {hold.task, false, {}, hold.order, hold.product};
}
inline stock_movement give(const stock_hold& hold) {
  return {new_entity_id(noon, shard_id{1}, 900'000), true, hold.task, hold.order, hold.product};
}
inline stock_movement give_all(const stock_hold& hold) {
  return {new_entity_id(noon, shard_id{1}, 900'001), true, {}, hold.order, hold.product};
}

/// A commit of one task's life that moves this.
inline commit_report move(journal_store& journal, shard_owner& owner,
                          std::vector<stock_movement> stock) {
  owner.finished(a_task());
  auto batch = owner.seal();
  batch.stock = std::move(stock);
  return journal.commit(std::span(&batch, 1));
}

inline void becomes(stock_shelf& shelf, const char* product, in_places wanted) {
  EXPECT_TRUE(eventually(
      [&] {
        (void)shelf.settle(100);
        return places(shelf, product) == wanted;
      },
      20s))
      << testing::PrintToString(places(shelf, product));
}

inline void moves_with_the_journal_or_not_at_all(stock_source& where, store& truth) {
  const auto shelf = where.open_stock();
  ASSERT_TRUE(shelf->create(some("Book", 10), noon));
  const auto journal = truth.open_journal();
  const auto tenure = journal->acquire(shard_id{1}, "node-1", noon);
  ASSERT_TRUE(tenure);
  shard_owner owner(shard_id{1}, *tenure);
  const std::vector wishes{a_hold(1, "Book", 4), a_hold(2, "Book", 3), a_hold(3, "Book", 2)};
  ASSERT_TRUE(shelf->hold(wishes, noon));
  auto done = move(*journal, owner, {take(wishes[0]), take(wishes[1])});
  ASSERT_EQ(done.outcome, commit_outcome::done) << done.detail;
  becomes(*shelf, "Book", {1, 2, 7, 0});
  // Taken and given back in one commit; and one that never was taken.
  done = move(*journal, owner, {give(wishes[0]), take(wishes[2]), give(wishes[2])});
  ASSERT_EQ(done.outcome, commit_outcome::done) << done.detail;
  becomes(*shelf, "Book", {7, 0, 3, 0});
  done = move(*journal, owner, {give(wishes[0]), give_all(wishes[1])});  // the first: a second time
  ASSERT_EQ(done.outcome, commit_outcome::done) << done.detail;
  becomes(*shelf, "Book", {10, 0, 0, 0});

  // A success of what holds nothing is refused with its whole commit.
  auto late = owner;
  const auto bad = move(*journal, late, {take(a_hold(9, "Book"))});
  EXPECT_EQ(bad.outcome, commit_outcome::failed);
  EXPECT_TRUE(bad.unprepared.empty());
  EXPECT_EQ(journal->inspect(shard_id{1})->position, owner.position());
  EXPECT_EQ(move(*journal, owner, {}).outcome, commit_outcome::done);
}

inline void a_former_owner_moves_nothing(stock_source& where, store& truth) {
  const auto shelf = where.open_stock();
  ASSERT_TRUE(shelf->create(some("Chair", 5), noon));
  const auto journal = truth.open_journal();
  const auto tenure = journal->acquire(shard_id{2}, "node-1", noon);
  ASSERT_TRUE(tenure);
  shard_owner former(shard_id{2}, *tenure);
  const auto wish = a_hold(1, "Chair", 2);
  ASSERT_TRUE(shelf->hold(std::span(&wish, 1), noon));
  const auto other = truth.open_journal();
  const auto next = other->acquire(shard_id{2}, "node-2", noon);
  ASSERT_TRUE(next);
  EXPECT_EQ(move(*journal, former, {take(wish)}).outcome, commit_outcome::refused);
  becomes(*shelf, "Chair", {3, 2, 0, 0});
  shard_owner owner(shard_id{2}, *next);
  EXPECT_TRUE(eventually(
      [&] {
        auto again = owner;
        return move(*other, again, {take(wish)}).outcome == commit_outcome::done;
      },
      20s));
  becomes(*shelf, "Chair", {3, 0, 2, 0});
}

inline void what_came_to_nothing_is_found_and_given_back(stock_source& where) {
  const auto shelf = where.open_stock();
  ASSERT_TRUE(shelf->create(some("Desk", 5), noon));
  const std::vector wishes{a_hold(1, "Desk", 2), a_hold(2, "Desk", 1)};
  const auto morning = noon - 1h;  // before all that other checks have left held
  ASSERT_TRUE(shelf->hold(std::span(wishes).first(1), morning));
  ASSERT_TRUE(shelf->hold(std::span(wishes).last(1), morning + 10s));
  const auto old = shelf->stale(morning + 5s, 10);
  ASSERT_TRUE(old && old->size() == 1);
  EXPECT_EQ(old->front().task, wishes[0].task);
  ASSERT_TRUE(shelf->let_go(std::span(&wishes[0].task, 1)));
  EXPECT_EQ(*shelf->settle(10), 1u);
  EXPECT_EQ(*shelf->settle(10), 0u);
  EXPECT_EQ(places(*shelf, "Desk"), (in_places{4, 1, 0, 0}));
  // And held anew by the same task, which runs once more.
  EXPECT_EQ(shelf->hold(std::span(wishes).first(1), noon)->front(), hold_outcome::granted);
  EXPECT_EQ(places(*shelf, "Desk"), (in_places{2, 3, 0, 0}));
}

inline void rows_of_what_is_over_can_go_and_the_sums_stay(stock_source& where, store& truth) {
  const auto shelf = where.open_stock();
  ASSERT_TRUE(shelf->create(some("Lamp", 10), noon));
  const auto journal = truth.open_journal();
  const auto tenure = journal->acquire(shard_id{3}, "node-1", noon);
  ASSERT_TRUE(tenure);
  shard_owner owner(shard_id{3}, *tenure);
  const std::vector wishes{a_hold(21, "Lamp", 1), a_hold(22, "Lamp", 2), a_hold(23, "Lamp", 4)};
  const auto night = noon - 6h;  // before all that other checks have left
  ASSERT_TRUE(shelf->hold(wishes, night));
  ASSERT_EQ(move(*journal, owner, {take(wishes[0]), take(wishes[1]), give(wishes[1])}).outcome,
            commit_outcome::done);
  becomes(*shelf, "Lamp", {5, 4, 1, 0});

  const auto all = shelf->settled({}, night + 1s, 10);
  ASSERT_TRUE(all) << all.error().detail;
  ASSERT_EQ(all->size(), 2u) << "what is held is not over";
  EXPECT_TRUE(shelf->settled({}, night, 10)->empty()) << "too young";
  const auto first = shelf->settled({}, night + 1s, 1).value();
  ASSERT_EQ(first.size(), 1u);
  const auto second = shelf->settled(first.front(), night + 1s, 1).value();
  ASSERT_EQ(second.size(), 1u);
  EXPECT_NE(first.front().task, second.front().task);
  EXPECT_TRUE(shelf->settled(second.front(), night + 1s, 1)->empty());
  for (const auto& one : *all)
    EXPECT_EQ(one.taken, one.task == wishes[0].task);

  const std::vector tasks{wishes[0].task, wishes[1].task, wishes[2].task};
  EXPECT_EQ(*shelf->forget(tasks), 2u) << "what is held stays";
  EXPECT_TRUE(shelf->settled({}, night + 1s, 10)->empty());
  EXPECT_EQ(places(*shelf, "Lamp"), (in_places{5, 4, 1, 0}));
}

inline void keeps_the_contract_of_stock(stock_source& where, store& truth) {
  keeps_products(where);
  holds_what_is_there_and_no_more(where);
  many_at_once_never_hold_more_than_there_is(where);
  what_came_to_nothing_is_found_and_given_back(where);
  moves_with_the_journal_or_not_at_all(where, truth);
  a_former_owner_moves_nothing(where, truth);
  rows_of_what_is_over_can_go_and_the_sums_stay(where, truth);
}

}  // namespace orrery::test
