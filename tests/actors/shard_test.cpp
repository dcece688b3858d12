#include "tests/actors/simulated_node.hpp"

namespace orrery::test {

class shard_actors : public simulated_node {
protected:
  static entity_query orders_only() {
    entity_query query;
    query.kind = entity_kind::order;
    return query;
  }
};

TEST_F(shard_actors, an_order_without_key_or_id_is_created_once) {
  produce(intake::orders, shard0, R"({"product":"Laptop","quantity":1})");
  EXPECT_EQ(published(), std::vector<std::string>{"CREATED"});
  const auto page = reader->list(orders_only());
  ASSERT_EQ(page->items.size(), 1u);
  EXPECT_EQ(std::get<order>(page->items[0]).spec->product, "Laptop");
}

TEST_F(shard_actors, the_same_reference_is_the_same_order) {
  produce(intake::orders, shard0, R"({"orderId":"A-17","product":"Laptop"})");
  produce(intake::orders, shard0, R"({"orderId":"A-17","product":"Laptop"})");
  EXPECT_EQ(published(), std::vector<std::string>{"CREATED"});
  EXPECT_EQ(reader->list(orders_only())->items.size(), 1u);
  produce(intake::orders, shard0, R"({"command":"cancel","orderId":"A-17"})");
  EXPECT_EQ(published(), (std::vector<std::string>{"CREATED", "CANCELLED"}));
}

TEST_F(shard_actors, what_cannot_be_read_becomes_a_dead_letter_and_stops_nobody) {
  produce(intake::orders, shard0, "not json");
  produce(intake::tasks, shard0, R"({"kind":"no-such-kind"})");
  produce(intake::tasks, shard0, R"({"command":"cancel","taskId":"unknown"})");
  produce(intake::orders, shard0, R"({"product":"Laptop"})");
  EXPECT_EQ(published(), std::vector<std::string>{"CREATED"});
  const auto letters = reader->dead_letters(10);
  ASSERT_EQ(letters->size(), 3u);
  EXPECT_EQ(topics.dead_letters().size(), 3u);
  EXPECT_EQ(topics.dead_letters()[0].value, "not json");
  const auto rows = reader->shards();
  EXPECT_EQ(rows->at(0).next, (intake_offsets{2, 2}));
}

TEST_F(shard_actors, records_take_effect_in_order_though_one_of_them_must_be_looked_up) {
  settle();
  const auto known = submit(spec_of("work"));
  // A cancel that needs no look-up, a foreign id that does, a fresh one that does not: one batch.
  log.producer().produce(
      {{intake::tasks, shard0, {}, R"({"kind":"noop","taskId":"foreign"})", {}},
       {intake::tasks, shard0, {}, codec::write_intake(known, task_command{cancel_task{}}), {}},
       {intake::tasks, shard0, {}, R"({"kind":"noop"})", {}}},
      [](const auto& places) { EXPECT_TRUE(places); });
  settle();
  std::vector<int64_t> offsets;
  EXPECT_EQ(status(known), task_status::cancelled);
  EXPECT_EQ(reader->shards()->at(0).next[1], 4);
  // Positions: every one used once, none left out.
  const auto journal = reader->journal(shard0, position_t{1}, 1000);
  for (size_t i = 0; i < journal->size(); ++i)
    EXPECT_EQ(journal->at(i).position.value, static_cast<int64_t>(i) + 1);
}

TEST_F(shard_actors, a_commit_that_is_lost_restarts_the_shard_and_repeats_nothing) {
  settle();
  produce(intake::orders, shard0, R"({"product":"Before"})");
  truth.fail_commits(1, commit_outcome::refused);
  produce(intake::orders, shard0, R"({"product":"During"})");
  advance(1s);
  produce(intake::orders, shard0, R"({"product":"After"})");
  EXPECT_EQ(published(), (std::vector<std::string>{"CREATED", "CREATED", "CREATED"}));
  EXPECT_EQ(reader->list(orders_only())->items.size(), 3u);
  EXPECT_EQ(reader->shards()->at(0).epoch.value, 2);
}

TEST_F(shard_actors, a_crashed_shard_is_started_again_and_goes_on_where_it_was) {
  settle();
  const auto running = submit(spec_of("work"));
  ASSERT_EQ(work.running.size(), 1u);
  caf::anon_send_exit(find_shard(shard0), caf::exit_reason::kill);
  settle();
  EXPECT_TRUE(work.running.empty());  // the work of a lost owner is stopped
  advance(5s);
  EXPECT_EQ(stored(running)->attempt, 2u);
  ASSERT_EQ(work.running.size(), 1u);
  work.end(0, {.succeeded = true});
  settle();
  EXPECT_EQ(status(running), task_status::succeeded);
}

TEST_F(shard_actors, a_revocation_gives_work_back_without_costing_an_attempt) {
  settle();
  const auto id = submit(spec_of("work"));
  kafka.revoke("test", {shard0});
  settle();
  advance(100ms);
  EXPECT_EQ(listening->revocations_done, 1);
  EXPECT_EQ(status(id), task_status::queued);
  EXPECT_EQ(stored(id)->reason, end_reason::interrupted);
  EXPECT_EQ(stored(id)->uncounted, 1u);
  EXPECT_TRUE(work.running.empty());
  kafka.assign("test", {shard0});
  settle();
  EXPECT_EQ(status(id), task_status::running);
}

TEST_F(shard_actors, too_much_at_once_pauses_the_intake_and_nothing_is_lost) {
  settle();
  context.limits.intake_in_flight = 10;
  commits.held = true;
  std::vector<log_message> many;
  for (int i = 0; i < 2000; ++i)
    many.push_back({intake::tasks, shard0, {}, R"({"kind":"noop"})", {}});
  log.producer().produce(std::move(many), [](const auto&) {});
  settle();
  EXPECT_LT(context.probe.intake_records.load(), 2000u);
  commits.held = false;
  advance(5s, 100ms);
  EXPECT_EQ(context.probe.intake_records.load(), 2000u);
  EXPECT_EQ(reader->shards()->at(0).counts.tasks[static_cast<size_t>(task_status::succeeded)],
            2000);
}

TEST_F(shard_actors, records_read_for_an_earlier_owner_are_not_taken) {
  settle();
  log_record stray;
  stray.topic = intake::orders;
  stray.shard = shard0;
  stray.offset = 5;
  stray.value = R"({"product":"Stray"})";
  caf::anon_send(bridge, actors::shard_records{shard0, epoch_t{0}, {stray}});
  produce(intake::orders, shard0, R"({"product":"Laptop"})");
  EXPECT_EQ(published(), std::vector<std::string>{"CREATED"});
  EXPECT_EQ(reader->shards()->at(0).next[0], 1);
}

TEST_F(shard_actors, publishing_that_failed_goes_on_after_the_last_published) {
  settle();
  topics.fail_next(1, {errc::unavailable, "away"}, true);  // published, but the answer was lost
  produce(intake::orders, shard0, R"({"product":"One"})");
  produce(intake::orders, shard0, R"({"product":"Two"})");
  advance(3s);
  EXPECT_EQ(published(), (std::vector<std::string>{"CREATED", "CREATED"}));
}

TEST_F(shard_actors, an_order_expires_when_its_time_has_come) {
  produce(intake::orders, shard0, R"({"product":"Laptop","expiresIn":"PT10S"})");
  advance(9900ms, 100ms);
  EXPECT_EQ(published(), std::vector<std::string>{"CREATED"});
  advance(200ms, 10ms);
  EXPECT_EQ(published(), (std::vector<std::string>{"CREATED", "EXPIRED"}));
}

TEST_F(shard_actors, a_watcher_is_told_when_the_task_has_ended) {
  const auto id = submit(spec_of("work"));
  std::optional<result<entity>> told;
  caf::anon_send(find_shard(shard0),
                 actors::watch_entity{id, time.now() + 5s, [&](auto r) { told = std::move(r); }});
  settle();
  EXPECT_FALSE(told);
  work.end(0, {.succeeded = true});
  settle();
  ASSERT_TRUE(told && *told);
  EXPECT_EQ(std::get<task>(told->value()).status, task_status::succeeded);
}

TEST_F(shard_actors, a_watcher_is_not_kept_waiting_past_its_limit) {
  const auto id = submit(spec_of("work"));
  std::optional<result<entity>> told;
  caf::anon_send(find_shard(shard0),
                 actors::watch_entity{id, time.now() + 1s, [&](auto r) { told = std::move(r); }});
  advance(2s, 100ms);
  ASSERT_TRUE(told);
  EXPECT_FALSE(*told);
}

}  // namespace orrery::test
