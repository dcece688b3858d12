#include "persistence/sqlite/sqlite_store.hpp"

#include "persistence/sqlite/database.hpp"
#include "persistence/sqlite/sqlite_flows.hpp"
#include "persistence/sqlite/sqlite_statistics.hpp"
#include "persistence/sqlite/sqlite_stock.hpp"
#include "tests/contract/store/failing_vfs.hpp"
#include "tests/contract/store/flow_contract.hpp"
#include "persistence/sqlite/sqlite_logs.hpp"
#include "tests/contract/store/identity_contract.hpp"
#include "tests/contract/store/log_contract.hpp"
#include "tests/contract/store/settings_contract.hpp"
#include "tests/contract/store/statistics_contract.hpp"
#include "tests/contract/store/stock_contract.hpp"
#include "tests/contract/store/store_contract.hpp"
#include "tests/contract/store/store_contract_letters.hpp"

#include <atomic>
#include <ctime>
#include <iostream>

namespace orrery::test {

namespace {

class movable_clock final : public clock {
public:
  time_point now() const override { return from_micros(micros_.load()); }
  void advance(duration length) { micros_ += length.count(); }

private:
  std::atomic<int64_t> micros_ = micros(noon);
};

class sqlite_place final : public store_place {
public:
  std::unique_ptr<store> open() override { return std::make_unique<sqlite_store>(file_, time_); }
  bool make_schema_newer() override {
    auto db = sqlite::database::open(file_, sqlite::access::write, {});
    EXPECT_TRUE(db && db->execute("INSERT INTO schema_version VALUES (9999, 0)"));
    return true;
  }
  bool pass_time(duration length) override {
    time_.advance(length);
    return true;
  }

private:
  temp_dir folder_;
  std::filesystem::path file_ = folder_.path() / "orrery.db";
  movable_clock time_;
};

TEST(sqlite_flow_shelf, keeps_every_version_and_two_writers_apart) {
  temp_dir folder;
  movable_clock time;
  sqlite_store where(folder.path() / "orrery.db", time);
  ASSERT_TRUE(where.migrate(4));
  sqlite_flows flows(where);
  keeps_every_version(flows);
  gives_two_writers_versions_of_their_own(flows);
}

TEST(sqlite_task_logs, keep_the_contract_and_outlive_their_process) {
  temp_dir folder;
  {
    sqlite_logs logs(folder.path() / "logs.db");
    keeps_what_logs_promise(logs);
  }
  sqlite_logs again(folder.path() / "logs.db");
  EXPECT_EQ(again.open_logs()->read(log_task(5), {1, 1}, 0)->lines, 200);
}

TEST(sqlite_stock_shelf, keeps_the_contract_in_one_local_transaction) {
  temp_dir folder;
  movable_clock time;
  sqlite_store where(folder.path() / "orrery.db", time);
  ASSERT_TRUE(where.migrate(4));
  sqlite_stock stock(where);
  keeps_the_contract_of_stock(stock, where);
}

TEST(sqlite_statistics_store, counts_each_event_once) {
  temp_dir folder;
  movable_clock time;
  sqlite_store where(folder.path() / "orrery.db", time);
  ASSERT_TRUE(where.migrate(4));
  sqlite_statistics statistics(where);
  counts_each_event_once(statistics);
}

INSTANTIATE_TEST_SUITE_P(sqlite, store_contract,
                         ::testing::Values(store_adapter{
                             "sqlite", [] { return std::make_unique<sqlite_place>(); }}),
                         store_adapter_name);
INSTANTIATE_TEST_SUITE_P(sqlite, letter_contract,
                         ::testing::Values(store_adapter{
                             "sqlite", [] { return std::make_unique<sqlite_place>(); }}),
                         store_adapter_name);

INSTANTIATE_TEST_SUITE_P(sqlite, identity_contract,
                         ::testing::Values(store_adapter{
                             "sqlite", [] { return std::make_unique<sqlite_place>(); }}),
                         store_adapter_name);

/// Everything a node finds when it starts on the files as they lie there now, as after a kill: a
/// copy, so that neither locks nor the shared memory of the living connection come along.
struct found {
  position_t position;
  intake_offsets next{};
  std::vector<event_record> journal;
  std::vector<entity> entities;
  std::vector<dead_letter> dead_letters;
  std::string integrity;
};

found after_a_crash(const std::filesystem::path& file, const std::vector<entity_id>& ids,
                    const clock& time) {
  const temp_dir folder;
  const auto copy = folder.path() / "copy.db";
  std::filesystem::copy_file(file, copy);
  const auto log = file.string() + "-wal";
  if (std::filesystem::exists(log))
    std::filesystem::copy_file(log, copy.string() + "-wal");
  sqlite_store reopened(copy, time);
  EXPECT_TRUE(reopened.migrate(4));
  const auto reader = reopened.open_reader();
  found out;
  const auto rows = reader->shards();
  EXPECT_TRUE(rows);
  for (const auto& row : *rows)
    if (row.shard == shard_id{1}) {
      out.position = row.position;
      out.next = row.next;
    }
  out.journal = *reader->journal(shard_id{1}, position_t{1}, 100'000);
  out.entities = *reader->load(ids);
  out.dead_letters = *reader->dead_letters(100);
  auto db = sqlite::database::open(copy, sqlite::access::read, {});
  auto q = db->prepared("PRAGMA integrity_check");
  EXPECT_TRUE(q.step());
  out.integrity = q.text(0);
  return out;
}

class sqlite_store_faults : public ::testing::TestWithParam<failing_vfs::extent> {};

/// One run: a commit before, one that meets the fault, one after. False when no fault was met.
bool commit_with_fault(failing_vfs& vfs, int nth, failing_vfs::extent how) {
  const temp_dir folder;
  const auto file = folder.path() / "orrery.db";
  const movable_clock time;
  sqlite_store under_test(file, time, {.vfs = vfs.name()});
  EXPECT_TRUE(under_test.migrate(4));
  const auto journal = under_test.open_journal();
  shard_owner owner(shard_id{1}, *journal->acquire(shard_id{1}, "node-1", noon));
  std::vector<entity_id> ids{owner.submit(a_task())};
  owner.read_to(intake::tasks, 1);
  EXPECT_EQ(journal->commit(std::vector{owner.seal()}).outcome, commit_outcome::done);
  const auto before = owner.events();

  auto spec = a_task();
  spec.payload = std::string(60'000, 'p');
  ids.push_back(owner.finished(spec));
  owner.apply(ids.front(), task_command{start_task{"node-1"}});
  owner.bury({intake::tasks, shard_id{1}, 1, noon, "bad", "k", "v"});
  owner.read_to(intake::tasks, 3);
  const auto batch = owner.seal();
  vfs.fail_at(nth, how);
  const auto report = journal->commit(std::vector{batch});
  const bool failed = vfs.has_failed();

  const auto now = after_a_crash(file, ids, time);
  EXPECT_EQ(now.integrity, "ok");
  const bool all = now.position == owner.position();
  EXPECT_EQ(now.position, all ? owner.position() : position_t{1});
  EXPECT_EQ(now.next[1], all ? 3 : 1);
  EXPECT_EQ(now.journal, all ? owner.events() : before);
  EXPECT_EQ(now.entities.size(), all ? 2U : 1U);
  EXPECT_EQ(now.dead_letters.size(), all ? 1U : 0U);
  EXPECT_NE(report.outcome, commit_outcome::refused);
  if (report.outcome != commit_outcome::unknown) {
    EXPECT_EQ(all, report.outcome == commit_outcome::done)
        << "fault " << nth << ", " << report.detail;
  }

  // Once the disk is well again the caller reads back, repeats what is missing, and goes on.
  vfs.heal();
  const auto truth = journal->inspect(shard_id{1});
  EXPECT_TRUE(truth) << (truth ? "" : truth.error().detail);
  if (truth && truth->position == batch.expected) {
    EXPECT_EQ(journal->commit(std::vector{batch}).outcome, commit_outcome::done);
  }
  ids.push_back(owner.submit(a_task()));
  EXPECT_EQ(journal->commit(std::vector{owner.seal()}).outcome, commit_outcome::done);
  const auto later = after_a_crash(file, ids, time);
  EXPECT_EQ(later.integrity, "ok");
  EXPECT_EQ(later.journal, owner.events());
  EXPECT_EQ(later.entities.size(), 3U);
  return failed;
}

TEST(sqlite_settings, keep_the_contract) {
  temp_dir folder;
  movable_clock time;
  sqlite_store store(folder.path() / "orrery.db", time);
  ASSERT_TRUE(store.migrate(2));
  keeps_what_settings_promise(store);
}

}  // namespace

TEST_P(sqlite_store_faults, leave_all_of_a_commit_or_nothing_whichever_write_fails) {
  failing_vfs vfs("failing");
  int nth = 1;
  while (nth < 500 && !HasFailure() && commit_with_fault(vfs, nth, GetParam()))
    ++nth;
  EXPECT_GT(nth, 5) << "a commit writes and syncs";
  EXPECT_LT(nth, 500);
}

INSTANTIATE_TEST_SUITE_P(sqlite, sqlite_store_faults,
                         ::testing::Values(failing_vfs::extent::once,
                                           failing_vfs::extent::for_good),
                         [](const auto& each) {
                           return each.param == failing_vfs::extent::once ? "once" : "for_good";
                         });

/// Run by hand with --gtest_also_run_disabled_tests from an optimised build.
TEST(sqlite_store, DISABLED_prints_how_many_finished_tasks_it_commits_per_second) {
  for (const int per_commit : {300, 1'000, 2'000}) {
    const temp_dir folder;
    const movable_clock time;
    sqlite_store under_test(folder.path() / "orrery.db", time);
    ASSERT_TRUE(under_test.migrate(4));
    const auto journal = under_test.open_journal();
    shard_owner owner(shard_id{1}, *journal->acquire(shard_id{1}, "node-1", noon));
    auto spec = a_task();
    spec.payload = R"({"url":"https://example.org/some/path","body":"some ninety bytes of text"})";
    std::chrono::steady_clock::duration spent{};
    std::clock_t worked = 0;  // of the processor, whatever else runs on this machine
    constexpr int tasks = 60'000;
    for (int made = 0; made < tasks; made += per_commit) {
      for (int i = 0; i < per_commit; ++i)
        owner.finished(spec, noon + made * 1ms);
      const std::vector batch{owner.seal()};
      const auto begun = std::chrono::steady_clock::now();
      const auto worked_before = std::clock();
      ASSERT_EQ(journal->commit(batch).outcome, commit_outcome::done);
      spent += std::chrono::steady_clock::now() - begun;
      worked += std::clock() - worked_before;
    }
    std::cout << per_commit << " per commit: "
              << static_cast<int>(tasks / std::chrono::duration<double>(spent).count())
              << " finished tasks/s, " << 1e6 * static_cast<double>(worked) / CLOCKS_PER_SEC / tasks
              << " us of processor each, "
              << std::filesystem::file_size(folder.path() / "orrery.db") / tasks << " bytes/task\n";
  }
}

TEST(sqlite_store, keeps_its_identity_and_shares_it_with_no_other) {
  temp_dir folder;
  system_clock time;
  const auto identity_of = [&](const char* file) {
    sqlite_store under_test(folder.path() / file, time);
    EXPECT_TRUE(under_test.migrate(4));
    return *under_test.identity();
  };
  const auto first = identity_of("a.db");
  EXPECT_EQ(identity_of("a.db"), first);
  EXPECT_NE(identity_of("b.db"), first);
}

TEST(sqlite_store, says_unavailable_where_the_file_cannot_be_opened) {
  const movable_clock time;
  sqlite_store nowhere("/proc/no/such/folder/orrery.db", time);
  EXPECT_EQ(nowhere.migrate(4).error().code, errc::unavailable);
  EXPECT_EQ(nowhere.ping().error().code, errc::unavailable);
  EXPECT_EQ(nowhere.open_reader()->shards().error().code, errc::unavailable);
  shard_owner owner(shard_id{1}, {shard_id{1}, epoch_t{1}, {}, {}, {}, {}});
  owner.submit(a_task());
  EXPECT_EQ(nowhere.open_journal()->commit(std::vector{owner.seal()}).outcome,
            commit_outcome::failed);
}

TEST(sqlite_store, fails_a_commit_while_another_process_holds_the_file) {
  const temp_dir folder;
  const auto file = folder.path() / "orrery.db";
  const movable_clock time;
  sqlite_store under_test(file, time, {.busy_timeout = 20ms});
  ASSERT_TRUE(under_test.migrate(4));
  const auto journal = under_test.open_journal();
  shard_owner owner(shard_id{1}, *journal->acquire(shard_id{1}, "node-1", noon));
  owner.submit(a_task());
  const auto batch = owner.seal();
  auto other = sqlite::database::open(file, sqlite::access::write, {});
  ASSERT_TRUE(other && other->execute("BEGIN IMMEDIATE"));
  EXPECT_EQ(journal->commit(std::vector{batch}).outcome, commit_outcome::failed);
  ASSERT_TRUE(other->execute("ROLLBACK"));
  EXPECT_EQ(journal->commit(std::vector{batch}).outcome, commit_outcome::done);
}

}  // namespace orrery::test
