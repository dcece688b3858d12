#include "tests/unit/executors/process_executor_fixture.hpp"

#include "codec/json.hpp"

namespace orrery::test {

TEST_F(process_executor_test, gives_the_last_line_of_a_success_as_result) {
  configure(shell("echo working; echo aside >&2; echo '{\"rows\":3}'"));
  const auto outcome = run();
  EXPECT_TRUE(outcome.succeeded);
  EXPECT_EQ(outcome.result, R"({"rows":3})");
  EXPECT_EQ(outcome.error_code, "");
  EXPECT_NE(outcome.output.find("working"), std::string::npos);
  EXPECT_NE(outcome.output.find("aside"), std::string::npos);
}

TEST_F(process_executor_test, gives_json_of_several_lines_whole) {
  configure(shell("printf '{\\n\"a\": [1,\\n2]}\\n'"));
  EXPECT_EQ(run().result, "{\n\"a\": [1,\n2]}");
}

TEST_F(process_executor_test, gives_other_output_as_a_json_string) {
  configure(shell("printf 'two \"words\"\\nand \\377 a bad byte\\n'"));
  EXPECT_EQ(run().result, R"("two \"words\"\nand ? a bad byte")");
}

TEST_F(process_executor_test, tells_the_exit_code_of_a_failure) {
  configure(shell("echo why >&2; exit 3"));
  const auto outcome = run();
  EXPECT_FALSE(outcome.succeeded);
  EXPECT_EQ(outcome.error_code, "exit-3");
  EXPECT_TRUE(outcome.retryable);
  EXPECT_EQ(outcome.output, "why\n");
  EXPECT_EQ(outcome.result, "");
}

TEST_F(process_executor_test, tells_the_signal_that_ended_a_process) {
  configure(shell("kill -SEGV $$"));
  EXPECT_EQ(run().error_code, "signal-11");
}

TEST_F(process_executor_test, tells_at_once_what_cannot_be_started) {
  command_template missing;
  missing.argv = {"/nowhere/program"};
  configure(missing);
  const auto outcome = run();
  EXPECT_EQ(outcome.error_code, "spawn-failed");
  EXPECT_FALSE(outcome.retryable);
  EXPECT_NE(outcome.error.find("execve"), std::string::npos) << outcome.error;
  EXPECT_EQ(children(), 0u);
}

TEST_F(process_executor_test, starts_in_the_configured_directory_or_not_at_all) {
  auto here = shell("pwd");
  here.directory = dir_.path().string();
  auto nowhere = shell("pwd");
  nowhere.directory = "/nowhere";
  process_executor::options how;
  how.commands = {{"here", here}, {"nowhere", nowhere}};
  configure(how);
  start(1, R"({"command":"here"})");
  start(2, R"({"command":"nowhere"})");
  EXPECT_EQ(outcome_of(1).output, dir_.path().string() + "\n");
  EXPECT_EQ(outcome_of(2).error_code, "spawn-failed");
}

TEST_F(process_executor_test, feeds_a_large_input_while_it_reads_the_output) {
  configure(shell("cat"));
  const std::string text(200'000, 'x');
  const auto outcome = run(R"({"command":"run","stdin":")" + text + "\"}");
  EXPECT_TRUE(outcome.succeeded);
  EXPECT_EQ(outcome.output, text);
}

TEST_F(process_executor_test, does_not_mind_a_process_that_reads_no_input) {
  configure(shell("exec <&-; exit 0"));
  EXPECT_TRUE(run(R"({"command":"run","stdin":")" + std::string(200'000, 'x') + "\"}").succeeded);
}

TEST_F(process_executor_test, gives_an_empty_input_where_none_is_sent) {
  configure(shell("cat; echo end"));
  EXPECT_EQ(run().output, "end\n");
}

