/// Rows whose time is over are deleted by their shard, and nothing else is.

#include "actors/retention_sweeper.hpp"
#include "tests/actors/simulated_node.hpp"

namespace orrery::test {

class retention_pass : public simulated_node {
protected:
  retention_pass() {
    keep("1m");
    context.limits.retention_look = 10s;
  }
  ~retention_pass() override {
    if (sweeper)
      caf::anon_send_exit(sweeper, caf::exit_reason::kill);
  }
  void keep(std::string_view text) {
    context.limits.kept[0] = *retention::parse(entity_kind::task, text);
  }
  void sweep() {
    sweeper = sys.spawn<actors::retention_sweeper>(context, bridge);
    settle();
  }
  bool exists(entity_id id) { return stored(id).has_value(); }
  std::vector<entity_id> submit_many(int n) {
    std::vector<entity_id> ids;
    for (int i = 0; i < n; ++i)
      ids.push_back(submit(spec_of("noop"), shard_id{static_cast<uint16_t>(i % 2)}));
    return ids;
  }
  std::array<int64_t, task_statuses> counted() {
    std::array<int64_t, task_statuses> sum{};
    const auto rows = reader->shards().value();
    for (const auto& row : rows)
      for (size_t i = 0; i < task_statuses; ++i)
        sum[i] += row.counts.tasks[i];
    return sum;
  }
  int64_t counted_by_queue() {
    int64_t sum = 0;
    const auto counts = reader->counts().value();
    for (const auto& one : counts)
      for (const auto n : one.tasks)
        sum += n;
    return sum;
  }

