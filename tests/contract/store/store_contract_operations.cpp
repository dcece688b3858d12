/// Bulk operations in the store.

#include "domain/ports/operations.hpp"
#include "tests/contract/store/store_contract.hpp"

namespace orrery::test {

namespace {

bulk_operation an_operation(uint64_t number, std::string node = "node-1") {
  bulk_operation one;
  one.id = new_entity_id(noon + number * 1s, shard_id{}, number);
  one.wish.action = bulk_action::rerun;
  one.wish.filter.statuses = {static_cast<uint8_t>(task_status::failed)};
  one.wish.filter.queue = "mail";
  one.wish.filter.created_to = noon;
  one.wish.payload = R"({"again":true})";
  one.wish.rate = 2.5;
  one.wish.by = "somebody";
  one.node = std::move(node);
  one.created_at = one.updated_at = noon;
  return one;
}

}  // namespace

TEST_P(store_contract, keeps_operations_as_they_were_given) {
  const auto operations = under_test->open_operations();
  ASSERT_TRUE(operations->add(an_operation(1)));
  ASSERT_TRUE(operations->add(an_operation(2)));
  const auto found = operations->get(an_operation(1).id);
  ASSERT_TRUE(found) << found.error().detail;
  EXPECT_EQ(found->wish.action, bulk_action::rerun);
  EXPECT_EQ(found->wish.filter.statuses, an_operation(1).wish.filter.statuses);
  EXPECT_EQ(found->wish.filter.queue, "mail");
  EXPECT_EQ(found->wish.filter.created_to, noon);
  EXPECT_EQ(found->wish.payload, R"({"again":true})");
  EXPECT_EQ(found->wish.rate, 2.5);
  EXPECT_EQ(found->wish.by, "somebody");
  EXPECT_EQ(found->node, "node-1");
  EXPECT_EQ(found->created_at, noon);
  const auto all = operations->list(1);
  ASSERT_TRUE(all && all->size() == 1);
  EXPECT_EQ(all->front().id, an_operation(2).id);
  EXPECT_EQ(operations->get(an_operation(3).id).error().code, errc::not_found);
}

TEST_P(store_contract, gives_an_operation_to_another_node_only_when_it_stands_still) {
  const auto operations = under_test->open_operations();
  ASSERT_TRUE(operations->add(an_operation(1, "node-1")));
  EXPECT_EQ(operations->claim("node-1", noon + 1s, noon - 1min)->size(), 1u);
  EXPECT_TRUE(operations->claim("node-2", noon + 2s, noon + 1s - 1min)->empty());
  const auto taken = operations->claim("node-2", noon + 2min, noon + 1min);
  ASSERT_TRUE(taken && taken->size() == 1);
  EXPECT_EQ(taken->front().node, "node-2");
  auto old = an_operation(1, "node-1");
  old.matched = 7;
  EXPECT_EQ(operations->save(old).error().code, errc::conflict);
  EXPECT_EQ(operations->get(old.id)->matched, 0);
}

TEST_P(store_contract, saves_progress_and_tells_of_a_wish_to_stop) {
  const auto operations = under_test->open_operations();
  auto kept = an_operation(1);
  ASSERT_TRUE(operations->add(kept));
  kept.matched = 100;
  kept.applied = 90;
  kept.refused = 10;
  kept.refusal = "cannot rerun: the task is RUNNING";
  kept.cursor = "17.x";
  kept.updated_at = noon + 5s;
  EXPECT_EQ(operations->save(kept).value(), false);
  ASSERT_TRUE(operations->ask_stop(kept.id));
  EXPECT_EQ(operations->save(kept).value(), true);
  auto found = operations->get(kept.id);
  ASSERT_TRUE(found);
  EXPECT_TRUE(found->stop_asked);
  EXPECT_EQ(found->matched, 100);
  EXPECT_EQ(found->applied, 90);
  EXPECT_EQ(found->refused, 10);
  EXPECT_EQ(found->refusal, kept.refusal);
  EXPECT_EQ(found->cursor, "17.x");
  kept.state = operation_state::stopped;
  kept.finished_at = noon + 6s;
  EXPECT_TRUE(operations->save(kept));
  EXPECT_TRUE(operations->claim("node-1", noon + 1h, noon + 30min)->empty());
  EXPECT_EQ(operations->get(kept.id)->finished_at, noon + 6s);
  EXPECT_EQ(operations->ask_stop(an_operation(9).id).error().code, errc::not_found);
}

}  // namespace orrery::test
