/// Unique keys at the shard that they name.

#include "actors/limit_board.hpp"
#include "actors/worker_messages.hpp"
#include "base/murmur2.hpp"
#include "tests/actors/simulated_node.hpp"

namespace orrery::test {

class unique_keys : public simulated_node {
protected:
  /// A key whose home is shard 0.
  static std::string key() {
    for (int i = 0;; ++i)
      if (auto text = "key-" + std::to_string(i); partition_of_key(text, shards) == 0)
        return text;
  }
  static task_spec keyed(unique_mode mode = unique_mode::until_done, duration window = {}) {
    auto spec = spec_of("work");
    spec.unique_key = key();
    spec.retry.initial = 1s;
    task_options o;
    o.unique = mode;
    o.unique_window = window;
    spec.options = o;
    return spec;
  }
  static task_spec with_payload(task_spec spec, std::string payload) {
    spec.payload = std::move(payload);
    return spec;
  }
  /// Nobody learns from the store who holds a key.
  void look_ups_fail(bool fail) {
    truth.on_call([fail](std::string_view what) {
      return fail && what == "key_holder" ? result<void>(failure{errc::unavailable, "away"})
                                          : result<void>{};
    });
  }
  bool is_duplicate_of(entity_id id, entity_id holder) {
    const auto t = stored(id);
    return t && t->status == task_status::cancelled && t->reason == end_reason::duplicate &&
           t->reason_text == "duplicate of " + to_string(holder);
  }
};

TEST_F(unique_keys, a_second_submission_is_recorded_as_a_duplicate_of_the_first) {
  const auto first = submit(keyed());
  const auto second = submit(keyed());
  EXPECT_EQ(status(first), task_status::running);
  EXPECT_TRUE(is_duplicate_of(second, first));
  EXPECT_EQ(work.running.size(), 1u);
}

TEST_F(unique_keys, the_key_is_free_again_after_success_and_after_failure) {
  auto spec = keyed();
  spec.retry.max_attempts = 1;
  for (const bool good : {true, false, true}) {
    const auto id = submit(spec);
    ASSERT_EQ(work.running.size(), 1u);
    EXPECT_EQ(status(id), task_status::running);
    work.end(0, {.succeeded = good});
    settle();
  }
}

TEST_F(unique_keys, of_many_in_one_batch_one_is_taken) {
  reads.held = true;  // whom the store knows is not told yet
  std::vector<entity_id> ids;
  for (int i = 0; i < 5; ++i)
    ids.push_back(submit(keyed()));
  EXPECT_TRUE(work.running.empty());
  reads.held = false;
  settle();
  EXPECT_EQ(work.running.size(), 1u);
  for (size_t i = 1; i < ids.size(); ++i)
    EXPECT_TRUE(is_duplicate_of(ids[i], ids[0]));
}

// Found by the simulator: the command was a dead letter, as its task did not exist yet.
TEST_F(unique_keys, a_command_behind_a_submission_that_waits_for_its_key_waits_with_it) {
  reads.held = true;
  const auto id = submit(keyed());
  produce(intake::tasks, shard0, codec::write_intake(id, task_command{cancel_task{}}));
  reads.held = false;
  settle();
  EXPECT_EQ(status(id), task_status::cancelled);
  EXPECT_EQ(reader->dead_letters(10)->size(), 0u);
}

TEST_F(unique_keys, a_holder_that_is_only_a_row_is_found_in_the_store) {
  auto spec = keyed();
  spec.run_at = time.now() + 1h;
  const auto first = submit(spec);
  advance(5s, 100ms);
  EXPECT_EQ(context.probe.entities_live.load(), 0u);
  EXPECT_TRUE(is_duplicate_of(submit(keyed()), first));
}

TEST_F(unique_keys, are_remembered_by_the_next_owner) {
  const auto first = submit(keyed());
  caf::anon_send(bridge, actors::shards_revoked{{shard0}, false, [] {}});
  settle();
  caf::anon_send(bridge, actors::shards_assigned{{shard0}});
  settle();
  EXPECT_TRUE(is_duplicate_of(submit(keyed()), first));
}

TEST_F(unique_keys, until_start_lets_the_next_one_wait_while_the_first_runs) {
  context.limits.slots_per_kind["work"] = 1;
  const auto first = submit(keyed(unique_mode::until_start));
  const auto second = submit(keyed(unique_mode::until_start));
  const auto third = submit(keyed(unique_mode::until_start));
  EXPECT_EQ(status(first), task_status::running);
  EXPECT_EQ(status(second), task_status::queued);
  EXPECT_TRUE(is_duplicate_of(third, second));
}

// Found by the simulator: what the first one did last was taken for all that is known of the key.
TEST_F(unique_keys, who_gave_a_key_up_does_not_hide_that_the_next_one_waits_as_a_row) {
  const auto first = submit(keyed(unique_mode::until_start));
  auto later = keyed();
  later.run_at = time.now() + 1h;
  const auto second = submit(later);
  advance(5s, 100ms);
  ASSERT_EQ(status(second), task_status::scheduled);
  ASSERT_EQ(context.probe.entities_live.load(), 1u);
  (void)ask(first, task_command{pause_task{"soon"}});
  EXPECT_TRUE(is_duplicate_of(submit(keyed()), second));
}

// Found by the simulator: a crash between the two commits would have left two holders.
TEST_F(unique_keys, are_not_given_on_for_an_end_that_waits_behind_the_submission) {
  auto spec = keyed();
  spec.run_at = time.now() + 1h;
  const auto first = submit(spec);
  advance(5s, 100ms);
  look_ups_fail(true);
  const auto second = submit(keyed());
  produce(intake::tasks, shard0, codec::write_intake(first, task_command{cancel_task{}}));
  EXPECT_EQ(status(first), task_status::scheduled);
  look_ups_fail(false);
  advance(1s, 100ms);
  EXPECT_EQ(status(first), task_status::cancelled);
  EXPECT_TRUE(is_duplicate_of(second, first));
}

// Found by the simulator: the holder, ended by a record behind it, could not leave before the submission
// was answered, which waited for the holder to come back. The shard stood still.
TEST_F(unique_keys, a_submission_that_waits_is_answered_though_its_holder_ends_behind_it) {
  auto spec = keyed(unique_mode::latest);
  spec.run_at = time.now() + 1h;
  const auto first = submit(spec);
  advance(5s, 100ms);
  look_ups_fail(true);
  const auto second = submit(keyed(unique_mode::latest));
  produce(intake::tasks, shard0, codec::write_intake(first, task_command{cancel_task{}}));
  advance(2s, 100ms);
  look_ups_fail(false);
  advance(2s, 100ms);
  EXPECT_EQ(status(first), task_status::cancelled);
  EXPECT_TRUE(is_duplicate_of(second, first));
}

// Found by the simulator: a duplicate that was run again, and has ended, hid who holds the key.
TEST_F(unique_keys, are_held_though_a_duplicate_that_was_run_again_is_the_newer_row) {
  auto spec = keyed();
  spec.run_at = time.now() + 1h;
  const auto first = submit(spec);
  const auto second = submit(keyed());
  ASSERT_TRUE(is_duplicate_of(second, first));
  advance(5s, 100ms);
  ASSERT_EQ(context.probe.entities_live.load(), 0u);
  context.limits.slots_per_kind["work"] = 0;
  (void)ask(second, task_command{rerun_task{}});
  advance(1s, 100ms);
  ASSERT_EQ(status(second), task_status::queued);
  commits.held = true;
  (void)ask(second, task_command{cancel_task{}});
  const auto third = submit(keyed());
  commits.held = false;
  advance(1s, 100ms);
  EXPECT_EQ(status(second), task_status::cancelled);
  EXPECT_TRUE(is_duplicate_of(third, first));
}

TEST_F(unique_keys,
       stay_with_a_row_that_the_store_names_while_another_that_was_run_again_holds_them) {
  auto later = keyed();
  later.run_at = time.now() + 1h;
  const auto holder = submit(later);
  const auto duplicate = submit(keyed());
  ASSERT_TRUE(is_duplicate_of(duplicate, holder));
  advance(1s, 100ms);
  look_ups_fail(true);
  const auto third = submit(keyed());  // the store is asked who holds the key
  caf::anon_send(find_shard(shard0),
                 actors::direct_command{entity_kind::task, duplicate, task_command{rerun_task{}},
                                        time.now() + 5s, [](const auto&) {}});
  advance(50ms, 10ms);
  ASSERT_EQ(work.running.size(), 1u);
  look_ups_fail(false);
  advance(1s, 100ms);  // the answer: the first, which is only a row
  EXPECT_TRUE(is_duplicate_of(third, duplicate));
  commits.held = true;  // its end is decided and not yet durable
  work.end(0, {.succeeded = true});
  settle();
  const auto last = submit(keyed());
  commits.held = false;
  settle();
  EXPECT_TRUE(is_duplicate_of(last, holder));
}

TEST_F(unique_keys, are_free_for_whom_the_store_still_shows_the_last_holder) {
  auto spec = keyed();
  spec.run_at = time.now() + 1h;
  const auto first = submit(spec);
  advance(5s, 100ms);
  commits.held = true;
  (void)ask(first, task_command{cancel_task{}});
  const auto second = submit(keyed(unique_mode::until_start));
  commits.held = false;
  advance(1s, 100ms);
  EXPECT_EQ(status(first), task_status::cancelled);
  EXPECT_EQ(status(second), task_status::running);
}

TEST_F(unique_keys, window_counts_from_the_submission) {
  const auto first = submit(keyed(unique_mode::window, 10s));
  work.end(0, {.succeeded = true});
  advance(9s, 100ms);
  EXPECT_TRUE(is_duplicate_of(submit(keyed(unique_mode::window, 10s)), first));
  advance(1s, 100ms);
  const auto next = submit(keyed(unique_mode::window, 10s));
  EXPECT_EQ(status(next), task_status::running);
}

TEST_F(unique_keys, debounce_starts_once_with_the_last_wishes_after_the_last_submission) {
  const auto spec = keyed(unique_mode::debounce, 10s);
  const auto first = submit(with_payload(spec, "1"));
  EXPECT_EQ(status(first), task_status::scheduled);
  advance(6s, 100ms);
  const auto second = submit(with_payload(spec, "2"));
  EXPECT_TRUE(is_duplicate_of(second, first));
  advance(6s, 100ms);
  EXPECT_TRUE(work.running.empty());
  advance(4100ms, 100ms);
  ASSERT_EQ(work.running.size(), 1u);
  EXPECT_EQ(work.running[0].item.payload, "2");
  EXPECT_EQ(work.running[0].item.task, first);
}

TEST_F(unique_keys, latest_runs_the_newest_once_more_and_no_other) {
  const auto spec = keyed(unique_mode::latest);
  const auto first = submit(with_payload(spec, "1"));
  for (const auto* payload : {"2", "3", "4"})
    EXPECT_TRUE(is_duplicate_of(submit(with_payload(spec, payload)), first));
  ASSERT_EQ(work.running.size(), 1u);
  work.end(0, {.error = "no", .retryable = false});  // released on failure too
  settle();
  ASSERT_EQ(work.running.size(), 1u);
  EXPECT_EQ(work.running[0].item.payload, "4");
  EXPECT_EQ(work.running[0].item.token, (attempt_token{2, 1}));
  work.end(0, {.succeeded = true});
  settle();
  EXPECT_TRUE(work.running.empty());
  EXPECT_EQ(status(first), task_status::succeeded);
}

TEST_F(unique_keys, a_key_on_a_partition_that_is_not_its_home_is_a_dead_letter) {
  auto spec = keyed();
  submit(spec, shard_id{1});
  EXPECT_TRUE(work.running.empty());
  EXPECT_EQ(context.probe.intake_bad.load(), 1u);
}

class unique_keys_within_limits : public unique_keys {
protected:
  unique_keys_within_limits() {
    context.rules = &board;
    work_rule one;
    one.name = "default";
    one.each_key.concurrency = 1;
    one.version = 1;
    board.set(work_rules({std::move(one)}));
    caf::anon_send(context.dispatcher, actors::rules_changed{});
    settle();
  }
  /// The limit keys `acme` and `globex` here are at home in shard 0; the unique key need not be.
  static task_spec limited(const std::string& customer, std::string unique) {
    auto spec = spec_of("work");
    spec.unique_key = std::move(unique);
    for (int i = 0; spec.options->limit_key.empty(); ++i)
      if (auto text = customer + "-" + std::to_string(i); partition_of_key(text, shards) == 0)
        spec.options.edit([&](task_options& o) { o.limit_key = text; });
    return spec;
  }
  static std::string key_at_home_elsewhere() {
    for (int i = 0;; ++i)
      if (auto text = "key-" + std::to_string(i); partition_of_key(text, shards) != 0)
        return text;
  }

