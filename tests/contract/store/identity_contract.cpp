#include "tests/contract/store/identity_contract.hpp"

#include <thread>

namespace orrery::test {

TEST_P(identity_contract, gives_back_what_was_put_in_every_table) {
  for (size_t i = 0; i < identity_tables; ++i) {
    const auto table = static_cast<identity_table>(i);
    identity_record r{"k'\"ä", "owner", R"({"a":"ü"})", 0, from_micros(1'700'000'000'123'456)};
    EXPECT_FALSE(session->find(table, r.key).value().has_value());
    const auto version = session->put(table, r);
    ASSERT_TRUE(version) << version.error().detail;
    r.version = *version;
    EXPECT_EQ(session->find(table, r.key).value(), r);
    EXPECT_EQ(session->find(table, "k").value(), std::nullopt);
  }
}

TEST_P(identity_contract, refuses_a_change_that_read_another_version) {
  const auto table = identity_table::users;
  identity_record r{"alice", "", "1", 0, never};
  ASSERT_EQ(session->put(table, r).value(), 1U);
  EXPECT_EQ(session->put(table, r).error().code, errc::conflict) << "it is there already";
  r.version = 1;
  r.body = "2";
  EXPECT_EQ(session->put(table, r).value(), 2U);
  EXPECT_EQ(session->put(table, r).error().code, errc::conflict) << "version 1 is gone";
  EXPECT_EQ(session->find(table, "alice").value()->body, "2");
  r.key = "bob";
  EXPECT_EQ(session->put(table, r).error().code, errc::conflict) << "there is none to change";
}

TEST_P(identity_contract, lets_one_of_many_writers_win) {
  constexpr int writers = 8;
  std::vector<std::unique_ptr<identity_store>> sessions;
  for (int i = 0; i < writers; ++i)
    sessions.push_back(source().open_identity());
  std::atomic<int> won{0};
  std::atomic<int> lost{0};
  {
    std::vector<std::jthread> threads;
    for (auto& own : sessions)
      threads.emplace_back([&] {
        const auto put = own->put(identity_table::throttles, {"pair", "", "1", 0, never});
        if (put)
          ++won;
        else if (put.error().code == errc::conflict)
          ++lost;
      });
  }
  EXPECT_EQ(won, 1);
  EXPECT_EQ(lost, writers - 1);
}

TEST_P(identity_contract, lists_by_key_page_by_page_and_by_owner) {
  const auto table = identity_table::api_keys;
  for (const auto* key : {"b", "a", "B", "c"})
    ASSERT_TRUE(session->put(table, {key, *key == 'c' ? "bob" : "alice", "x", 0, never}));
  const auto keys = [&](std::string_view owner, std::string_view after, size_t limit) {
    std::string out;
    const auto rows = session->list(table, owner, after, limit);
    for (const auto& r : *rows)
      out += r.key;
    return out;
  };
  EXPECT_EQ(keys("", "", 10), "Babc");
  EXPECT_EQ(keys("", "", 2), "Ba");
  EXPECT_EQ(keys("", "a", 10), "bc");
  EXPECT_EQ(keys("alice", "", 10), "Bab");
  EXPECT_EQ(keys("nobody", "", 10), "");
}

TEST_P(identity_contract, removes_and_purges) {
  const auto table = identity_table::sessions;
  ASSERT_TRUE(session->put(table, {"old", "", "x", 0, from_micros(1000)}));
  ASSERT_TRUE(session->put(table, {"new", "", "x", 0, from_micros(3000)}));
  ASSERT_TRUE(session->put(table, {"kept", "", "x", 0, never}));
  EXPECT_TRUE(session->purge(from_micros(2000)));
  EXPECT_FALSE(session->find(table, "old").value());
  EXPECT_TRUE(session->find(table, "new").value());
  EXPECT_TRUE(session->remove(table, "kept").value());
  EXPECT_FALSE(session->remove(table, "kept").value());
  EXPECT_EQ(session->put(table, {"kept", "", "x", 0, never}).value(), 1U);
}

TEST_P(identity_contract, keeps_the_audit_log_newest_first) {
  EXPECT_TRUE(session->append_audit({}));
  const std::vector entries{entry("alice"), entry("", "refused"), entry("bob")};
  ASSERT_TRUE(session->append_audit(entries));
  ASSERT_TRUE(session->append_audit(std::vector{entry("alice", "refused")}));
  auto all = session->audit({}).value();
  ASSERT_EQ(all.size(), 4U);
  EXPECT_EQ(all[0].outcome, "refused");
  EXPECT_GT(all[0].number, all[1].number);
  auto first = all[3];
  first.number = 0;
  EXPECT_EQ(first, entries[0]);
  EXPECT_EQ(session->audit({.actor = "alice"}).value().size(), 2U);
  EXPECT_EQ(session->audit({.outcome = "refused"}).value().size(), 2U);
  EXPECT_EQ(session->audit({.actor = "alice", .outcome = "done"}).value().size(), 1U);
  EXPECT_EQ(session->audit({.before = all[1].number}).value().size(), 2U);
  EXPECT_EQ(session->audit({.limit = 1}).value().size(), 1U);
}

TEST_P(identity_contract, outlives_the_store_that_wrote_it) {
  ASSERT_TRUE(session->put(identity_table::users, {"alice", "", "x", 0, never}));
  session.reset();
  under_test.reset();
  under_test = place->open();
  session = source().open_identity();
  EXPECT_TRUE(session->find(identity_table::users, "alice").value());
}

}  // namespace orrery::test