  caf::actor sweeper;
};

TEST_F(retention_pass, deletes_what_has_ended_once_its_time_is_over_and_not_before) {
  sweep();
  const auto ids = submit_many(1200);  // more than two pages
  advance(50s, 1s);
  for (const auto id : ids)
    ASSERT_TRUE(exists(id));
  advance(40s, 1s);
  for (const auto id : ids)
    EXPECT_FALSE(exists(id));
  EXPECT_EQ(counted(), (std::array<int64_t, task_statuses>{}));
  EXPECT_EQ(counted_by_queue(), 0);
  EXPECT_EQ(context.probe.rows_erased.load(), 1200u);
  EXPECT_EQ(context.probe.entities_live.load(), 0u);
}

TEST_F(retention_pass, a_fold_of_the_journal_comes_to_the_same_as_the_rows) {
  sweep();
  submit_many(20);
  advance(40s, 1s);
  const auto young = submit_many(4);
  advance(40s, 1s);
  std::map<entity_id, std::optional<entity>> folded;
  for (uint16_t shard = 0; shard < shards; ++shard) {
    const auto events = reader->journal(shard_id{shard}, position_t{1}, 10'000).value();
    for (const auto& record : events)
      evolve(folded[record.id], record);
  }
  size_t left = 0;
  for (const auto& [id, state] : folded)
    left += state.has_value();
  EXPECT_EQ(left, young.size());
  for (const auto id : young)
    EXPECT_EQ(folded.at(id), entity{*stored(id)});
}

TEST_F(retention_pass, spares_what_runs_what_is_pinned_and_what_its_rule_keeps) {
  keep("1m,FAILED=1h,work=never");
  sweep();
  const auto runs = submit(spec_of("work"));
  const auto pinned = submit(spec_of("noop"));
  ASSERT_TRUE(ask(pinned, task_command{pin_task{true}})->has_value());
  const auto plain = submit(spec_of("noop"));
  advance(2min, 1s);
  EXPECT_FALSE(exists(plain));
  EXPECT_TRUE(exists(pinned));
  EXPECT_EQ(status(runs), task_status::running);
  work.end(0, {.succeeded = true});
  advance(2min, 1s);
  EXPECT_TRUE(exists(runs)) << "its kind is kept";
  ASSERT_TRUE(ask(pinned, task_command{pin_task{false}})->has_value());
  advance(1min, 1s);
  EXPECT_FALSE(exists(pinned));
}

TEST_F(retention_pass, what_is_run_again_is_kept_until_it_has_ended_again) {
  sweep();
  const auto id = submit(spec_of("noop"));
  advance(50s, 1s);
  ASSERT_TRUE(ask(id, task_command{rerun_task{}})->has_value());
  advance(50s, 1s);
  EXPECT_TRUE(exists(id));
  advance(50s, 1s);
  EXPECT_FALSE(exists(id));
}

TEST_F(retention_pass, who_asks_for_a_row_while_it_goes_is_told_that_there_is_none) {
  sweep();
  const auto id = submit(spec_of("noop"));
  advance(70s, 1s);
  ASSERT_FALSE(exists(id));
  const auto answer = ask(id, task_command{rerun_task{}});
  ASSERT_TRUE(answer->has_value());
  EXPECT_EQ((*answer)->error().code, errc::not_found);
}

TEST_F(retention_pass, a_command_that_comes_between_the_two_looks_wins) {
  const auto id = submit(spec_of("noop"));
  advance(2min, 1s);
  reads.held = true;
  caf::anon_send(find_shard(shard0), actors::erase_ended{{id}, [](size_t) {}});
  const auto answer = ask(id, task_command{rerun_task{}});
  reads.held = false;
  settle();
  ASSERT_TRUE(answer->has_value() && answer->value());
  EXPECT_EQ(stored(id)->run, 2u);
  EXPECT_EQ(status(id), task_status::succeeded);
}

TEST_F(retention_pass, a_command_that_comes_after_them_waits_for_the_commit_and_finds_nothing) {
  const auto id = submit(spec_of("noop"));
  advance(2min, 1s);
  commits.held = true;
  caf::anon_send(find_shard(shard0), actors::erase_ended{{id}, [](size_t) {}});
  settle();
  const auto answer = ask(id, task_command{rerun_task{}});
  EXPECT_FALSE(answer->has_value());
  commits.held = false;
  settle();
  ASSERT_TRUE(answer->has_value());
  EXPECT_EQ((*answer)->error().code, errc::not_found);
}

TEST_F(retention_pass, nothing_goes_whose_last_status_is_not_published) {
  sink.hold(true);
  sweep();
  const auto id = submit(spec_of("noop"));
  advance(3min, 1s);
  EXPECT_TRUE(exists(id));
  sink.hold(false);
  advance(2min, 1s);
  EXPECT_FALSE(exists(id));
  EXPECT_EQ(published().back(), "SUCCEEDED");
}

TEST_F(retention_pass, goes_on_under_a_new_owner_where_nothing_was_published_since) {
  sweep();
  const auto gone = submit(spec_of("noop"));
  const auto pinned = submit(spec_of("noop"));
  advance(2s, 1s);
  ASSERT_TRUE(ask(pinned, task_command{pin_task{true}})->has_value());
  advance(80s, 1s);
  ASSERT_FALSE(exists(gone));
  ASSERT_TRUE(ask(pinned, task_command{pin_task{false}})->has_value());
  caf::anon_send_exit(find_shard(shard0), caf::exit_reason::kill);
  caf::anon_send_exit(sweeper, caf::exit_reason::kill);
  settle();
  sweep();
  advance(80s, 1s);
  EXPECT_FALSE(exists(pinned));
}

TEST_F(retention_pass, what_ends_while_others_are_deleted_goes_in_its_turn) {
  sweep();
  std::vector<entity_id> ids;
  for (int i = 0; i < 30; ++i) {
    ids.push_back(submit(spec_of("noop")));
    advance(7s, 1s);
  }
  advance(90s, 1s);
  for (const auto id : ids)
    EXPECT_FALSE(exists(id));
}

TEST_F(retention_pass, a_store_that_is_away_only_puts_it_off) {
  sweep();
  const auto id = submit(spec_of("noop"));
  truth.on_call([](std::string_view call) -> result<void> {
    if (call == "list" || call == "shards")
      return failure{errc::unavailable, "away"};
    return {};
  });
  advance(3min, 1s);
  EXPECT_TRUE(exists(id));
  truth.on_call({});
  advance(2min, 1s);
  EXPECT_FALSE(exists(id));
}

}  // namespace orrery::test
