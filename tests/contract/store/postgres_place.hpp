#pragma once
/// Where the tests of the PostgreSQL store have their databases: on a cluster of the binary's own.

#include "base/check.hpp"
#include "persistence/postgres/postgres_store.hpp"
#include "tests/contract/store/store_contract.hpp"
#include "tests/support/postgres.hpp"

#include <gtest/gtest.h>
#include <memory>
#include <string>

namespace orrery::test {

inline std::unique_ptr<store> opened(const std::string& url, postgres_options options = {}) {
  auto made = postgres_store::open(url, std::move(options));
  CHECK(made.has_value(), "the cluster's own URL is one");
  return std::move(*made);
}

class postgres_place final : public store_place {
public:
  postgres_place() : database_(postgres_cluster::shared().create_database()) {}
  ~postgres_place() override { postgres_cluster::shared().drop_database(database_); }

  std::unique_ptr<store> open() override {
    return opened(postgres_cluster::shared().url(database_));
  }
  bool make_schema_newer() override {
    sql("insert into schema_version (version) select max(version) + 1 from schema_version");
    return true;
  }
  /// The server's clock stands for itself; moving back what it has stamped comes to the same.
  bool pass_time(duration length) override {
    sql("update nodes set seen_at = seen_at - " + std::to_string(length.count()) +
        " * interval '1 microsecond'");
    return true;
  }
  std::string sql(const std::string& text) {
    return postgres_cluster::shared().sql(database_, text);
  }
  const std::string& database() const { return database_; }

private:
  std::string database_;
};

/// A store on the shared cluster, with a second, undisturbed way to look at what it holds.
class postgres_faults : public ::testing::Test {
protected:
  static constexpr shard_id one{1};
  static constexpr shard_id two{2};

  void SetUp() override {
    const auto migrated = place.open()->migrate(4);
    ASSERT_TRUE(migrated) << migrated.error().detail;
  }

  std::unique_ptr<store> open(postgres_options options = {}) {
    return opened(cluster.url(place.database()), std::move(options));
  }
  std::unique_ptr<store> open_through(const postgres_proxy& proxy) {
    return opened(cluster.url(place.database(), proxy.port()));
  }

  shard_owner own(journal_store& journal, shard_id shard = one) {
    const auto tenure = journal.acquire(shard, "node-1", noon);
    EXPECT_TRUE(tenure) << tenure.error().detail;
    return shard_owner(shard, tenure ? *tenure : shard_tenure{});
  }

  /// Rows, journal, counts and position all tell of the same commits.
  void expect_whole(int64_t tasks, int64_t events) {
    const auto t = std::to_string(tasks);
    const auto e = std::to_string(events);
    EXPECT_EQ(
        place.sql("select position, (select coalesce(sum(n), 0) from unnest(task_counts[1:9]) n)"
                  " from shards where shard = 1"),
        e + "|" + t);
    EXPECT_EQ(place.sql("select count(*) from tasks"), t);
    EXPECT_EQ(place.sql("select coalesce(max(last), 0), coalesce(sum(last - first + 1), 0)"
                        " from journal"),
              e + "|" + e);
  }

  /// Another session that has locked shard 1, until `let_go` or its own end.
  std::unique_ptr<child_process> hold_the_row() {
    auto holder = std::make_unique<child_process>(std::vector<std::string>{
        "psql", "-X", "-q", "-d", cluster.url(place.database()), "-c",
        "begin; select 1 from shards where shard = 1 for update; select pg_sleep(60)"});
    EXPECT_TRUE(eventually([&] { return place.sql("select count(*)" + sleeping) == "1"; }, 10s));
    return holder;
  }
  void let_go() { place.sql("select pg_terminate_backend(pid)" + sleeping); }

  const std::string sleeping =
      " from pg_stat_activity where wait_event = 'PgSleep' and datname = current_database()";
  postgres_cluster& cluster = postgres_cluster::shared();
  postgres_place place;
};

}  // namespace orrery::test
