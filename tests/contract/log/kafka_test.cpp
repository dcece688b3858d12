#include "base/log.hpp"
#include "base/murmur2.hpp"
#include "bridge/kafka/kafka_log.hpp"
#include "bridge/kafka/kafka_sink.hpp"
#include "codec/messages.hpp"
#include "tests/contract/log/kafka_adapters.hpp"
#include "tests/contract/log/kafka_ownership.hpp"
#include "tests/contract/log/log_contract.hpp"
#include "tests/contract/log/raw_kafka.hpp"
#include "tests/contract/log/sink_contract.hpp"
#include "tests/support/expect_log.hpp"

#include <librdkafka/rdkafka_mock.h>

namespace orrery::test {

INSTANTIATE_TYPED_TEST_SUITE_P(kafka, log_contract, kafka_log_adapter);
INSTANTIATE_TYPED_TEST_SUITE_P(kafka, sink_contract, kafka_sink_adapter);

/// One log on the shared broker.
class on_kafka : public ::testing::Test {
protected:
  void SetUp() override {
    log_ = make_log(options_);
    const auto prepared = log_->prepare(log_shards);
    ASSERT_TRUE(prepared) << prepared.error().detail;
  }
  void TearDown() override {
    if (log_)
      log_->consumer().close();
  }
  void join() {
    ASSERT_TRUE(log_->consumer().open(listener_));
    ASSERT_TRUE(listener_.eventually_owns(log_shards, patience));
  }
  void put(std::vector<log_message> messages) {
    ASSERT_TRUE(produce_and_wait(*log_, std::move(messages), patience));
  }

  kafka_options options_ =
      options_for(kafka_cluster::shared(), kafka_cluster::shared().fresh_prefix());
  recording_listener listener_;
  std::unique_ptr<kafka_log> log_;
};

TEST_F(on_kafka, two_members_share_the_shards_and_each_owns_whole_ones) {
  std::vector<log_message> messages;
  for (uint16_t s = 0; s < log_shards; ++s)
    for (const auto topic : {intake::orders, intake::tasks})
      messages.push_back(message_to(shard_id{s}, "v", topic));
  put(std::move(messages));
  join();
  recording_listener other;
  const auto second = make_log(options_);
  ASSERT_TRUE(second->consumer().open(other));
  ASSERT_TRUE(eventually([&] { return other.owned().size() == 2 && listener_.owned().size() == 2; },
                         patience));

  // What each owns, it owns in both topics.
  for (auto& [log, heard] : {std::pair{log_.get(), &listener_}, std::pair{second.get(), &other}})
    for (const auto shard : heard->owned())
      log->consumer().start(shard, from_the_start, epoch_t{1});
  for (const auto* heard : {&listener_, &other})
    for (const auto shard : heard->owned()) {
      EXPECT_TRUE(heard->eventually_has(shard, intake::orders, 1, patience));
      EXPECT_TRUE(heard->eventually_has(shard, intake::tasks, 1, patience));
    }

  log_->consumer().close();
  EXPECT_TRUE(other.eventually_owns(log_shards, patience));
  second->consumer().close();
  EXPECT_EQ(listener_.strays() + other.strays(), 0U);
}

TEST_F(on_kafka, the_group_s_own_offsets_are_told_but_never_used) {
  put(numbered(first_shard, 10, "t"));
  join();
  log_->consumer().start(first_shard, from_the_start, epoch_t{1});
  ASSERT_TRUE(listener_.eventually_has(first_shard, intake::tasks, 10, patience));
  const auto reader =
      raw_client(options_, RD_KAFKA_CONSUMER, {{"group.id", options_.prefix + options_.group}});
  const kafka::partitions_ptr list(rd_kafka_topic_partition_list_new(1));
  rd_kafka_topic_partition_list_add(list.get(), log_->topic_name(intake::tasks).c_str(), 0);
  ASSERT_TRUE(eventually(
      [&] {
        log_->report_progress(first_shard, {0, 10});
        return rd_kafka_committed(reader.get(), list.get(), 5000) == RD_KAFKA_RESP_ERR_NO_ERROR &&
               list->elems[0].offset == 10;
      },
      patience));

  log_->consumer().close();
  log_ = make_log(options_);
  listener_.forget();
  join();
  log_->consumer().start(first_shard, {0, 4}, epoch_t{1});  // as the store says
  ASSERT_TRUE(listener_.eventually_has(first_shard, intake::tasks, 6, patience));
  EXPECT_EQ(listener_.values(first_shard, intake::tasks).front(), "t4");
}

TEST_F(on_kafka, goes_on_at_the_first_record_left_where_the_wanted_one_is_gone) {
  put(numbered(first_shard, 10, "t"));
  put(numbered(second_shard, 3, "u"));
  delete_before(options_, log_->topic_name(intake::tasks), first_shard, 6);
  join();
  log_->consumer().start(first_shard, {0, 2}, epoch_t{1});     // deleted
  log_->consumer().start(second_shard, {0, 700}, epoch_t{1});  // beyond the end
  ASSERT_TRUE(listener_.eventually_has(first_shard, intake::tasks, 4, patience));
  EXPECT_EQ(listener_.values(first_shard, intake::tasks).front(), "t6");
  ASSERT_TRUE(listener_.eventually_has(second_shard, intake::tasks, 3, patience));
  EXPECT_EQ(listener_.values(second_shard, intake::tasks).front(), "u0");
}

/// Pauses its shard after every batch, as a bridge does whose shard has had enough.
class pausing_listener final : public intake_listener {
public:
  explicit pausing_listener(kafka_log& log) : log_(log) {}
  void assigned(const std::vector<shard_id>& shards) override { seen.assigned(shards); }
  void revoked(const std::vector<shard_id>& shards, bool lost) override {
    seen.revoked(shards, lost);
  }
  void records(shard_id shard, epoch_t tenure, std::vector<log_record> batch) override {
    largest = std::max(largest.load(), batch.size());
    seen.records(shard, tenure, std::move(batch));
    log_.consumer().pause(shard);
    ++pauses;
  }
  void failed(const failure& why) override { seen.failed(why); }

