/// The write side of the store's contract: tenure, commits, fencing, migration.

#include "base/clock.hpp"
#include "tests/contract/store/store_contract.hpp"

#include <atomic>
#include <set>
#include <thread>

namespace orrery::test {

TEST_P(store_contract, migrates_twice_without_harm) {
  auto owner = own(one);
  owner.submit(a_task());
  commit(owner);
  const auto again = under_test->migrate(shard_count);
  EXPECT_TRUE(again) << again.error().detail;
  expect_agrees(owner);
}

TEST_P(store_contract, refuses_another_number_of_shards) {
  const auto other = under_test->migrate(shard_count * 2);
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().code, errc::conflict);
  EXPECT_FALSE(other.error().detail.empty());
  EXPECT_TRUE(under_test->migrate(shard_count));
}

TEST_P(store_contract, refuses_a_schema_newer_than_the_program) {
  if (!place->make_schema_newer())
    GTEST_SKIP() << "this store has no stored schema";
  auto restarted = place->open();
  const auto refused = restarted->migrate(shard_count);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, errc::conflict);
}

TEST_P(store_contract, answers_a_ping) { EXPECT_TRUE(under_test->ping()); }

TEST_P(store_contract, tells_the_time_of_its_own_clock_or_that_it_has_none) {
  const auto before = system_clock{}.now();
  const auto told = under_test->shared_time();
  ASSERT_TRUE(told);
  if (*told) {
    EXPECT_GT(**told, before - 1s);
    EXPECT_LT(**told, system_clock{}.now() + 1s);
  }
}

TEST_P(store_contract, gives_a_new_shard_from_its_beginning) {
  const auto tenure = journal->acquire(one, "node-1", noon);
  ASSERT_TRUE(tenure);
  EXPECT_EQ(tenure->shard, one);
  EXPECT_EQ(tenure->epoch, epoch_t{1});
  EXPECT_EQ(tenure->position, position_t{0});
  EXPECT_EQ(tenure->next, (intake_offsets{0, 0}));
  EXPECT_EQ(tenure->counts, status_counts{});
  EXPECT_EQ(tenure->published, position_t{0});
  EXPECT_EQ(row_of(one).owner, "node-1");
}

TEST_P(store_contract, hands_the_next_owner_a_higher_epoch_and_all_that_was_committed) {
  auto first = own(one, "node-1");
  first.finished(a_task());
  first.submit(a_task());
  first.submit(an_order());
  first.read_to(intake::orders, 7);
  first.read_to(intake::tasks, 12);
  commit(first);
  ASSERT_TRUE(journal->mark_published(one, first.epoch(), position_t{4}));

  const auto second = under_test->open_journal()->acquire(one, "node-2", noon + 1s);
  ASSERT_TRUE(second);
  EXPECT_EQ(second->epoch.value, first.epoch().value + 1);
  EXPECT_EQ(second->position, first.position());
  EXPECT_EQ(second->next, (intake_offsets{7, 12}));
  EXPECT_EQ(second->counts, first.counts());
  EXPECT_EQ(second->counts.tasks[static_cast<size_t>(task_status::succeeded)], 1);
  EXPECT_EQ(second->published, position_t{4});
  EXPECT_EQ(row_of(one).owner, "node-2");
}

TEST_P(store_contract, commits_all_parts_of_a_batch_together) {
  auto owner = own(one);
  const auto done = owner.finished(a_task());
  const auto waiting = owner.submit(a_task());
  const auto order_id = owner.submit(an_order());
  const dead_letter letter{intake::orders, one, 41, noon, "is not JSON", "k", "{oops"};
  owner.bury(letter);
  owner.read_to(intake::orders, 42);
  commit(owner);

  for (const auto& id : {done, waiting, order_id}) {
    EXPECT_EQ(stored(id), owner.state(id));
    EXPECT_EQ(history_of(id), owner.events_of(id));
  }
  EXPECT_EQ(journal_of(one), owner.events());
  EXPECT_EQ(due(one, noon + 1h).size(), 1U);
  EXPECT_EQ(list_all({.kind = entity_kind::task}).size(), 2U);
  const auto letters = reader->dead_letters(10);
  ASSERT_TRUE(letters);
  EXPECT_EQ(*letters, std::vector{letter});
  expect_agrees(owner);
}

TEST_P(store_contract, inserts_once_and_updates_over_later_commits) {
  auto owner = own(one);
  auto spec = a_task();
  spec.retry.jitter = 0;
  const auto id = owner.submit(spec);
  commit(owner);
  owner.apply(id, task_command{start_task{"node-1"}}, noon + 1s);
  commit(owner);
  EXPECT_EQ(stored(id), owner.state(id));
  owner.apply(id, task_command{fail_task{{1, 1}, "no route", "http-503"}}, noon + 2s);
  commit(owner);
  owner.apply(id, task_command{wake_task{}}, noon + 10s);
  owner.apply(id, task_command{start_task{"node-1"}}, noon + 10s);
  owner.apply(id, task_command{complete_task{{1, 2}, "42"}}, noon + 11s);
  commit(owner);

  EXPECT_EQ(stored(id), owner.state(id));
  EXPECT_EQ(owner.task_of(id).status, task_status::succeeded);
  EXPECT_EQ(history_of(id), owner.events());
  EXPECT_EQ(journal_of(one), owner.events());
  expect_agrees(owner);
}

