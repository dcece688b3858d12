#include "persistence/memory/memory_store.hpp"

#include "persistence/memory/memory_flows.hpp"
#include "tests/contract/store/flow_contract.hpp"
#include "tests/contract/store/identity_contract.hpp"
#include "persistence/memory/memory_logs.hpp"
#include "tests/contract/store/log_contract.hpp"
#include "persistence/memory/memory_settings.hpp"
#include "persistence/memory/memory_statistics.hpp"
#include "persistence/memory/memory_stock.hpp"
#include "tests/contract/store/settings_contract.hpp"
#include "tests/contract/store/statistics_contract.hpp"
#include "tests/contract/store/stock_contract.hpp"
#include "tests/contract/store/store_contract.hpp"
#include "tests/contract/store/store_contract_letters.hpp"

#include <atomic>

namespace orrery::test {

namespace {

class movable_clock final : public clock {
public:
  time_point now() const override { return from_micros(micros_.load()); }
  void advance(duration length) { micros_ += length.count(); }

private:
  std::atomic<int64_t> micros_ = micros(noon);
};

TEST(memory_flow_shelf, keeps_every_version_and_two_writers_apart) {
  memory_flows flows;
  keeps_every_version(flows);
  gives_two_writers_versions_of_their_own(flows);
}

TEST(memory_task_logs, keep_the_contract) {
  memory_logs logs;
  keeps_what_logs_promise(logs);
}

TEST(memory_stock_shelf, keeps_the_contract) {
  movable_clock time;
  memory_store where(time);
  ASSERT_TRUE(where.migrate(4));
  memory_stock stock(where);
  keeps_the_contract_of_stock(stock, where);
}

TEST(memory_statistics_store, counts_each_event_once) {
  memory_statistics statistics;
  counts_each_event_once(statistics);
}

class memory_place final : public store_place {
public:
  std::unique_ptr<store> open() override { return shared_.open_again(); }
  bool pass_time(duration length) override {
    time_.advance(length);
    return true;
  }

private:
  movable_clock time_;
  memory_store shared_{time_};
};

INSTANTIATE_TEST_SUITE_P(memory, store_contract,
                         ::testing::Values(store_adapter{
                             "memory", [] { return std::make_unique<memory_place>(); }}),
                         store_adapter_name);
INSTANTIATE_TEST_SUITE_P(memory, letter_contract,
                         ::testing::Values(store_adapter{
                             "memory", [] { return std::make_unique<memory_place>(); }}),
                         store_adapter_name);

INSTANTIATE_TEST_SUITE_P(memory, identity_contract,
                         ::testing::Values(store_adapter{
                             "memory", [] { return std::make_unique<memory_place>(); }}),
                         store_adapter_name);

class memory_store_faults : public ::testing::Test {
protected:
  void SetUp() override { ASSERT_TRUE(under_test.migrate(4)); }

  movable_clock time;
  memory_store under_test{time};
  std::unique_ptr<journal_store> journal = under_test.open_journal();
  std::unique_ptr<entity_store> reader = under_test.open_reader();
};

TEST(memory_settings, keep_the_contract) {
  memory_settings settings;
  keeps_what_settings_promise(settings);
}

}  // namespace

TEST_F(memory_store_faults, fail_the_commit_that_was_named_and_no_other) {
  shard_owner owner(shard_id{0}, *journal->acquire(shard_id{0}, "node-1", noon));
  under_test.fail_commits(2, commit_outcome::failed);
  owner.submit(a_task());
  EXPECT_EQ(journal->commit(std::vector{owner.seal()}).outcome, commit_outcome::done);
  owner.submit(a_task());
  const auto batch = owner.seal();
  EXPECT_EQ(journal->commit(std::vector{batch}).outcome, commit_outcome::failed);
  EXPECT_EQ(reader->journal(shard_id{0}, position_t{1}, 100)->size(), 1U);
  EXPECT_EQ(journal->commit(std::vector{batch}).outcome, commit_outcome::done);
  EXPECT_EQ(under_test.commits(), 3);
}

TEST_F(memory_store_faults, leave_an_unknown_commit_applied_or_not_as_planned) {
  for (const bool applied : {false, true}) {
    shard_owner owner(shard_id{1}, *journal->acquire(shard_id{1}, "node-1", noon));
    const auto id = owner.submit(a_task(), noon + (applied ? 1s : 0s));
    under_test.fail_commits(1, commit_outcome::unknown, applied);
    EXPECT_EQ(journal->commit(std::vector{owner.seal()}).outcome, commit_outcome::unknown);
    EXPECT_EQ(reader->load(std::vector{id})->size(), applied ? 1U : 0U);
    EXPECT_EQ(journal->inspect(shard_id{1})->position.value, applied ? 1 : 0);
  }
}

TEST_F(memory_store_faults, refuse_all_shards_of_a_commit_where_planned) {
  shard_owner owner(shard_id{0}, *journal->acquire(shard_id{0}, "node-1", noon));
  under_test.fail_commits(1, commit_outcome::refused);
  const auto report = journal->commit(std::vector{owner.seal()});
  EXPECT_EQ(report.outcome, commit_outcome::refused);
  EXPECT_EQ(report.refused, std::vector{shard_id{0}});
}

TEST_F(memory_store_faults, answer_calls_with_what_the_hook_says) {
  under_test.on_call([](std::string_view call) -> result<void> {
    if (call == "load")
      return failure{errc::unavailable, "the store is away"};
    return {};
  });
  const auto loaded = reader->load({});
  ASSERT_FALSE(loaded);
  EXPECT_EQ(loaded.error().code, errc::unavailable);
  EXPECT_TRUE(reader->shards());
  under_test.on_call({});
  EXPECT_TRUE(reader->load({}));
}

}  // namespace orrery::test
