/// A node that freezes within a transaction must not keep a shard from its next owner.

#include "tests/contract/store/postgres_place.hpp"

#include <gtest/gtest.h>
#include <thread>

namespace orrery::test {

namespace {

const std::string in_copy =
    " from pg_stat_activity where wait_event = 'ClientRead' and state = 'active'"
    " and datname = current_database()";

/// A session that has locked shard 1 and waits for the rows of a COPY that never come: no timeout of
/// the server ends it.
class frozen_owner {
public:
  explicit frozen_owner(const std::string& url)
      : session_({"sh", "-c",
                  "sleep 120 | psql -X -q -d '" + url +
                      "' -c \"set statement_timeout = '1s'; set idle_in_transaction_session_timeout"
                      " = '1s'; begin; select 1 from shards where shard = 1 for update;"
                      " create temporary table rows (x integer); copy rows from stdin\""}) {}

private:
  child_process session_;
};

TEST_F(postgres_faults, acquires_a_shard_whose_owner_is_frozen_within_a_copy) {
  const auto under_test = open();
  const auto journal = under_test->open_journal();
  auto before = own(*journal);
  before.finished(a_task());
  const frozen_owner frozen(cluster.url(place.database()));
  ASSERT_TRUE(eventually([&] { return place.sql("select count(*)" + in_copy) == "1"; }, 20s));

  const auto tenure = journal->acquire(one, "node-2", noon);
  ASSERT_TRUE(tenure) << tenure.error().detail;
  EXPECT_EQ(tenure->epoch, epoch_t{2});
  EXPECT_EQ(place.sql("select count(*)" + in_copy), "0");
  // And what the former owner tries again is refused.
  EXPECT_EQ(journal->commit(std::vector{before.seal()}).outcome, commit_outcome::refused);
}

TEST_F(postgres_faults, a_commit_that_is_ended_for_the_next_owner_is_refused_for_that_shard_alone) {
  const auto under_test = open();
  const auto journal = under_test->open_journal();
  const auto next = open()->open_journal();
  auto first = own(*journal, one);
  auto second = own(*journal, two);
  first.finished(a_task());
  second.finished(a_task());
  const std::vector both = {first.seal(), second.seal()};
  // It has the row of shard 1 and waits for that of shard 2, when shard 1 moves.
  child_process holder({"psql", "-X", "-q", "-d", cluster.url(place.database()), "-c",
                        "begin; select 1 from shards where shard = 2 for update; select"
                        " pg_sleep(120)"});
  ASSERT_TRUE(eventually([&] { return place.sql("select count(*)" + sleeping) == "1"; }, 20s));
  commit_report report;
  std::jthread committing([&] { report = journal->commit(both); });
  ASSERT_TRUE(eventually(
      [&] {
        return place.sql(
                   "select count(*) from pg_stat_activity where wait_event_type = 'Lock' and"
                   " datname = current_database()") == "1";
      },
      20s));

  const auto tenure = next->acquire(one, "node-2", noon);
  committing.join();
  let_go();
  ASSERT_TRUE(tenure) << tenure.error().detail;
  EXPECT_EQ(report.outcome, commit_outcome::failed) << report.detail;
  const auto again = journal->commit(both);
  EXPECT_EQ(again.outcome, commit_outcome::refused);
  EXPECT_EQ(again.refused, std::vector{one});
  EXPECT_EQ(journal->commit(std::vector{both.back()}).outcome, commit_outcome::done);
}

}  // namespace

}  // namespace orrery::test
