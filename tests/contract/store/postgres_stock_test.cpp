/// The stock in a PostgreSQL of its own: the contract, and what is left between two databases.

#include "persistence/postgres/journal_session.hpp"
#include "persistence/postgres/two_phase.hpp"
#include "tests/contract/store/postgres_place.hpp"
#include "tests/contract/store/statistics_contract.hpp"
#include "tests/contract/store/stock_contract.hpp"

#include <gtest/gtest.h>

namespace orrery::test {

namespace {

class two_databases : public postgres_faults {
protected:
  void SetUp() override {
    postgres_faults::SetUp();
    auto made = inventory_database::open(cluster.url(stock_database_));
    ASSERT_TRUE(made);
    stock = std::move(*made);
    const auto migrated = stock->migrate();
    ASSERT_TRUE(migrated) << migrated.error().detail;
    ASSERT_TRUE(stock->migrate());  // again changes nothing
    truth = *postgres_store::open(cluster.url(place.database()));
  }
  void TearDown() override {
    phases.reset();
    truth.reset();
    cluster.drop_database(stock_database_);
  }

  /// A node's coordinator begins.
  void join(two_phase_options options = {}) {
    const auto url = *postgres::connection_text(cluster.url(place.database()), {});
    phases = std::make_unique<two_phase>(*stock, url, postgres::session_setup("public", {}),
                                         *truth->identity(), options);
    truth->join_stock(*stock, *phases);
  }
  std::string stock_sql(const std::string& text) { return cluster.sql(stock_database_, text); }
  std::string prepared() {
    return stock_sql("select count(*) from pg_prepared_xacts where database = current_database()");
  }

  /// One product of 5, two of it held by `wish`, and its taking prepared as by a node that died.
  std::string leave_prepared(const std::string& epoch) {
    const auto shelf = stock->open_stock();
    EXPECT_TRUE(shelf->create(some("Lamp", 5), noon));
    EXPECT_TRUE(shelf->hold(std::span(&wish, 1), noon));
    const auto gid = postgres::gid_prefix(*truth->identity()) + "dead-1/1." + epoch;
    stock_sql("begin; update stock_reservations set state = 1 where task = '" +
              to_string(wish.task) + "'; prepare transaction '" + gid + "'");
    EXPECT_EQ(prepared(), "1");
    return gid;
  }

