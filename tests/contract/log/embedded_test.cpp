// A few options are named at a time; GCC 12 takes that for forgetfulness, unlike later versions.
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

#include "persistence/sqlite/embedded_log.hpp"

#include "persistence/sqlite/database.hpp"
#include "persistence/sqlite/embedded_sink.hpp"
#include "persistence/sqlite/packed_records.hpp"
#include "tests/contract/log/log_contract.hpp"
#include "tests/contract/store/store_batches.hpp"

namespace orrery::test {

namespace {

using namespace std::chrono_literals;

/// A store of its own per opened log, as each start of the program makes one.
struct embedded_log_adapter {
  static constexpr std::chrono::milliseconds patience = 20s;
  temp_dir folder;
  system_clock time;
  std::vector<std::unique_ptr<sqlite_store>> stores;

  std::unique_ptr<intake_log> open() {
    stores.push_back(std::make_unique<sqlite_store>(folder.path() / "orrery.db", time));
    EXPECT_TRUE(stores.back()->migrate(log_shards));
    return std::make_unique<embedded_log>(*stores.back());
  }
};

}  // namespace

INSTANTIATE_TYPED_TEST_SUITE_P(embedded, log_contract, embedded_log_adapter);

/// A store and what an embedded node keeps beside it in the file.
class embedded_node : public ::testing::Test {
protected:
  static constexpr std::chrono::milliseconds patience = 20s;

  void SetUp() override { restart(); }

  void restart(embedded_log_options how = {}) {
    log.reset();
    store = std::make_unique<sqlite_store>(file(), time);
    ASSERT_TRUE(store->migrate(log_shards));
    log = std::make_unique<embedded_log>(*store, std::move(how));
    ASSERT_TRUE(log->prepare(log_shards));
  }

  std::filesystem::path file() const { return folder.path() / "orrery.db"; }

  int64_t rows() {
    auto db = sqlite::database::open(file(), sqlite::access::read, {});
    auto q = db->prepared("SELECT count(*) FROM intake_log");
    EXPECT_TRUE(q.step());
    return q.number(0);
  }

  /// The shard's owner says that it has read up to here.
  void take_effect(shard_id shard, int64_t next_task) {
    const auto journal = store->open_journal();
    shard_owner owner(shard, *journal->acquire(shard, "node-1", noon));
    owner.read_to(intake::tasks, next_task);
    ASSERT_EQ(journal->commit(std::vector{owner.seal()}).outcome, commit_outcome::done);
  }

  temp_dir folder;
  system_clock time;
  recording_listener listener;
  std::unique_ptr<sqlite_store> store;
  std::unique_ptr<embedded_log> log;
};

TEST_F(embedded_node, goes_on_with_the_offsets_after_a_restart) {
  ASSERT_TRUE(produce_and_wait(*log, numbered(first_shard, 5, "a"), patience));
  restart();
  const auto places = produce_and_wait(*log, numbered(first_shard, 2, "b"), patience);
  ASSERT_TRUE(places);
  EXPECT_EQ(places->front().offset, 5);
  EXPECT_EQ((*log->consumer().end(first_shard, patience))[1], 7);
}

TEST_F(embedded_node, commits_what_is_queued_as_a_group) {
  // While another process holds the file the writer waits, and everything else gathers behind it.
  auto other = sqlite::database::open(file(), sqlite::access::write, {});
  ASSERT_TRUE(other && other->execute("BEGIN IMMEDIATE"));
  std::atomic<int> answered = 0;
  for (int i = 0; i < 100; ++i)
    log->producer().produce(numbered(first_shard, 3, "x"), [&](const auto& outcome) {
      EXPECT_TRUE(outcome);
      ++answered;
    });
  EXPECT_EQ(answered, 0);
  ASSERT_TRUE(other->execute("ROLLBACK"));
  ASSERT_TRUE(eventually([&] { return answered == 100; }, patience));
  EXPECT_LE(rows(), 3);
}

TEST_F(embedded_node, refuses_as_busy_when_its_queue_is_full_and_takes_work_again) {
  restart({.queued_messages_max = 10});
  auto other = sqlite::database::open(file(), sqlite::access::write, {});
  ASSERT_TRUE(other && other->execute("BEGIN IMMEDIATE"));
  std::atomic<int> done = 0;
  std::atomic<int> busy = 0;
  const auto count = [&](const result<std::vector<log_place>>& outcome) {
    if (outcome)
      ++done;
    else if (outcome.error().code == errc::busy)
      ++busy;
  };
  log->producer().produce(numbered(first_shard, 10, "x"), count);
  log->producer().produce(numbered(first_shard, 1, "y"), count);
  EXPECT_EQ(log->producer().ready().error().code, errc::busy);
  ASSERT_TRUE(other->execute("ROLLBACK"));
  ASSERT_TRUE(eventually([&] { return done == 1 && busy == 1; }, patience));
  ASSERT_TRUE(eventually([&] { return log->producer().ready().has_value(); }, patience));
  EXPECT_TRUE(produce_and_wait(*log, numbered(first_shard, 1, "z"), patience));
}

TEST_F(embedded_node, fails_a_call_that_the_disk_refuses_and_gives_its_offsets_again) {
  auto db = sqlite::database::open(file(), sqlite::access::write, {});
  ASSERT_TRUE(db && db->execute("CREATE TRIGGER full BEFORE INSERT ON intake_log "
                                "BEGIN SELECT raise(FAIL, 'disk full'); END"));
  const auto refused = produce_and_wait(*log, numbered(first_shard, 2, "a"), patience);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, errc::unavailable);
  ASSERT_TRUE(db->execute("DROP TRIGGER full"));
  const auto places = produce_and_wait(*log, numbered(first_shard, 1, "b"), patience);
  ASSERT_TRUE(places);
  EXPECT_EQ(places->front().offset, 0);
}