  actors::limit_board board;
};

TEST_F(unique_keys_within_limits, count_among_the_tasks_of_their_limit_key) {
  const auto unique = key_at_home_elsewhere();
  const auto first = submit(limited("acme", unique));
  const auto again = submit(limited("acme", unique));
  const auto other = submit(limited("globex", unique));
  EXPECT_EQ(status(first), task_status::running);
  EXPECT_TRUE(is_duplicate_of(again, first));
  EXPECT_EQ(status(other), task_status::running);
  EXPECT_EQ(context.probe.intake_bad.load(), 0u);
}

TEST_F(unique_keys_within_limits, are_held_by_whom_the_limit_makes_wait) {
  submit(limited("acme", "a"));
  const auto waits = submit(limited("acme", "b"));
  EXPECT_EQ(status(waits), task_status::queued);
  EXPECT_TRUE(is_duplicate_of(submit(limited("acme", "b")), waits));
  work.end(0, {.succeeded = true});
  settle();
  EXPECT_EQ(status(waits), task_status::running);
}

TEST_F(unique_keys_within_limits, are_remembered_by_the_next_owner) {
  const auto first = submit(limited("acme", "a"));
  caf::anon_send(bridge, actors::shards_revoked{{shard0}, false, [] {}});
  settle();
  caf::anon_send(bridge, actors::shards_assigned{{shard0}});
  settle();
  EXPECT_TRUE(is_duplicate_of(submit(limited("acme", "a")), first));
}

TEST_F(unique_keys_within_limits, on_a_partition_that_is_not_the_limit_keys_are_dead_letters) {
  submit(limited("acme", key()), shard_id{1});
  EXPECT_EQ(context.probe.intake_bad.load(), 1u);
  const auto letters = reader->dead_letters(10);
  ASSERT_EQ(letters->size(), 1u);
  EXPECT_EQ(letters->front().reason, "limitKey belongs to partition 0");
}

TEST_F(unique_keys, of_tasks_that_have_gone_are_not_kept_in_memory) {
  for (int i = 0; i < 3; ++i) {
    submit(keyed());
    work.end(0, {.succeeded = true});
    advance(1s, 100ms);
  }
  const auto id = submit(keyed());
  EXPECT_EQ(status(id), task_status::running);
}

}  // namespace orrery::test
