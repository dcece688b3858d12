/// Stopping: whatever a process did to stay, nothing of it is left when `done` runs.

#include "tests/unit/executors/process_executor_fixture.hpp"

#include <csignal>

namespace orrery::test {

TEST_F(process_executor_test, asks_before_it_forces) {
  configure(shell("trap 'echo asked; exit 5' TERM; echo $$ > " + file("pids").string() +
                  "; while :; do sleep 0.01; done"));
  start(1);
  pids_in(file("pids"), 1);
  executor_->stop(task_, token_of(1), stop_mode::graceful);
  const auto outcome = outcome_of(1);
  EXPECT_EQ(outcome.error_code, "exit-5");
  EXPECT_NE(outcome.output.find("asked"), std::string::npos);
}

TEST_F(process_executor_test, forces_at_once_when_told_so) {
  process_executor::options how;
  how.grace = 1h;
  how.commands["run"] =
      shell("trap '' TERM; echo $$ > " + file("pids").string() + "; while :; do sleep 1; done");
  configure(how);
  start(1);
  pids_in(file("pids"), 1);
  executor_->stop(task_, token_of(1), stop_mode::graceful);
  executor_->stop(task_, token_of(1), stop_mode::now);
  EXPECT_EQ(outcome_of(1).error_code, "signal-9");
}

TEST_F(process_executor_test, reaches_a_process_that_is_halted) {
  configure(shell("trap 'exit 6' TERM; echo $$ > " + file("pids").string() +
                  "; kill -STOP $$; while :; do sleep 0.01; done"));
  start(1);
  pids_in(file("pids"), 1);
  executor_->stop(task_, token_of(1), stop_mode::graceful);
  EXPECT_EQ(outcome_of(1).error_code, "exit-6");
}

TEST_F(process_executor_test, leaves_nothing_of_a_tree_that_ignores_the_request) {
  const auto pids = file("pids").string();
  configure(shell("trap '' TERM; echo $$ >> " + pids +
                  "; for i in 1 2 3; do sh -c 'trap \"\" TERM; echo $$ >> " + pids +
                  "; (while :; do sleep 1; done) & while :; do sleep 1; done' & done; "
                  "while :; do sleep 1; done"));
  start(1);
  const auto all = pids_in(file("pids"), 4);
  executor_->stop(task_, token_of(1), stop_mode::graceful);
  EXPECT_EQ(outcome_of(1).error_code, "signal-9");
  for (const auto pid : all)
    EXPECT_TRUE(is_gone(pid)) << pid;
}

TEST_F(process_executor_test, finds_a_descendant_in_a_session_of_its_own) {
  const auto pids = file("pids").string();
  configure(shell("(setsid sh -c 'trap \"\" TERM; echo $$ >> " + pids +
                  "; while :; do sleep 1; done' &) ; while :; do sleep 1; done"));
  start(1);
  const auto all = pids_in(file("pids"), 1);
  executor_->stop(task_, token_of(1), stop_mode::graceful);
  outcome_of(1);
  for (const auto pid : all)
    EXPECT_TRUE(is_gone(pid)) << pid;
}

TEST_F(process_executor_test, finds_a_descendant_that_emptied_its_environment) {
  const auto pids = file("pids").string();
  configure(shell("env -i setsid sh -c 'echo $$ >> " + pids +
                  "; while :; do sleep 1; done' & "
                  "wait"));
  start(1);
  const auto all = pids_in(file("pids"), 1);
  executor_->stop(task_, token_of(1), stop_mode::now);
  outcome_of(1);
  for (const auto pid : all)
    EXPECT_TRUE(is_gone(pid)) << pid;
}

/// A daemon of the old school: two forks, a session of its own, no environment, no descriptors; it
/// ignores SIGTERM.
std::string daemon_script(const std::string& pids) {
  return "(env -i /usr/bin/setsid /bin/sh -c '(trap \"\" TERM HUP; "
         "exec 0</dev/null 1>/dev/null 2>/dev/null; /bin/sh -c \"echo \\$\\$ >> " +
         pids +
         "; while :; do /bin/sleep 1; done\") &' &)\n"
         "while [ ! -s " +
         pids + " ]; do sleep 0.01; done; ";
}

TEST_F(process_executor_test, finds_a_daemon_that_cleared_every_mark) {
  for (const auto* way : {"graceful", "now", "alone"}) {
    const auto pids = file(std::string("pids-") + way).string();
    const bool alone = std::string(way) == "alone";
    configure(shell(daemon_script(pids) + (alone ? "exit 0" : "while :; do sleep 1; done")));
    start(1);
    const auto all = pids_in(pids, 1);
    if (!alone)
      executor_->stop(task_, token_of(1),
                      std::string(way) == "now" ? stop_mode::now : stop_mode::graceful);
    outcome_of(1);
    for (const auto pid : all)
      EXPECT_TRUE(is_gone(pid)) << pid << " " << way;
    {
      const std::lock_guard lock(guard_);
      outcomes_.clear();
    }
  }
}

TEST_F(process_executor_test, a_daemon_outlives_its_attempt_no_longer_than_those_beside_it) {
  const auto pids = file("pids").string();
  configure(shell("if [ $ORRERY_ATTEMPT = 1 ]; then exec sleep 600; fi; " + daemon_script(pids)));
  start(1);
  EXPECT_TRUE(eventually([&] { return children() == 1; }, long_enough));
  start(2);
  const auto all = pids_in(pids, 1);
  EXPECT_TRUE(outcome_of(2).succeeded);
  executor_->stop(task_, token_of(1), stop_mode::now);
  EXPECT_EQ(outcome_of(1).error_code, "signal-9");
  for (const auto pid : all)
    EXPECT_TRUE(is_gone(pid)) << pid;
}

TEST_F(process_executor_test, reaps_what_it_adopted) {
  const auto pids = file("pids").string();
  configure(shell("(setsid sh -c 'echo $$ >> " + pids + "' &) ; while [ ! -s " + pids +
                  " ]; do sleep 0.01; done"));
  run();
  EXPECT_TRUE(eventually([&] { return children() == 0; }, long_enough));
}

TEST_F(process_executor_test, stops_a_tree_that_closed_all_its_descriptors_and_forks_on) {
  const auto pids = file("pids").string();
  configure(shell("trap '' TERM; exec 0<&- 1>&- 2>&-; echo $$ >> " + pids +
                  "; while :; do (trap '' TERM; sleep 0.2) & sleep 0.02; done"));
  start(1);
  const auto all = pids_in(file("pids"), 1);
  executor_->stop(task_, token_of(1), stop_mode::graceful);
  EXPECT_EQ(outcome_of(1).error_code, "signal-9");
  for (const auto pid : all)
    EXPECT_TRUE(is_gone(pid)) << pid;
  EXPECT_TRUE(eventually([&] { return children() == 0; }, long_enough));
}

TEST_F(process_executor_test, does_not_wait_for_a_grandchild_that_holds_the_output) {
  const auto pids = file("pids").string();
  configure(shell("setsid sh -c 'echo $$ >> " + pids +
                  "; exec sleep 600' & "
                  "while [ ! -s " +
                  pids + " ]; do sleep 0.01; done; echo '\"well\"'"));
  const auto outcome = run();
  EXPECT_TRUE(outcome.succeeded);
  EXPECT_EQ(outcome.result, "\"well\"");
  for (const auto pid : pids_in(file("pids"), 1))
    EXPECT_TRUE(is_gone(pid)) << pid;
}

TEST_F(process_executor_test, leaves_the_neighbours_alone) {
  configure(shell("exec sleep 600"));
  start(1);
  start(2);
  child_process stranger({"sleep", "600"});
  EXPECT_TRUE(eventually([&] { return children() == 3; }, long_enough));
  executor_->stop(task_, token_of(1), stop_mode::now);
  EXPECT_EQ(outcome_of(1).error_code, "signal-9");
  EXPECT_EQ(ended(), 1u);
  EXPECT_EQ(children(), 2u);
  EXPECT_TRUE(stranger.running());
}

TEST_F(process_executor_test, ignores_a_stop_of_what_it_does_not_know) {
  configure(shell("exec sleep 600"));
  start(1);
  EXPECT_TRUE(eventually([&] { return children() == 1; }, long_enough));
  executor_->stop(task_, token_of(2), stop_mode::now);
  executor_->stop(entity_id{make_uuid_v8("other", 3)}, token_of(1), stop_mode::now);
  executor_->stop(task_, token_of(1), stop_mode::now);
  outcome_of(1);
  executor_->stop(task_, token_of(1), stop_mode::now);
  EXPECT_EQ(ended(), 1u);
}

TEST_F(process_executor_test, kills_and_reaps_everything_at_its_end) {
  const auto descriptors = open_descriptors();
  const auto pids = file("pids").string();
  configure(shell("trap '' TERM; echo $$ >> " + pids + "; while :; do sleep 1; done"));
  for (uint32_t attempt = 1; attempt <= 20; ++attempt)
    start(attempt);
  const auto all = pids_in(file("pids"), 20);
  start(21);
  executor_.reset();
  EXPECT_EQ(ended(), 21u);
  for (const auto pid : all)
    EXPECT_TRUE(is_gone(pid)) << pid;
  EXPECT_EQ(children(), 0u);
  EXPECT_EQ(open_descriptors(), descriptors);
}

TEST_F(process_executor_test, tells_the_end_of_each_attempt_once_however_it_is_stopped) {
  configure(shell("sleep 0.0$((ORRERY_ATTEMPT % 10))"));
  for (uint32_t attempt = 1; attempt <= 100; ++attempt) {
    start(attempt);
    if (attempt % 2 == 0)
      executor_->stop(task_, token_of(attempt),
                      attempt % 4 == 0 ? stop_mode::now : stop_mode::graceful);
  }
  EXPECT_TRUE(eventually([&] { return executor_->active() == 0; }, long_enough));
  executor_.reset();
  EXPECT_EQ(ended(), 100u);
  for (uint32_t attempt = 1; attempt <= 100; ++attempt)
    outcome_of(attempt);
}

}  // namespace orrery::test