  recording_listener seen;
  std::atomic<size_t> pauses{0};
  std::atomic<size_t> largest{0};

private:
  kafka_log& log_;
};

TEST_F(on_kafka, a_pause_within_a_batch_holds_back_everything_behind_it) {
  constexpr size_t count = 5'000;
  put(numbered(first_shard, count, "n"));
  pausing_listener heard(*log_);
  ASSERT_TRUE(log_->consumer().open(heard));
  ASSERT_TRUE(heard.seen.eventually_owns(log_shards, patience));
  log_->consumer().start(first_shard, from_the_start, epoch_t{1});
  for (size_t pauses = 1; heard.seen.count(first_shard, intake::tasks) < count; ++pauses) {
    ASSERT_TRUE(eventually([&] { return heard.pauses == pauses; }, patience));
    log_->consumer().resume(first_shard);
  }
  log_->consumer().close();
  EXPECT_LE(heard.largest, 500U);
  EXPECT_GE(heard.pauses, count / 500);
  EXPECT_EQ(heard.seen.values(first_shard, intake::tasks),
            values_of(numbered(first_shard, count, "n")));
}

TEST_F(on_kafka, a_key_lands_where_our_hash_says_whoever_produces_it) {
  const auto producer =
      raw_client(options_, RD_KAFKA_PRODUCER, {{"partitioner", "murmur2_random"}});
  constexpr size_t count = 64;
  for (size_t i = 0; i < count; ++i)
    put_raw(producer.get(), log_->topic_name(intake::tasks), RD_KAFKA_PARTITION_UA,
            "key-" + std::string(i % 9, 'x') + std::to_string(i), "v");
  ASSERT_EQ(rd_kafka_flush(producer.get(), 20'000), RD_KAFKA_RESP_ERR_NO_ERROR);
  size_t seen = 0;
  for (uint16_t s = 0; s < log_shards; ++s)
    for (const auto& record :
         read_partition(options_, log_->topic_name(intake::tasks), shard_id{s})) {
      EXPECT_EQ(partition_of_key(record.key, log_shards), s) << record.key;
      ++seen;
    }
  EXPECT_EQ(seen, count);
}

TEST_F(on_kafka, aborted_records_and_gaps_are_stepped_over) {
  const auto topic = log_->topic_name(intake::tasks);
  transactional_producer other(options_, topic);
  other.transact(topic, first_shard, "aborted", {}, false);
  other.transact(topic, first_shard, "committed", {}, true);
  put({message_to(first_shard, "plain")});
  join();
  log_->consumer().start(first_shard, from_the_start, epoch_t{1});
  ASSERT_TRUE(listener_.eventually_has(first_shard, intake::tasks, 2, patience));
  EXPECT_EQ(listener_.values(first_shard, intake::tasks),
            (std::vector<std::string>{"committed", "plain"}));
}

TEST_F(on_kafka, a_refused_session_timeout_ends_the_consumer) {
  options_.session_timeout = 500ms;  // below group.min.session.timeout.ms
  log_ = make_log(options_);
  ASSERT_TRUE(log_->consumer().open(listener_));
  ASSERT_TRUE(eventually([&] { return !listener_.failures().empty(); }, patience));
  log_->consumer().close();
  EXPECT_EQ(listener_.failures().size(), 1U);
}

TEST_F(on_kafka, a_call_larger_than_the_queue_is_refused_whole) {
  options_.queue_messages_max = 10;
  log_ = make_log(options_);
  ASSERT_TRUE(log_->prepare(log_shards));
  const auto outcome = produce_and_wait(*log_, numbered(first_shard, 11, "x"), patience);
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, errc::busy);
  put(numbered(first_shard, 10, "y"));
  EXPECT_EQ(read_partition(options_, log_->topic_name(intake::tasks), first_shard).size(), 10U);
}

TEST(kafka_settings, that_the_library_refuses_are_told) {
  kafka_options options;
  options.bootstrap = "127.0.0.1:1";
  options.security = {{"no.such.setting", "1"}};
  const auto log = kafka_log::make(options);
  ASSERT_FALSE(log);
  EXPECT_EQ(log.error().code, errc::invalid);
  EXPECT_NE(log.error().detail.find("no.such.setting"), std::string::npos);
}

TEST_F(on_kafka, status_events_carry_a_cloud_event_envelope) {
  const auto sink = make_sink(options_);
  auto event = std::get<task_status_event>(task_event_at(busy_shard, 42));
  ASSERT_TRUE(
      answer_of([&](auto done) { sink->publish(busy_shard, {event}, std::move(done)); }, patience));
  const auto records = read_partition(options_, options_.prefix + "task_status_topic", busy_shard);
  ASSERT_EQ(records.size(), 1U);
  const auto& r = records[0];
  EXPECT_EQ(r.key, to_string(event.task_id));
  EXPECT_EQ(header_of(r, "ce_specversion"), "1.0");
  EXPECT_EQ(header_of(r, "ce_id"), "2-42");
  EXPECT_EQ(header_of(r, "ce_type"), "io.orrery.task.succeeded");
  EXPECT_EQ(header_of(r, "ce_source"), "/orrery/shards/2");
  EXPECT_EQ(header_of(r, "ce_subject"), to_string(event.task_id));
  EXPECT_EQ(header_of(r, "ce_time"), format_time(event.at));
  EXPECT_EQ(header_of(r, "content-type"), "application/json");
  EXPECT_EQ(header_of(r, "traceparent"), event.traceparent);
  auto read = codec::read_task_status(r.value);
  ASSERT_TRUE(read) << read.error().detail;
  read->traceparent = event.traceparent;  // a header, not part of the value
  EXPECT_EQ(*read, event);
}

TEST_F(on_kafka, the_tail_is_found_behind_control_records_and_records_of_others) {
  const auto topic = options_.prefix + "task_status_topic";
  const auto sink = make_sink(options_);
  ASSERT_TRUE(answer_of(
      [&](auto done) {
        sink->publish(busy_shard, {task_event_at(busy_shard, 7)}, std::move(done));
      },
      patience));
  transactional_producer other(options_, topic);
  for (int i = 0; i < 6; ++i)
    other.transact(topic, busy_shard, "aborted", {{"orrery-position", "99"}}, false);
  other.transact(topic, busy_shard, "foreign", {}, true);
  auto tails = sink->last_published(busy_shard, all_committed, patience);
  ASSERT_TRUE(tails) << tails.error().detail;
  EXPECT_EQ((*tails)[static_cast<size_t>(entity_kind::task)], position_t{7});

  other.transact(topic, busy_shard, "ours", {{"orrery-position", "8"}}, true);
  // A commit is answered a moment before its markers are written.
  EXPECT_TRUE(eventually(
      [&] {
        tails = sink->last_published(busy_shard, all_committed, patience);
        return tails && (*tails)[static_cast<size_t>(entity_kind::task)] == position_t{8};
      },
      patience));
}

TEST(kafka_outage, is_told_quickly_and_mends_itself) {
  kafka_cluster cluster;
  auto options = options_for(cluster, "out-");
  options.delivery_timeout = 2s;
  recording_listener listener;
  const auto log = make_log(options);
  ASSERT_TRUE(log->prepare(log_shards));
  ASSERT_TRUE(log->consumer().open(listener));
  ASSERT_TRUE(listener.eventually_owns(log_shards, patience));
  log->consumer().start(first_shard, from_the_start, epoch_t{1});
  ASSERT_TRUE(produce_and_wait(*log, {message_to(first_shard, "before")}, patience));
  ASSERT_TRUE(log->producer().ready());

  cluster.kill(0);
  ASSERT_TRUE(eventually([&] { return !log->producer().ready(); }, patience));
  EXPECT_EQ(log->producer().ready().error().code, errc::unavailable);
  const auto failed = produce_and_wait(*log, {message_to(first_shard, "during")}, patience);
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code, errc::unavailable);
  EXPECT_NE(failed.error().detail, "no answer from the producer");
  const auto end = log->consumer().end(first_shard, 1s);
  ASSERT_FALSE(end);
  EXPECT_EQ(end.error().code, errc::unavailable);
  const auto prepared = log->prepare(log_shards);
  ASSERT_FALSE(prepared);
  EXPECT_EQ(prepared.error().code, errc::unavailable);

  cluster.start(0);
  ASSERT_TRUE(eventually([&] { return log->producer().ready().has_value(); }, patience));
  ASSERT_TRUE(produce_and_wait(*log, {message_to(first_shard, "after")}, patience));
  ASSERT_TRUE(listener.eventually_owns(log_shards, patience));
  log->consumer().start(first_shard, from_the_start, epoch_t{1});
  ASSERT_TRUE(eventually(
      [&] {
        const auto values = listener.values(first_shard, intake::tasks);
        return !values.empty() && values.back() == "after";
      },
      patience));
  const auto values = listener.values(first_shard, intake::tasks);
  EXPECT_EQ(std::count(values.begin(), values.end(), "during"), 0);

  // A broker that hangs keeps its connections: only asking tells.
  cluster.pause(0);
  EXPECT_TRUE(eventually([&] { return !log->producer().ready(); }, patience));
  cluster.resume(0);
  EXPECT_TRUE(eventually([&] { return log->producer().ready().has_value(); }, patience));

  // Everything ends in bounded time although Kafka is gone.
  std::atomic<int> answers{0};
  cluster.kill(0);
  for (int i = 0; i < 20; ++i)
    log->producer().produce({message_to(first_shard, "lost")}, [&](const auto&) { ++answers; });
  log->consumer().close();
  EXPECT_TRUE(listener.owned().empty());
  EXPECT_TRUE(eventually([&] { return answers == 20; }, patience));
}

TEST(kafka_fatal_error, is_mended_by_a_new_producer) {
  kafka_options options;
  options.bootstrap = "127.0.0.1:1";
  const auto host = raw_client(options, RD_KAFKA_PRODUCER, {});
  using mock_ptr =
      std::unique_ptr<rd_kafka_mock_cluster_t, kafka::deleter<rd_kafka_mock_cluster_destroy>>;
  const mock_ptr mock(rd_kafka_mock_cluster_new(host.get(), 1));
  rd_kafka_mock_topic_create(mock.get(), "task_topic", log_shards, 1);
  rd_kafka_mock_topic_create(mock.get(), "order_topic", log_shards, 1);
  constexpr int16_t init_producer_id = 22;
  rd_kafka_mock_push_request_errors(mock.get(), init_producer_id, 1,
                                    RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED);
  options.bootstrap = rd_kafka_mock_cluster_bootstraps(mock.get());

  const auto log = make_log(options);
  (void)produce_and_wait(*log, {message_to(first_shard, "perhaps")}, patience);
  EXPECT_TRUE(eventually(
      [&] {
        return produce_and_wait(*log, {message_to(first_shard, "surely")}, patience).has_value();
      },
      patience));
}

}  // namespace orrery::test
