/// Publishing in Kafka's transactions, against a real broker: who may go on, and after what.

#include "bridge/kafka/transactional_sink.hpp"
#include "bridge/kafka/watermarks.hpp"
#include "tests/contract/log/kafka_adapters.hpp"
#include "tests/support/expect_log.hpp"

namespace orrery::test {

namespace {

std::unique_ptr<transactional_sink> make_transactional(const kafka_options& options,
                                                       transactional_options how = {"store-1"}) {
  auto sink = transactional_sink::make(options, std::move(how));
  if (!sink)
    throw std::runtime_error(sink.error().detail);
  return std::move(*sink);
}

struct transactional_sink_adapter : kafka_sink_adapter {
  static constexpr bool one_mark = true;
  std::unique_ptr<event_sink> open() { return make_transactional(options); }
};

class transactions : public ::testing::Test {
protected:
  using tails = event_sink::tails;

  static result<void> publish(event_sink& sink, std::vector<int64_t> positions) {
    std::vector<status_event> events;
    for (const auto position : positions)
      events.push_back(task_event_at(busy_shard, position));
    return answer_of([&](auto done) { sink.publish(busy_shard, events, std::move(done)); },
                     patience);
  }
  result<tails> resume(event_sink& sink, int64_t committed, int64_t published = 0) {
    return sink.last_published(busy_shard, {position_t{committed}, position_t{published}},
                               patience);
  }
  std::vector<position_t> published() const {
    return adapter_.published(busy_shard, entity_kind::task);
  }
  static std::vector<position_t> up_to(int64_t last) {
    std::vector<position_t> all;
    for (int64_t i = 1; i <= last; ++i)
      all.emplace_back(i);
    return all;
  }
  std::optional<kafka::watermark> mark() {
    kafka::watermarks marks(adapter_.options, kafka::watermarks::pending::awaited);
    auto found = marks.read(busy_shard, patience);
    EXPECT_TRUE(found) << (found ? "" : found.error().detail);
    return found ? *found : std::nullopt;
  }

  transactional_sink_adapter adapter_;
};

}  // namespace

INSTANTIATE_TYPED_TEST_SUITE_P(kafka_transactional, sink_contract, transactional_sink_adapter);
// The log's suite, which comes along with the adapters, is run by kafka_test.cpp.
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(log_contract);

TEST_F(transactions, the_watermark_names_the_last_event_and_the_store) {
  const auto sink = make_transactional(adapter_.options);
  EXPECT_FALSE(mark());
  ASSERT_TRUE(publish(*sink, {1, 2, 5}));
  ASSERT_TRUE(mark());
  EXPECT_EQ(mark()->position, position_t{5});
  EXPECT_EQ(mark()->store, "store-1");
}

TEST_F(transactions, a_former_owner_is_fenced_and_publishes_nothing_more) {
  const auto zombie = make_transactional(adapter_.options);
  ASSERT_TRUE(publish(*zombie, {1, 2}));
  const auto owner = make_transactional(adapter_.options);
  EXPECT_EQ((*resume(*owner, 4))[0], position_t{2});
  const auto late = publish(*zombie, {3, 4});
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code, errc::conflict) << late.error().detail;
  ASSERT_TRUE(publish(*owner, {3, 4}));
  EXPECT_EQ(published(), up_to(4));
}

TEST_F(transactions, an_event_that_is_out_is_not_taken_a_second_time) {
  const auto sink = make_transactional(adapter_.options);
  ASSERT_TRUE(publish(*sink, {1, 2}));
  EXPECT_EQ(publish(*sink, {2, 3}).error().code, errc::conflict);
  EXPECT_EQ((*resume(*sink, 3))[0], position_t{2});
  ASSERT_TRUE(publish(*sink, {3}));
  EXPECT_EQ(published(), up_to(3));
}

/// How far the owner had come that dies with a transaction open.
class transactions_left_open : public transactions, public ::testing::WithParamInterface<bool> {};