TEST_P(store_contract, keeps_the_order_of_positions_when_entities_interleave) {
  auto owner = own(one);
  const auto a = owner.submit(a_task());
  const auto b = owner.submit(a_task());
  owner.apply(a, task_command{start_task{"node-1"}});
  owner.apply(b, task_command{start_task{"node-1"}});
  owner.apply(a, task_command{complete_task{{1, 1}, {}}});
  owner.apply(b, task_command{complete_task{{1, 1}, {}}});
  commit(owner);
  EXPECT_EQ(journal_of(one), owner.events());
  EXPECT_EQ(history_of(a), owner.events_of(a));
  EXPECT_EQ(history_of(b), owner.events_of(b));
}

TEST_P(store_contract, commits_several_shards_in_one_transaction) {
  auto first = own(one);
  auto second = own(two);
  const auto a = first.finished(a_task());
  const auto b = second.submit(an_order());
  second.read_to(intake::orders, 3);
  commit({first.seal(), second.seal()});
  EXPECT_EQ(stored(a), first.state(a));
  EXPECT_EQ(stored(b), second.state(b));
  EXPECT_EQ(journal_of(one), first.events());
  EXPECT_EQ(journal_of(two), second.events());
  expect_agrees(first);
  expect_agrees(second);
}

TEST_P(store_contract, moves_offsets_where_no_entity_changed) {
  auto owner = own(one);
  owner.read_to(intake::tasks, 99);
  commit(owner);
  expect_agrees(owner);
  EXPECT_TRUE(journal_of(one).empty());
  EXPECT_EQ(journal->commit({}).outcome, commit_outcome::done);
}

TEST_P(store_contract, refuses_a_former_owner_and_writes_nothing) {
  auto former = own(one, "node-1");
  former.submit(a_task());
  commit(former);
  const auto before = former.events();
  auto present = own(one, "node-2");

  const auto id = former.submit(a_task());
  former.bury({intake::tasks, one, 5, noon, "bad", "", "x"});
  former.read_to(intake::tasks, 6);
  const auto report = journal->commit(std::vector{former.seal()});

  EXPECT_EQ(report.outcome, commit_outcome::refused);
  EXPECT_EQ(report.refused, std::vector{one});
  EXPECT_EQ(stored(id), std::nullopt);
  EXPECT_EQ(journal_of(one), before);
  EXPECT_TRUE(reader->dead_letters(10)->empty());
  expect_agrees(present);
}

TEST_P(store_contract, refuses_a_batch_that_was_committed_before) {
  auto owner = own(one);
  owner.submit(a_task());
  const auto batch = owner.seal();
  commit({batch});
  const auto doubled = journal->commit(std::vector{batch});
  EXPECT_EQ(doubled.outcome, commit_outcome::refused);
  EXPECT_EQ(doubled.refused, std::vector{one});
  EXPECT_EQ(journal_of(one), owner.events());
}

TEST_P(store_contract, refuses_a_batch_without_events_that_was_committed_before) {
  auto owner = own(one);
  owner.bury({intake::tasks, one, 5, noon, "bad", "", "x"});
  owner.read_to(intake::tasks, 6);
  const auto batch = owner.seal();
  commit({batch});
  const auto doubled = journal->commit(std::vector{batch});
  EXPECT_EQ(doubled.outcome, commit_outcome::refused);
  EXPECT_EQ(doubled.refused, std::vector{one});
  EXPECT_EQ(reader->dead_letters(10)->size(), 1u);
  expect_agrees(owner);
}

TEST_P(store_contract, refuses_a_batch_that_begins_at_other_offsets) {
  for (const auto topic : {intake::orders, intake::tasks}) {
    auto owner = own(one);
    owner.submit(a_task());
    auto batch = owner.seal();
    batch.expected_next[static_cast<size_t>(topic)] += 1;
    EXPECT_EQ(journal->commit(std::vector{batch}).outcome, commit_outcome::refused);
  }
  EXPECT_TRUE(journal_of(one).empty());
}

TEST_P(store_contract, refuses_a_batch_after_one_that_never_came) {
  auto owner = own(one);
  owner.submit(a_task());
  (void)owner.seal();
  const auto late = owner.submit(a_task());
  const auto report = journal->commit(std::vector{owner.seal()});
  EXPECT_EQ(report.outcome, commit_outcome::refused);
  EXPECT_EQ(stored(late), std::nullopt);
  EXPECT_EQ(row_of(one).position, position_t{0});
}