TEST_F(embedded_node, deletes_what_has_taken_effect_and_keeps_its_offsets) {
  restart({.rows_kept = 4});
  for (int i = 0; i < 6; ++i)
    ASSERT_TRUE(produce_and_wait(*log, numbered(first_shard, 2, "a"), patience));
  EXPECT_EQ(rows(), 6) << "nothing has taken effect yet";
  take_effect(first_shard, 9);  // the fifth row is half done and stays
  for (int i = 0; i < 5; ++i)
    ASSERT_TRUE(produce_and_wait(*log, {message_to(second_shard, "b")}, patience));
  EXPECT_TRUE(eventually([&] { return rows() == 2 + 5; }, patience));

  restart({.rows_kept = 4});
  EXPECT_EQ((*log->consumer().end(first_shard, patience))[1], 12);
  ASSERT_TRUE(log->consumer().open(listener));
  log->consumer().start(first_shard, {0, 9}, epoch_t{1});
  ASSERT_TRUE(listener.eventually_has(first_shard, intake::tasks, 3, patience));
  EXPECT_EQ(listener.records_of(first_shard, intake::tasks).front().offset, 9);
  log->consumer().close();
}

TEST_F(embedded_node, knows_the_end_of_a_partition_that_was_swept_empty) {
  restart({.rows_kept = 0});
  ASSERT_TRUE(produce_and_wait(*log, numbered(first_shard, 3, "a"), patience));
  take_effect(first_shard, 3);
  ASSERT_TRUE(produce_and_wait(*log, {message_to(second_shard, "b")}, patience));
  ASSERT_TRUE(eventually([&] { return rows() == 1; }, patience));
  restart();
  EXPECT_EQ((*log->consumer().end(first_shard, patience))[1], 3);
  EXPECT_EQ(produce_and_wait(*log, {message_to(first_shard, "c")}, patience)->front().offset, 3);
}

TEST_F(embedded_node, loses_nothing_between_memory_and_file_under_load) {
  ASSERT_TRUE(log->consumer().open(listener));
  ASSERT_TRUE(listener.eventually_owns(log_shards, patience));
  log->consumer().start(first_shard, from_the_start, epoch_t{1});
  std::atomic<int> answered = 0;
  constexpr int calls = 300;
  for (int i = 0; i < calls; ++i) {
    log->producer().produce(numbered(first_shard, 20, std::to_string(i) + "-"),
                            [&](const auto& outcome) { answered += outcome ? 1 : 0; });
    if (i % 50 == 0)
      log->consumer().pause(first_shard);
    if (i % 50 == 25)
      log->consumer().resume(first_shard);
  }
  ASSERT_TRUE(eventually([&] { return answered == calls; }, patience));
  ASSERT_TRUE(listener.eventually_has(first_shard, intake::tasks, calls * 20, patience));
  const auto records = listener.records_of(first_shard, intake::tasks);
  for (size_t i = 0; i < records.size(); ++i)
    ASSERT_EQ(records[i].offset, static_cast<int64_t>(i));
  log->consumer().close();
}

TEST_F(embedded_node, stops_on_records_that_cannot_be_read) {
  ASSERT_TRUE(produce_and_wait(*log, numbered(first_shard, 3, "a"), patience));
  auto db = sqlite::database::open(file(), sqlite::access::write, {});
  ASSERT_TRUE(db && db->execute("UPDATE intake_log SET data = x'0102'"));
  ASSERT_TRUE(log->consumer().open(listener));
  log->consumer().start(first_shard, from_the_start, epoch_t{1});
  ASSERT_TRUE(listener.eventually_owns(log_shards, patience));
  log->consumer().start(first_shard, from_the_start, epoch_t{1});
  EXPECT_TRUE(eventually([&] { return !listener.failures().empty(); }, patience));
  log->consumer().close();
}

