/// What only a server can do to the PostgreSQL store: stop, freeze, throw a session out, hold a
/// lock, lose an answer.

#include "tests/contract/store/postgres_place.hpp"

#include <atomic>
#include <gtest/gtest.h>
#include <map>
#include <thread>

namespace orrery::test {

namespace {

TEST_F(postgres_faults, works_again_by_itself_once_the_server_is_back) {
  const auto under_test = open();
  const auto journal = under_test->open_journal();
  const auto reader = under_test->open_reader();
  auto owner = own(*journal);
  owner.finished(a_task());
  ASSERT_EQ(journal->commit(std::vector{owner.seal()}).outcome, commit_outcome::done);
  ASSERT_TRUE(reader->shards());

  for (const auto mode :
       {postgres_cluster::stop_mode::fast, postgres_cluster::stop_mode::immediate}) {
    const auto id = owner.finished(a_task());
    const auto batch = owner.seal();
    cluster.stop(mode);
    EXPECT_EQ(journal->commit(std::vector{batch}).outcome, commit_outcome::failed);
    EXPECT_EQ(reader->shards().error().code, errc::unavailable);
    EXPECT_EQ(under_test->ping().error().code, errc::unavailable);
    EXPECT_EQ(under_test->shared_time().error().code, errc::unavailable);
    EXPECT_EQ(journal->acquire(two, "node-1", noon).error().code, errc::unavailable);
    EXPECT_EQ(under_test->open_registry()->nodes(1s).error().code, errc::unavailable);

    cluster.start();
    EXPECT_EQ(journal->commit(std::vector{batch}).outcome, commit_outcome::done);
    EXPECT_EQ(reader->history(id)->size(), 3U);
    EXPECT_TRUE(under_test->ping());
    EXPECT_TRUE(under_test->shared_time()->has_value());
  }
}

TEST_F(postgres_faults, repeats_a_read_on_a_new_connection_when_the_idle_one_has_died) {
  const auto under_test = open();
  const auto reader = under_test->open_reader();
  ASSERT_TRUE(reader->shards());
  cluster.stop(postgres_cluster::stop_mode::fast);
  cluster.start();
  const auto again = reader->shards();
  EXPECT_TRUE(again) << again.error().detail;
}

TEST_F(postgres_faults, gives_up_on_a_server_that_is_frozen) {
  postgres_options options;
  options.limits.connect_timeout = 2s;
  options.limits.call_timeout = 1s;
  const auto under_test = open(options);
  const auto journal = under_test->open_journal();
  const auto reader = under_test->open_reader();
  auto owner = own(*journal);
  ASSERT_TRUE(reader->shards());
  owner.finished(a_task());
  const auto batch = owner.seal();

  cluster.freeze();
  const auto report = journal->commit(std::vector{batch});
  const auto read = reader->shards();
  cluster.thaw();
  EXPECT_EQ(report.outcome, commit_outcome::failed) << report.detail;
  EXPECT_EQ(read.error().code, errc::unavailable);

  EXPECT_EQ(journal->commit(std::vector{batch}).outcome, commit_outcome::done);
  expect_whole(1, 3);
}

TEST_F(postgres_faults, fails_a_commit_whose_session_is_terminated_and_then_commits_it) {
  const auto under_test = open();
  const auto journal = under_test->open_journal();
  auto owner = own(*journal);
  owner.finished(a_task());
  const auto batch = owner.seal();
  // Another session holds the shard's row, so that the commit waits in its fence when it is hit.
  const auto holder = hold_the_row();
  const std::string waiting =
      "select count(*) from pg_stat_activity where application_name = 'orrery'"
      " and wait_event_type = 'Lock' and datname = current_database()";
  commit_report report;
  std::jthread committing([&] { report = journal->commit(std::vector{batch}); });
  EXPECT_TRUE(eventually([&] { return place.sql(waiting) == "1"; }, 10s));
  place.sql(
      "select pg_terminate_backend(pid) from pg_stat_activity"
      " where application_name = 'orrery' and wait_event_type = 'Lock'");
  committing.join();
  EXPECT_EQ(report.outcome, commit_outcome::failed) << report.detail;
  let_go();

  EXPECT_EQ(journal->inspect(one)->position, position_t{0});
  EXPECT_EQ(journal->commit(std::vector{batch}).outcome, commit_outcome::done);
}

TEST_F(postgres_faults, fails_a_commit_that_waits_too_long_for_the_shards_row) {
  postgres_options options;
  options.limits.statement_timeout = 300ms;
  const auto under_test = open(options);
  const auto journal = under_test->open_journal();
  auto owner = own(*journal);
  owner.finished(a_task());
  const auto batch = owner.seal();
  const auto holder = hold_the_row();
  const auto report = journal->commit(std::vector{batch});
  EXPECT_EQ(report.outcome, commit_outcome::failed);
  EXPECT_NE(report.detail.find("57014"), std::string::npos) << report.detail;
  expect_whole(0, 0);
  let_go();
  EXPECT_TRUE(eventually(
      [&] { return journal->commit(std::vector{batch}).outcome == commit_outcome::done; }, 10s));
}

/// Sees COMMIT in whatever message carries it.
bool carries_commit(char type, std::string_view body) {
  return (type == 'P' || type == 'Q') && body.find("commit") != std::string_view::npos;
}

TEST_F(postgres_faults, says_unknown_where_the_answer_to_commit_is_lost) {
  postgres_proxy proxy(cluster.port());
  const auto under_test = open_through(proxy);
  const auto journal = under_test->open_journal();
  auto owner = own(*journal);
  owner.finished(a_task());
  bool seen = false;
  proxy.on_message([&seen](char type, std::string_view body) {
    seen = seen || carries_commit(type, body);
    return seen && type == 'S' ? postgres_proxy::action::pass_and_cut
                               : postgres_proxy::action::pass;
  });
  EXPECT_EQ(journal->commit(std::vector{owner.seal()}).outcome, commit_outcome::unknown);
  proxy.on_message({});
  const auto now = journal->inspect(one);
  ASSERT_TRUE(now) << now.error().detail;
  EXPECT_EQ(now->position, position_t{3});
  EXPECT_EQ(now->epoch, owner.epoch());
  owner.finished(a_task());
  EXPECT_EQ(journal->commit(std::vector{owner.seal()}).outcome, commit_outcome::done);
}

TEST_F(postgres_faults, says_unknown_where_commit_itself_was_lost_and_nothing_was_written) {
  postgres_proxy proxy(cluster.port());
  const auto under_test = open_through(proxy);
  const auto journal = under_test->open_journal();
  auto owner = own(*journal);
  owner.finished(a_task());
  const auto batch = owner.seal();
  proxy.on_message([](char type, std::string_view body) {
    return carries_commit(type, body) ? postgres_proxy::action::cut : postgres_proxy::action::pass;
  });
  EXPECT_EQ(journal->commit(std::vector{batch}).outcome, commit_outcome::unknown);
  proxy.on_message({});
  EXPECT_EQ(journal->inspect(one)->position, position_t{0});
  EXPECT_EQ(journal->commit(std::vector{batch}).outcome, commit_outcome::done);
}

/// Cuts the connection at the 1st, 2nd, 3rd … message of a commit that inserts and updates, until
/// one passes untouched.
class cut_connections : public postgres_faults,
                        public ::testing::WithParamInterface<postgres_proxy::action> {};

TEST_P(cut_connections, leave_all_of_a_commit_or_none_of_it) {
  postgres_proxy proxy(cluster.port());
  const auto under_test = open_through(proxy);
  const auto journal = under_test->open_journal();
  auto owner = own(*journal);
  const auto waiting = owner.submit(a_task());
  ASSERT_EQ(journal->commit(std::vector{owner.seal()}).outcome, commit_outcome::done);
  std::map<commit_outcome, int> outcomes;
  int64_t committed = 1;
  bool clean = false;
  for (int nth = 1; !clean && nth < 200; ++nth) {
    std::atomic<int> seen = 0;
    proxy.on_message([&seen, nth](char, std::string_view) {
      return ++seen == nth ? GetParam() : postgres_proxy::action::pass;
    });
    const auto before = owner.position();
    const auto next_before = owner.next();
    for (int i = 0; i < 3; ++i)
      owner.finished(a_task());
    if (committed == 1)
      owner.apply(waiting, task_command{cancel_task{"no"}});
    owner.bury({intake::tasks, one, nth, noon, "bad", "", "x"});
    owner.read_to(intake::tasks, owner.next()[1] + 1);
    const auto batch = owner.seal();
    auto report = journal->commit(std::vector{batch});
    clean = seen < nth;
    ++outcomes[report.outcome];
    proxy.on_message({});
    const auto now = journal->inspect(one);
    ASSERT_TRUE(now) << now.error().detail;
    const bool written = now->position == batch.last();
    EXPECT_EQ(now->position, written ? batch.last() : before);
    EXPECT_EQ(now->next, written ? batch.next : next_before);
    if (report.outcome == commit_outcome::failed) {
      EXPECT_FALSE(written) << "at message " << nth;
    } else if (report.outcome == commit_outcome::done) {
      EXPECT_TRUE(written) << "at message " << nth;
    }
    if (!written) {
      EXPECT_EQ(journal->commit(std::vector{batch}).outcome, commit_outcome::done);
    }
    committed += 3;
    const auto letters = std::to_string(nth);
    EXPECT_EQ(place.sql("select (select count(*) from tasks), (select count(*) from dead_letters),"
                        " (select tasks_next from shards)"),
              std::to_string(committed) + "|" + letters + "|" + letters);
  }
  EXPECT_TRUE(clean);
  // The query with the fence, the rows, their end; what follows is sent together with COMMIT.
  EXPECT_GE(outcomes[commit_outcome::failed], 3);
  EXPECT_GT(outcomes[commit_outcome::unknown], 0);
  EXPECT_EQ(outcomes[commit_outcome::refused], 0);
  const auto reader = under_test->open_reader();
  EXPECT_EQ(*reader->journal(one, position_t{1}, 100'000), owner.events());
  EXPECT_EQ(*reader->history(waiting), owner.events_of(waiting));
}

INSTANTIATE_TEST_SUITE_P(postgres, cut_connections,
                         ::testing::Values(postgres_proxy::action::cut,
                                           postgres_proxy::action::pass_and_cut),
                         [](const auto& one_of) {
                           return one_of.param == postgres_proxy::action::cut ? "before_the_message"
                                                                              : "after_the_message";
                         });

}  // namespace

}  // namespace orrery::test