INSTANTIATE_TEST_SUITE_P(kafka, transactions_left_open, ::testing::Bool(), [](const auto& one) {
  return one.param ? "with_the_watermark_in_it" : "with_events_in_it";
});

TEST_P(transactions_left_open, are_never_read_and_hold_up_nobody) {
  const auto& options = adapter_.options;
  const auto group = kafka::watermark_group(options);
  ASSERT_TRUE(publish(*make_transactional(options), {1}));
  // Given a transaction that nobody ends, as after a kill -9, under the owner's own name.
  const auto dead =
      raw_client(options, RD_KAFKA_PRODUCER,
                 {{"transactional.id", group + "-" + std::to_string(busy_shard.value)},
                  {"transaction.timeout.ms", "600000"}});
  ASSERT_EQ(rd_kafka_init_transactions(dead.get(), 20'000), nullptr);
  ASSERT_EQ(rd_kafka_begin_transaction(dead.get()), nullptr);
  put_raw(dead.get(), options.prefix + "task_status_topic", busy_shard.value, "k", "half done",
          {{"orrery-position", "2"}});
  rd_kafka_flush(dead.get(), 20'000);
  if (GetParam()) {
    const kafka::partitions_ptr mark(rd_kafka_topic_partition_list_new(1));
    rd_kafka_topic_partition_list_add(mark.get(), kafka::control_topic(options).c_str(),
                                      busy_shard.value)
        ->offset = 2;
    auto* of_group = rd_kafka_consumer_group_metadata_new(group.c_str());
    EXPECT_EQ(rd_kafka_send_offsets_to_transaction(dead.get(), mark.get(), of_group, 20'000),
              nullptr);
    rd_kafka_consumer_group_metadata_destroy(of_group);
  }
  // When the next owner begins, then its events are read, and the open ones are not.
  const auto next = make_transactional(options);
  EXPECT_EQ((*resume(*next, 3))[0], position_t{1});
  ASSERT_TRUE(publish(*next, {2, 3}));
  EXPECT_EQ(published(), up_to(3));
  // And the dead one, should it wake, commits nothing.
  rd_kafka_error_t* late = rd_kafka_commit_transaction(dead.get(), 20'000);
  EXPECT_NE(late, nullptr);
  rd_kafka_error_destroy(late);
  EXPECT_EQ(mark()->position, position_t{3});
}

TEST_F(transactions, another_store_or_one_that_is_behind_is_refused_with_a_sentence) {
  ASSERT_TRUE(publish(*make_transactional(adapter_.options), {1, 2, 3}));
  const auto other = make_transactional(adapter_.options, {"store-2"});
  auto refused = resume(*other, 100);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, errc::conflict);
  EXPECT_NE(refused.error().detail.find("publish_resume"), std::string::npos);
  EXPECT_EQ(publish(*other, {4}).error().code, errc::conflict);
  const auto restored = make_transactional(adapter_.options);
  refused = resume(*restored, 2);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, errc::conflict);
  EXPECT_EQ(published(), up_to(3));
  // And at the start, before anybody is fenced.
  const auto rows = [](int64_t position) {
    return [position]() -> result<std::vector<shard_row>> {
      shard_row row;
      row.shard = busy_shard;
      row.position = position_t{position};
      return std::vector{row};
    };
  };
  EXPECT_EQ(restored->check(log_shards, rows(2)).error().code, errc::conflict);
  EXPECT_TRUE(restored->check(log_shards, rows(3)));
}

TEST_F(transactions, a_watermark_that_is_gone_is_made_again_from_the_ends_of_the_topics) {
  // Published so far by the idempotent producer: there never was a watermark.
  ASSERT_TRUE(publish(*make_sink(adapter_.options), {1, 2, 3}));
  const auto sink = make_transactional(adapter_.options);
  EXPECT_EQ((*resume(*sink, 5, 3))[0], position_t{3});
  ASSERT_TRUE(publish(*sink, {4, 5}));
  EXPECT_EQ(published(), up_to(5));
  EXPECT_EQ(mark()->position, position_t{5});
}

TEST_F(transactions, what_the_idempotent_producer_published_in_between_is_not_repeated) {
  ASSERT_TRUE(publish(*make_transactional(adapter_.options), {1, 2}));
  ASSERT_TRUE(publish(*make_sink(adapter_.options), {3, 4}));
  const auto sink = make_transactional(adapter_.options);
  EXPECT_EQ((*resume(*sink, 5, 4))[0], position_t{4});
  ASSERT_TRUE(publish(*sink, {5}));
  EXPECT_EQ(published(), up_to(5));
}

TEST_F(transactions, without_watermark_and_with_empty_topics_nothing_is_repeated_unasked) {
  const auto sink = make_transactional(adapter_.options);
  EXPECT_EQ(resume(*sink, 9, 7).error().code, errc::conflict);
  EXPECT_TRUE(resume(*sink, 9, 0)) << "nothing was ever published";
  const auto told =
      make_transactional(adapter_.options, {.store_identity = "store-1", .trust_store = true});
  const auto after = resume(*told, 9, 7);
  ASSERT_TRUE(after);
  EXPECT_EQ((*after)[0], position_t{7});
  ASSERT_TRUE(publish(*told, {8, 9}));
  EXPECT_EQ(mark()->position, position_t{9});
}

TEST_F(transactions, records_deleted_from_the_topic_change_nothing) {
  const auto sink = make_transactional(adapter_.options);
  ASSERT_TRUE(publish(*sink, {1, 2, 3}));
  delete_before(adapter_.options, adapter_.options.prefix + "task_status_topic", busy_shard, -1);
  EXPECT_TRUE(published().empty());
  const auto next = make_transactional(adapter_.options);
  EXPECT_EQ((*resume(*next, 4, 2))[0], position_t{3});
  ASSERT_TRUE(publish(*next, {4}));
  EXPECT_EQ(published(), std::vector{position_t{4}});
}

TEST_F(transactions, an_idle_watermark_is_committed_again_before_kafka_forgets_it) {
  ASSERT_TRUE(publish(*make_transactional(adapter_.options), {1, 2}));
  const auto sink = make_transactional(
      adapter_.options, {.store_identity = "store-1b", .trust_store = true, .refresh = 50ms});
  ASSERT_TRUE(resume(*sink, 9, 2));
  // Seen by what only a commit can have changed: the store's name.
  EXPECT_TRUE(eventually([&] { return mark() && mark()->store == "store-1b"; }, patience));
  EXPECT_EQ(mark()->position, position_t{2});
}

TEST(transactional_outage, a_broker_that_restarts_loses_and_doubles_nothing) {
  kafka_cluster cluster;
  transactional_sink_adapter adapter;
  adapter.options = options_for(cluster, "tx-");
  ASSERT_TRUE(make_log(adapter.options)->prepare(log_shards));
  const auto sink = make_transactional(adapter.options);
  const auto send = [&](int64_t position) {
    return answer_of(
        [&](auto done) {
          sink->publish(busy_shard, {task_event_at(busy_shard, position)}, std::move(done));
        },
        60s);
  };
  int64_t next = 1;
  const auto go_on_until = [&](int64_t last) {
    for (; next <= last; ++next)
      while (!send(next)) {
        const auto after = sink->last_published(busy_shard, all_committed, 10s);
        if (after && (*after)[0] >= position_t{next})
          break;
      }
  };
  go_on_until(20);
  // The broker is restarted from this thread: it dies with the one that started it.
  std::thread sender([&] { go_on_until(200); });
  cluster.kill(0);
  cluster.start(0);
  sender.join();
  std::vector<position_t> expected;
  for (int64_t i = 1; i <= 200; ++i)
    expected.emplace_back(i);
  EXPECT_EQ(adapter.published(busy_shard, entity_kind::task), expected);
}

}  // namespace orrery::test