TEST(packed_records, say_corrupt_whatever_is_cut_off) {
  sqlite::record_packer packer;
  packer.add({intake::tasks, first_shard, 7, noon, "key", "value", {{"name", "x"}}});
  packer.add({intake::tasks, first_shard, 8, noon - 1s, "", "", {}});
  const auto& bytes = packer.bytes();
  std::vector<log_record> out;
  ASSERT_TRUE(sqlite::unpack_records(bytes, intake::tasks, first_shard, 7, 8, 8, out));
  ASSERT_EQ(out.size(), 1U);
  EXPECT_EQ(out.front().at, noon - 1s);
  for (size_t length = 0; length < bytes.size(); ++length) {
    const auto cut = sqlite::unpack_records(std::string_view(bytes).substr(0, length),
                                            intake::tasks, first_shard, 7, 8, 7, out);
    ASSERT_FALSE(cut) << length;
    EXPECT_EQ(cut.error().code, errc::corrupt);
  }
}

TEST_F(embedded_node, shows_status_events_as_a_view_of_the_journal) {
  const auto journal = store->open_journal();
  shard_owner owner(first_shard, *journal->acquire(first_shard, "node-1", noon));
  embedded_sink sink(*store);
  EXPECT_EQ(*sink.last_published(first_shard, publishing_state{}, patience), event_sink::tails{});

  const auto task_id = owner.finished(a_task("mail"));
  ASSERT_EQ(journal->commit(std::vector{owner.seal()}).outcome, commit_outcome::done);
  const auto order_id = owner.submit(an_order("Laptop"));
  const auto waiting = owner.submit(a_task());
  owner.apply(order_id, order_command{cancel_order{"too late"}}, noon + 1s);
  ASSERT_EQ(journal->commit(std::vector{owner.seal()}).outcome, commit_outcome::done);

  const auto events = sink.read(first_shard, position_t{1}, 100);
  ASSERT_TRUE(events);
  ASSERT_EQ(events->size(), 6U);
  const auto& running = std::get<task_status_event>((*events)[1]);
  EXPECT_EQ(running.task_id, task_id);
  EXPECT_EQ(running.status, task_status::running);
  EXPECT_EQ(running.previous, task_status::queued);
  EXPECT_EQ(running.position, position_t{2});
  EXPECT_EQ(std::get<task_status_event>((*events)[4]).task_id, waiting);
  const auto& cancelled = std::get<order_status_event>((*events)[5]);
  EXPECT_EQ(cancelled.order_id, order_id);
  EXPECT_EQ(cancelled.status, order_status::cancelled);
  EXPECT_EQ(cancelled.previous, order_status::created);
  EXPECT_EQ(cancelled.reason, "too late");
  EXPECT_EQ(cancelled.position, position_t{6});

  const auto later = sink.read(first_shard, position_t{5}, 1);
  ASSERT_TRUE(later);
  EXPECT_EQ(*later, std::vector(events->begin() + 4, events->end()));
  EXPECT_TRUE(sink.read(first_shard, position_t{7}, 10)->empty());
  const auto last = sink.last_published(first_shard, publishing_state{}, patience);
  ASSERT_TRUE(last);
  for (const auto& tail : *last)
    EXPECT_EQ(tail, position_t{6});
}

TEST_F(embedded_node, shows_what_schedules_publish_as_a_view_of_the_journal) {
  const auto journal = store->open_journal();
  shard_owner owner(first_shard, *journal->acquire(first_shard, "node-1", noon));
  schedule_spec spec;
  spec.name = "ticks";
  spec.times.expressions = {"* * * * * ?"};
  spec.action = schedule_action::message;
  spec.message = {"ticks", "{{name}}", R"({"n":{{fireNumber}}})"};
  auto made = fire_times::make(spec.times, [](std::string_view) {
    return result<shared_zone>(std::make_shared<const zone_rules>());
  });
  const auto times = std::make_shared<const fire_times>(std::move(*made));
  const auto id = new_entity_id(noon, first_shard, 77);
  owner.apply(id, schedule_command{submit_schedule{spec, times}}, noon);
  owner.apply(id, schedule_command{wake_schedule{times}}, noon + 2s);
  owner.apply(id, schedule_command{pause_schedule{"enough"}}, noon + 3s);
  ASSERT_EQ(journal->commit(std::vector{owner.seal()}).outcome, commit_outcome::done);

  embedded_sink sink(*store);
  const auto events = sink.read(first_shard, position_t{1}, 100);
  ASSERT_TRUE(events);
  ASSERT_EQ(events->size(), 4U);
  EXPECT_EQ(std::get<schedule_status_event>((*events)[0]).status, schedule_status::active);
  EXPECT_EQ(std::get<scheduled_message>((*events)[1]).record.value, R"({"n":1})");
  EXPECT_EQ(std::get<scheduled_message>((*events)[2]).record.value, R"({"n":2})");
  EXPECT_EQ(std::get<schedule_status_event>((*events)[3]).previous, schedule_status::active);
}

TEST_F(embedded_node, publishes_at_once_and_answers_every_call) {
  std::atomic<int> answered = 0;
  const auto count = [&](const result<void>& outcome) { answered += outcome ? 1 : 0; };
  {
    embedded_sink sink(*store);
    for (int i = 0; i < 100; ++i)
      sink.publish(first_shard, {task_status_event{}}, count);
    sink.publish_dead_letters({}, count);
  }
  EXPECT_EQ(answered, 101);
}

}  // namespace orrery::test
