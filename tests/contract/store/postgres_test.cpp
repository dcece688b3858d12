/// The store's contract on PostgreSQL, and what is promised of this store alone.

#include "tests/contract/store/flow_contract.hpp"
#include "tests/contract/store/identity_contract.hpp"
#include "tests/contract/store/log_contract.hpp"
#include "tests/contract/store/postgres_place.hpp"
#include "tests/contract/store/settings_contract.hpp"
#include "tests/contract/store/store_contract_letters.hpp"

#include <atomic>
#include <gtest/gtest.h>
#include <thread>

namespace orrery::test {

namespace {

INSTANTIATE_TEST_SUITE_P(postgres, store_contract,
                         ::testing::Values(store_adapter{
                             "postgres", [] { return std::make_unique<postgres_place>(); }}),
                         store_adapter_name);
INSTANTIATE_TEST_SUITE_P(postgres, letter_contract,
                         ::testing::Values(store_adapter{
                             "postgres", [] { return std::make_unique<postgres_place>(); }}),
                         store_adapter_name);

TEST_F(postgres_faults, a_shelf_of_flows_keeps_every_version_and_two_writers_apart) {
  const auto where = postgres_store::open(cluster.url(place.database()));
  ASSERT_TRUE(where);
  const auto flows = (*where)->flows();
  keeps_every_version(*flows);
  gives_two_writers_versions_of_their_own(*flows);
}

INSTANTIATE_TEST_SUITE_P(postgres, identity_contract,
                         ::testing::Values(store_adapter{
                             "postgres", [] { return std::make_unique<postgres_place>(); }}),
                         store_adapter_name);

TEST_F(postgres_faults, task_logs_keep_the_contract) {
  const auto where = postgres_store::open(cluster.url(place.database()));
  ASSERT_TRUE(where);
  const auto logs = (*where)->logs();
  keeps_what_logs_promise(*logs);
}

TEST_F(postgres_faults, settings_keep_the_contract) {
  const auto under_test = open();
  keeps_what_settings_promise(dynamic_cast<settings_source&>(*under_test));
}

TEST_F(postgres_faults, lets_two_stores_race_for_a_shard_and_loses_no_event) {
  std::atomic<int64_t> tasks = 0;
  std::atomic<int> refused = 0;
  const auto race = [&](const std::string& name) {
    const auto under_test = open();
    const auto journal = under_test->open_journal();
    for (int term = 0; term < 20; ++term) {
      const auto tenure = journal->acquire(one, name, noon);
      ASSERT_TRUE(tenure) << tenure.error().detail;
      shard_owner owner(one, *tenure);
      for (int i = 0; i < 5; ++i) {
        owner.finished(a_task(), noon + 1ms * (term * 5 + i) + (name == "b" ? 1h : 0h));
        const auto outcome = journal->commit(std::vector{owner.seal()}).outcome;
        if (outcome == commit_outcome::done)
          ++tasks;
        else if (outcome == commit_outcome::refused)
          ++refused;
        else
          ADD_FAILURE() << "neither done nor refused";
      }
    }
  };
  std::thread other(race, "b");
  race("a");
  other.join();
  EXPECT_EQ(tasks + refused, 200);
  EXPECT_GE(tasks, 5);
  expect_whole(tasks, tasks * 3);
}

TEST_F(postgres_faults, fails_the_insert_of_what_exists_and_the_update_of_what_does_not) {
  const auto under_test = open();
  const auto journal = under_test->open_journal();
  auto owner = own(*journal);
  owner.finished(a_task());
  auto batch = owner.seal();
  ASSERT_EQ(journal->commit(std::vector{batch}).outcome, commit_outcome::done);

  auto again = batch;
  again.expected = batch.last();
  for (auto& event : again.writes.front().events)
    event.position.value += 3;
  EXPECT_EQ(journal->commit(std::vector{again}).outcome, commit_outcome::failed);

  again.writes.front().insert = false;
  std::get<task>(again.writes.front().state).id = new_entity_id(noon, one, 99);
  const auto report = journal->commit(std::vector{again});
  EXPECT_EQ(report.outcome, commit_outcome::failed);
  EXPECT_NE(report.detail.find("0 of 1 rows"), std::string::npos) << report.detail;
  EXPECT_EQ(journal->inspect(one)->position, position_t{3});
}

TEST_F(postgres_faults, stores_text_that_no_column_can_hold) {
  const auto under_test = open();
  const auto journal = under_test->open_journal();
  const auto reader = under_test->open_reader();
  auto owner = own(*journal);
  auto spec = a_task();
  spec.kind = std::string("a\0b\xff\xc3(", 6);
  spec.reference = std::string(5000, 'r');
  spec.tags = {std::string("t\0", 2), "\xed\xa0\x80"};
  const auto id = owner.submit(a_task());
  auto batch = owner.seal();
  auto& state = batch.writes.front().state;
  std::get<task>(state).spec = spec;
  const auto report = journal->commit(std::vector{batch});
  ASSERT_EQ(report.outcome, commit_outcome::done) << report.detail;
  EXPECT_EQ(reader->load(std::vector{id})->at(0), state);
  entity_query query;
  query.task_kind = spec.kind;
  query.reference = spec.reference;
  query.tag = spec.tags[0];
  EXPECT_EQ(reader->list(query)->items.size(), 1U);
  query.task_kind = "ab";
  EXPECT_TRUE(reader->list(query)->items.empty());
}

TEST_F(postgres_faults, keeps_a_large_commit_whole) {
  const auto under_test = open();
  const auto journal = under_test->open_journal();
  auto owner = own(*journal);
  auto spec = a_task();
  spec.payload = "\"" + std::string(200 * 1024, 'x') + "\"";
  for (int i = 0; i < 100; ++i)
    owner.submit(spec);
  for (int i = 0; i < 2000; ++i)
    owner.finished(a_task());
  owner.read_to(intake::tasks, 2000);
  const auto report = journal->commit(std::vector{owner.seal()});
  ASSERT_EQ(report.outcome, commit_outcome::done) << report.detail;
  const auto reader = under_test->open_reader();
  EXPECT_EQ(*reader->journal(one, position_t{1}, 100'000), owner.events());
  EXPECT_EQ(place.sql("select count(*) from tasks"), "2100");
}

TEST_F(postgres_faults, tries_the_hosts_of_a_url_until_one_takes_writes) {
  const auto nobody = std::to_string(free_port());
  const auto both = "postgres://postgres@127.0.0.1:" + nobody +
                    ",127.0.0.1:" + std::to_string(cluster.port()) + "/" + place.database() +
                    "?sslmode=disable";
  EXPECT_TRUE(opened(both)->ping());
}

TEST_F(postgres_faults, refuses_what_is_no_url_without_repeating_its_password) {
  const auto bad = postgres_store::open("postgres://user:secret@host:port:port/x?nonsense=1");
  ASSERT_FALSE(bad);
  EXPECT_EQ(bad.error().code, errc::invalid);
  EXPECT_EQ(bad.error().detail.find("secret"), std::string::npos);
}

TEST_F(postgres_faults, keeps_two_systems_apart_by_schema) {
  postgres_options options;
  options.schema = "Second \"one\"";
  const auto second = open(options);
  ASSERT_TRUE(second->migrate(8));
  const auto journal = second->open_journal();
  auto owner = own(*journal);
  owner.finished(a_task());
  ASSERT_EQ(journal->commit(std::vector{owner.seal()}).outcome, commit_outcome::done);
  EXPECT_EQ(second->open_reader()->shards()->size(), 1U);
  EXPECT_TRUE(open()->open_reader()->shards()->empty());
}

TEST_F(postgres_faults, keeps_its_identity_and_shares_it_with_no_other) {
  postgres_place elsewhere;
  const auto identity_at = [](const std::string& database) {
    auto made = postgres_store::open(postgres_cluster::shared().url(database));
    EXPECT_TRUE((*made)->migrate(4));
    auto identity = (*made)->identity();
    EXPECT_TRUE(identity) << identity.error().detail;
    return identity.value_or("");
  };
  const auto first = identity_at(place.database());
  EXPECT_FALSE(first.empty());
  EXPECT_EQ(identity_at(place.database()), first);
  EXPECT_NE(identity_at(elsewhere.database()), first);
}

TEST_F(postgres_faults, migrates_once_when_many_nodes_start_together) {
  postgres_options options;
  options.schema = "together";
  std::atomic<int> done = 0;
  {
    std::vector<std::jthread> nodes;
    for (int i = 0; i < 4; ++i)
      nodes.emplace_back([&] {
        const auto migrated = open(options)->migrate(16);
        EXPECT_TRUE(migrated) << migrated.error().detail;
        ++done;
      });
  }
  EXPECT_EQ(done, 4);
  EXPECT_EQ(
      place.sql("select count(*) = max(version) and count(*) > 0 from together.schema_version"),
      "t");  // each step once
}

}  // namespace

}  // namespace orrery::test