TEST_P(store_contract, refuses_a_shard_that_nobody_acquired) {
  shard_owner imposter(two, {two, epoch_t{1}, {}, {}, {}, {}});
  imposter.submit(a_task());
  const auto report = journal->commit(std::vector{imposter.seal()});
  EXPECT_EQ(report.outcome, commit_outcome::refused);
  EXPECT_EQ(report.refused, std::vector{two});
}

TEST_P(store_contract, names_exactly_the_stale_shards_and_spares_the_others_nothing) {
  auto a = own(one);
  auto b = own(two);
  auto c = own(three);
  const auto newer = own(two, "node-2");
  const auto id_a = a.submit(a_task());
  const auto id_b = b.submit(a_task());
  const auto id_c = c.submit(a_task());
  const std::vector batches{a.seal(), b.seal(), c.seal()};

  const auto report = journal->commit(batches);
  ASSERT_EQ(report.outcome, commit_outcome::refused);
  EXPECT_EQ(report.refused, std::vector{two});
  for (const auto& id : {id_a, id_b, id_c})
    EXPECT_EQ(stored(id), std::nullopt);
  for (const auto& shard : {one, two, three})
    EXPECT_TRUE(journal_of(shard).empty());

  commit({batches[0], batches[2]});
  expect_agrees(a);
  expect_agrees(c);
  expect_agrees(newer);
}

TEST_P(store_contract, gives_every_acquisition_an_epoch_of_its_own) {
  constexpr int times = 20;
  std::array<std::vector<int64_t>, 2> seen;
  const auto acquire_often = [&](size_t who) {
    auto session = under_test->open_journal();
    for (int i = 0; i < times; ++i)
      if (const auto tenure = session->acquire(one, "node-" + std::to_string(who), noon))
        seen[who].push_back(tenure->epoch.value);
  };
  std::thread other(acquire_often, 1);
  acquire_often(0);
  other.join();
  std::set<int64_t> epochs(seen[0].begin(), seen[0].end());
  epochs.insert(seen[1].begin(), seen[1].end());
  EXPECT_EQ(epochs.size(), 2U * times);
  EXPECT_EQ(*epochs.rbegin(), 2 * times);
}

TEST_P(store_contract, lets_no_commit_of_a_zombie_pass_once_another_has_acquired) {
  auto zombie = own(one, "node-1");
  std::atomic<int64_t> committed = 0;
  commit_report last;
  std::thread old_node([&] {
    for (int i = 0; i < 100'000; ++i) {
      zombie.submit(a_task());
      last = journal->commit(std::vector{zombie.seal()});
      if (last.outcome != commit_outcome::done)
        return;
      ++committed;
    }
  });
  EXPECT_TRUE(eventually([&] { return committed > 2; }, 10s));
  const auto tenure = under_test->open_journal()->acquire(one, "node-2", noon);
  old_node.join();
  ASSERT_TRUE(tenure);
  EXPECT_EQ(last.outcome, commit_outcome::refused);
  EXPECT_EQ(tenure->position.value, committed);
  EXPECT_EQ(row_of(one).position.value, committed);
}

TEST_P(store_contract, inspects_without_changing_anything) {
  auto owner = own(one);
  owner.submit(a_task());
  owner.read_to(intake::tasks, 5);
  commit(owner);
  for (int i = 0; i < 2; ++i) {
    const auto now = journal->inspect(one);
    ASSERT_TRUE(now);
    EXPECT_EQ(now->shard, one);
    EXPECT_EQ(now->epoch, owner.epoch());
    EXPECT_EQ(now->position, owner.position());
    EXPECT_EQ(now->next, owner.next());
    EXPECT_EQ(now->counts, owner.counts());
  }
  owner.submit(a_task());
  commit(owner);
}

TEST_P(store_contract, never_lowers_what_is_published) {
  auto owner = own(one);
  owner.finished(a_task());
  commit(owner);
  ASSERT_TRUE(journal->mark_published(one, owner.epoch(), position_t{3}));
  EXPECT_EQ(row_of(one).published, position_t{3});
  (void)journal->mark_published(one, owner.epoch(), position_t{2});
  EXPECT_EQ(row_of(one).published, position_t{3});
}

TEST_P(store_contract, takes_no_word_on_publishing_from_a_former_owner) {
  auto former = own(one);
  former.finished(a_task());
  commit(former);
  own(one, "node-2");
  (void)journal->mark_published(one, former.epoch(), position_t{3});
  EXPECT_EQ(row_of(one).published, position_t{0});
}

TEST_P(store_contract, holds_everything_after_it_is_opened_again) {
  auto owner = own(one);
  const auto id = owner.finished(a_task());
  commit(owner);
  reader.reset();
  journal.reset();
  under_test.reset();
  under_test = place->open();
  ASSERT_TRUE(under_test->migrate(shard_count));
  journal = under_test->open_journal();
  reader = under_test->open_reader();
  EXPECT_EQ(stored(id), owner.state(id));
  EXPECT_EQ(journal_of(one), owner.events());
  expect_agrees(owner);
  EXPECT_EQ(own(one).epoch().value, owner.epoch().value + 1);
}

}  // namespace orrery::test
