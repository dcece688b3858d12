/// What is erased is gone, but for the journal.

#include "tests/contract/store/store_contract.hpp"

namespace orrery::test {

namespace {

task_spec tagged(std::string tag) {
  auto spec = a_task();
  spec.tags = {std::move(tag), "both"};
  spec.reference = "ours";
  spec.unique_key = "k";
  return spec;
}

int64_t all_counted(const std::vector<queue_counts>& counts) {
  int64_t sum = 0;
  for (const auto& one : counts)
    for (const auto n : one.tasks)
      sum += n;
  return sum;
}

}  // namespace

TEST_P(store_contract, what_is_erased_is_found_by_nobody) {
  auto owner = own(one);
  const auto gone = owner.finished(tagged("x"));
  const auto stays = owner.finished(tagged("x"));
  const auto order_gone = owner.submit(an_order());
  owner.apply(order_gone, order_command{cancel_order{"no"}});
  commit(owner);
  owner.erase(gone);
  owner.erase(order_gone);
  commit(owner);

  EXPECT_FALSE(stored(gone));
  EXPECT_FALSE(stored(order_gone));
  EXPECT_TRUE(stored(stays));
  EXPECT_EQ(reader->history(gone).error().code, errc::not_found);
  EXPECT_EQ(list_all({}), std::vector{stays});
  entity_query by_tag;
  by_tag.tag = "both";
  EXPECT_EQ(list_all(by_tag), std::vector{stays});
  entity_query by_reference;
  by_reference.reference = "ours";
  EXPECT_EQ(list_all(by_reference), std::vector{stays});
  entity_query orders;
  orders.kind = entity_kind::order;
  EXPECT_TRUE(list_all(orders).empty());
}

TEST_P(store_contract, the_journal_tells_of_an_erasure_and_of_all_before_it) {
  auto owner = own(one);
  const auto id = owner.finished(a_task());
  commit(owner);
  owner.erase(id);
  commit(owner);
  const auto events = journal_of(one);
  EXPECT_EQ(events, owner.events());
  std::optional<entity> state;
  for (const auto& event : events)
    evolve(state, event);
  EXPECT_FALSE(state);
}

TEST_P(store_contract, counts_know_nothing_of_what_is_erased) {
  auto owner = own(one);
  const auto id = owner.finished(a_task());
  commit(owner);
  ASSERT_EQ(all_counted(*reader->counts()), 1);
  owner.erase(id);
  commit(owner);
  EXPECT_EQ(all_counted(*reader->counts()), 0);
  const auto next = own(one);
  EXPECT_EQ(next.counts().tasks, (std::array<int64_t, task_statuses>{}));
  EXPECT_EQ(next.counts().attempts.started, 1) << "attempts are of all time";
}

TEST_P(store_contract, an_erased_id_can_be_born_again) {
  auto owner = own(one);
  const auto id = owner.finished(tagged("x"));
  commit(owner);
  owner.erase(id);
  commit(owner);
  owner.apply(id, task_command{submit_task{tagged("y")}});
  commit(owner);
  ASSERT_TRUE(stored(id));
  EXPECT_EQ(history_of(id), owner.events_of(id)) << "of its second life alone";
}

TEST_P(store_contract, an_erasure_under_an_old_epoch_is_refused) {
  auto owner = own(one);
  const auto id = owner.finished(a_task());
  commit(owner);
  own(one, "node-2");
  owner.erase(id);
  EXPECT_EQ(journal->commit(std::vector{owner.seal()}).outcome, commit_outcome::refused);
  EXPECT_TRUE(stored(id));
}

TEST_P(store_contract, lists_of_some_shards_hold_nothing_of_others) {
  auto first = own(one);
  auto second = own(two);
  auto third = own(three);
  const auto a = first.submit(a_task(), noon);
  const auto b = second.submit(a_task(), noon + 1s);
  third.submit(a_task(), noon + 2s);
  commit({first.seal(), second.seal(), third.seal()});
  entity_query query;
  query.shards = {one, two};
  query.order = list_order::oldest_first;
  EXPECT_EQ(list_all(query), (std::vector{a, b}));
}

}  // namespace orrery::test