TEST_F(process_executor_test, keeps_an_argument_one_argument) {
  configure(shell("printf '<%s>' \"$@\"", {"--to={to}", "{n}", "{{n}", "{ n }"}));
  const auto outcome = run(R"({"command":"run","args":{"to":"a b; $(reboot) ' \" {n}","n":12}})");
  EXPECT_EQ(outcome.output, "<--to=a b; $(reboot) ' \" {n}><12><{n}><{ n }>");
}

TEST_F(process_executor_test, refuses_arguments_by_name) {
  configure(shell("echo", {"{seconds}"}));
  const auto field = [&](const std::string& payload) {
    const auto checked = executor_->check(payload);
    return checked ? std::string("accepted") : checked.error().field;
  };
  EXPECT_EQ(field(R"({"command":"run","args":{"seconds":"60"}})"), "accepted");
  EXPECT_EQ(field(R"({"command":"run"})"), "args.seconds");
  EXPECT_EQ(field(R"({"command":"run","args":{"seconds":1,"other":2}})"), "args.other");
  EXPECT_EQ(field(R"({"command":"run","args":{"seconds":"a\u0000b"}})"), "payload");
  EXPECT_EQ(field(R"({"command":"run","args":{"seconds":[1]}})"), "args.seconds");
  EXPECT_EQ(field(R"({"command":"other"})"), "command");
  EXPECT_EQ(field(R"({"args":{}})"), "command");
  EXPECT_EQ(field(R"([])"), "payload");
  EXPECT_EQ(field(R"({"command":)"), "payload");
  EXPECT_EQ(field(""), "payload");

  const auto outcome = run(R"({"command":"run"})");
  EXPECT_EQ(outcome.error_code, "refused");
  EXPECT_FALSE(outcome.retryable);
  EXPECT_NE(outcome.error.find("args.seconds"), std::string::npos);
}

TEST_F(process_executor_test, gives_a_clean_environment) {
  ::setenv("DATABASE_PASSWORD", "secret", 1);
  auto command = shell("env | sort");
  command.environment["EXTRA"] = "more";
  configure(command);
  const auto output = run().output;
  ::unsetenv("DATABASE_PASSWORD");
  EXPECT_EQ(output.find("secret"), std::string::npos);
  for (const auto& line : {"EXTRA=more", "LANG=C.UTF-8", "ORRERY_ATTEMPT=1", "ORRERY_EPOCH=7",
                           "ORRERY_RUN=1", "PATH=/usr/local/bin:/usr/bin:/bin"})
    EXPECT_NE(output.find(line), std::string::npos) << line << " in " << output;
  EXPECT_NE(output.find("ORRERY_TASK=" + to_string(task_)), std::string::npos);
}

TEST_F(process_executor_test, hands_down_no_other_descriptors) {
  const std::ofstream mine(file("mine"));
  configure(shell("exec ls /proc/self/fd"));
  // The fourth is the folder that is being listed.
  EXPECT_EQ(run().output, "0\n1\n2\n3\n");
}

TEST_F(process_executor_test, sets_limits_and_takes_privileges_away) {
  auto command = shell("grep -E 'NoNewPrivs' /proc/self/status; ulimit -n; ulimit -c; ulimit -f");
  command.limits.open_files = 77;
  command.limits.file_bytes = 1024 * 512;
  configure(command);
  EXPECT_EQ(run().output, "NoNewPrivs:\t1\n77\n0\n1024\n");
}

TEST_F(process_executor_test, keeps_the_newest_of_much_output) {
  configure(shell("head -c 10000000 /dev/zero | tr '\\0' a; echo the end"));
  const auto outcome = run();
  EXPECT_TRUE(outcome.succeeded);
  EXPECT_EQ(outcome.output.size(), limits::output_bytes);
  EXPECT_TRUE(outcome.output.ends_with("aathe end\n"));
  EXPECT_LE(outcome.result.size(), 64 * 1024 + 2u);
  EXPECT_TRUE(outcome.result.ends_with("aathe end\""));
  EXPECT_TRUE(codec::check_json(outcome.result));
}

TEST_F(process_executor_test, waits_for_a_process_that_closed_its_output) {
  configure(shell("exec >&- 2>&-; while [ ! -e " + file("go").string() +
                  " ]; do sleep 0.01; done; "
                  "exit 4"));
  start(1);
  EXPECT_TRUE(eventually([&] { return children() == 1; }, long_enough));
  EXPECT_EQ(ended(), 0u);
  std::ofstream(file("go")) << "1";
  EXPECT_EQ(outcome_of(1).error_code, "exit-4");
}

TEST_F(process_executor_test, refuses_more_processes_than_it_may_run) {
  process_executor::options how;
  how.processes_max = 2;
  how.commands["run"] = shell("exec sleep 600");
  configure(how);
  start(1);
  start(2);
  start(3);
  const auto refused = outcome_of(3);
  EXPECT_EQ(refused.error_code, "busy");
  EXPECT_TRUE(refused.retryable);
  executor_->stop(task_, token_of(1), stop_mode::now);
  outcome_of(1);
  start(4);
  EXPECT_TRUE(eventually([&] { return children() == 2; }, long_enough));
  EXPECT_EQ(ended(), 2u);
}

TEST_F(process_executor_test, runs_an_attempt_only_once_at_a_time) {
  configure(shell("exec sleep 600"));
  start(1);
  start(1);
  EXPECT_EQ(outcome_of(1).error_code, "duplicate");
  EXPECT_EQ(executor_->active(), 1u);
}

TEST_F(process_executor_test, runs_200_processes_side_by_side_and_leaves_nothing) {
  configure(shell("echo $ORRERY_ATTEMPT"));
  start(1);
  outcome_of(1);
  const auto descriptors = open_descriptors();
  for (uint32_t attempt = 2; attempt <= 201; ++attempt)
    start(attempt);
  EXPECT_TRUE(eventually([&] { return ended() == 201; }, long_enough));
  for (uint32_t attempt = 2; attempt <= 201; ++attempt)
    EXPECT_EQ(outcome_of(attempt).result, std::to_string(attempt));
  EXPECT_EQ(open_descriptors(), descriptors);
  EXPECT_EQ(children(), 0u);
  EXPECT_EQ(executor_->active(), 0u);
}

}  // namespace orrery::test