  const std::string stock_database_ = cluster.create_database();
  const stock_hold wish = a_hold(1, "Lamp", 2);
  std::unique_ptr<inventory_database> stock;
  std::unique_ptr<postgres_store> truth;
  std::unique_ptr<two_phase> phases;
};

TEST_F(two_databases, keep_the_contract_and_leave_nothing_behind) {
  join();
  keeps_the_contract_of_stock(*stock, *truth);
  EXPECT_TRUE(eventually([&] { return prepared() == "0"; }, 20s));
  phases->stop();
  EXPECT_EQ(place.sql("select count(*) from stock_decisions where committed"), "0");
}

TEST_F(two_databases, what_was_decided_is_committed_by_whoever_comes_next) {
  const auto gid = leave_prepared("1");
  place.sql("insert into stock_decisions (gid, committed) values ('" + gid + "', true)");
  join();
  const auto journal = truth->open_journal();
  ASSERT_TRUE(journal->acquire(one, "node-1", noon));  // as it was
  ASSERT_TRUE(journal->acquire(one, "node-2", noon));
  EXPECT_TRUE(eventually([&] { return prepared() == "0"; }, 20s));
  becomes(*stock->open_stock(), "Lamp", {3, 0, 2, 0});
}

TEST_F(two_databases, what_was_not_decided_is_rolled_back_and_cannot_be_decided_any_more) {
  const auto gid = leave_prepared("1");
  join();
  const auto journal = truth->open_journal();
  const auto tenure = journal->acquire(two, "node-1", noon);
  ASSERT_TRUE(journal->acquire(one, "node-1", noon));
  ASSERT_TRUE(journal->acquire(one, "node-2", noon));
  EXPECT_TRUE(eventually([&] { return prepared() == "0"; }, 20s));
  becomes(*stock->open_stock(), "Lamp", {3, 2, 0, 0});
  // The commit of the one who died was only slow: it comes now, and finds the refusal.
  postgres::journal_session slow(*postgres::connection_text(cluster.url(place.database()), {}),
                                 postgres::session_setup("public", {}), 10s,
                                 std::make_shared<postgres::watchdog>());
  shard_owner owner(two, *tenure);
  owner.finished(a_task());
  const auto batch = owner.seal();
  EXPECT_EQ(slow.commit(std::span(&batch, 1), std::span(&gid, 1)).outcome, commit_outcome::failed);
  EXPECT_EQ(slow.commit(std::span(&batch, 1)).outcome, commit_outcome::done);
}

TEST_F(two_databases, what_nobody_owns_is_found_by_its_age) {
  leave_prepared("7");
  join({.look_pause = 200ms, .doubt_after = 1s});
  EXPECT_TRUE(eventually([&] { return prepared() == "0"; }, 20s));
  EXPECT_EQ(phases->figures().resolved, 1u);
}

TEST_F(two_databases, what_belongs_to_another_store_is_left_alone) {
  leave_prepared("1");
  stock_sql("begin; create table other (a int); prepare transaction 'orrery/other/1/1.1'");
  join({.look_pause = 100ms, .doubt_after = 0s});
  EXPECT_TRUE(eventually([&] { return prepared() == "1"; }, 20s));
  stock_sql("rollback prepared 'orrery/other/1/1.1'");
}

TEST_F(two_databases, a_stock_that_is_away_stops_only_what_needs_it) {
  postgres_proxy proxy(cluster.port());
  auto through = inventory_database::open(cluster.url(stock_database_, proxy.port()));
  ASSERT_TRUE(through);
  stock = std::move(*through);
  join();
  const auto near = *inventory_database::open(cluster.url(stock_database_));
  const auto shelf = near->open_stock();
  ASSERT_TRUE(shelf->create(some("Lamp", 5), noon));
  ASSERT_TRUE(shelf->hold(std::span(&wish, 1), noon));
  const auto journal = truth->open_journal();
  auto with = own(*journal, one);
  auto without = own(*journal, two);
  proxy.on_message([](char, std::string_view) { return postgres_proxy::action::cut; });
  with.finished(a_task());
  auto moving = with.seal();
  moving.stock = {take(wish)};
  without.finished(a_task());
  const auto plain = without.seal();
  const auto report = journal->commit(std::vector{moving, plain});
  EXPECT_EQ(report.outcome, commit_outcome::failed);
  EXPECT_EQ(report.unprepared, (std::vector{one}));
  EXPECT_EQ(journal->commit(std::span(&plain, 1)).outcome, commit_outcome::done);
  EXPECT_EQ(places(*shelf, "Lamp"), (in_places{3, 2, 0, 0}));
}

TEST_F(postgres_faults, statistics_count_each_event_once) {
  const auto where = postgres_store::open(cluster.url(place.database()));
  ASSERT_TRUE(where);
  const auto statistics = (*where)->statistics();
  counts_each_event_once(*statistics);
}

TEST(a_server_without_prepared_transactions, is_refused_with_what_to_do) {
  postgres_cluster bare({"max_prepared_transactions=0"});
  const auto stock = inventory_database::open(bare.url(bare.create_database()));
  ASSERT_TRUE(stock);
  const auto migrated = (*stock)->migrate();
  ASSERT_FALSE(migrated);
  EXPECT_EQ(migrated.error().code, errc::invalid);
  EXPECT_NE(migrated.error().detail.find("max_prepared_transactions"), std::string::npos);
}

TEST(names_of_prepared_transactions, tell_whose_they_are_and_fit) {
  std::vector<shard_batch> batches(200);
  std::vector<const shard_batch*> pointers;
  for (uint16_t i = 0; i < 200; ++i) {
    batches[i].shard = shard_id{i};
    batches[i].epoch = epoch_t{1000 + i};
    pointers.push_back(&batches[i]);
  }
  const auto prefix = postgres::gid_prefix("0193-ab_cd'");
  EXPECT_EQ(prefix, "orrery/0193abcd/");
  const auto n = postgres::gid_fits(prefix, "12", pointers);
  EXPECT_GT(n, 10u);
  const auto gid = postgres::make_gid(prefix, "12", std::span(pointers).first(n));
  EXPECT_LT(gid.size(), 200u);
  const auto read = postgres::parse_gid(gid);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->number, "12");
  ASSERT_EQ(read->shards.size(), n);
  EXPECT_EQ(read->shards[3], std::pair(shard_id{3}, epoch_t{1003}));
  for (const auto* bad :
       {"", "orrery", "orrery/a/b", "orrery/a/b/x", "other/a/b/1.1", "orrery/a/b/1"})
    EXPECT_FALSE(postgres::parse_gid(bad)) << bad;
}

}  // namespace

}  // namespace orrery::test
