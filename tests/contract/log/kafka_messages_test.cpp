/// What schedules publish, on Kafka, by both sinks: to topics that are not ours.

#include "base/murmur2.hpp"
#include "bridge/kafka/kafka_log.hpp"
#include "bridge/kafka/transactional_sink.hpp"
#include "domain/trace.hpp"
#include "tests/contract/log/kafka_adapters.hpp"
#include "tests/contract/log/sink_contract.hpp"
#include "tests/support/expect_log.hpp"

namespace orrery::test {

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(log_contract);
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(sink_contract);

namespace {

enum class how { idempotent, transactional };

class messages : public ::testing::TestWithParam<how> {
protected:
  static constexpr auto patience = 30s;

  messages() {
    options_.message_topics = {ticks_};
    const auto prepared = make_log(options_)->prepare(log_shards);
    EXPECT_TRUE(prepared) << prepared.error().detail;
    sink_ = open();
  }

  std::unique_ptr<event_sink> open() {
    if (GetParam() == how::idempotent)
      return make_sink(options_);
    auto made = transactional_sink::make(options_, {.store_identity = "store-1"});
    EXPECT_TRUE(made);
    return std::move(*made);
  }

  static status_event message(int64_t position, const std::string& topic, std::string value = "1") {
    scheduled_message m;
    m.id = some_id(busy_shard, static_cast<uint64_t>(1000 + position));
    m.schedule_id = some_id(busy_shard, 7);
    m.record = {topic, "key-" + std::to_string(position), std::move(value)};
    m.fire_at = from_micros(1'790'000'000'000'000);
    m.shard = busy_shard;
    m.position = position_t{position};
    m.at = m.fire_at + 3ms;
    return m;
  }

  /// As the outbox does: what failed is asked about, and what is not there is tried again.
  void publish(std::vector<status_event> events) {
    const auto sent = [&] {
      return answer_of([&](auto done) { sink_->publish(busy_shard, events, std::move(done)); },
                       patience)
          .has_value();
    };
    for (int tries = 0; tries < 5; ++tries) {
      if (sent())
        return;
      ASSERT_TRUE(sink_->last_published(busy_shard, all_committed, patience));
    }
    FAIL() << "never published";
  }

  uint32_t partitions_of(const std::string& topic) {
    const auto client = raw_client(options_, RD_KAFKA_PRODUCER, {});
    const kafka::topic_ptr handle(rd_kafka_topic_new(client.get(), topic.c_str(), nullptr));
    const rd_kafka_metadata_t* raw = nullptr;
    EXPECT_EQ(rd_kafka_metadata(client.get(), 0, handle.get(), &raw, 20'000),
              RD_KAFKA_RESP_ERR_NO_ERROR);
    const kafka::metadata_ptr metadata(raw);
    return static_cast<uint32_t>(metadata->topics[0].partition_cnt);
  }
  std::vector<log_record> all_of(const std::string& topic) {
    std::vector<log_record> all;
    for (uint32_t n = 0; n < partitions_of(topic); ++n)
      for (auto& record : read_partition(options_, topic, shard_id{static_cast<uint16_t>(n)}))
        all.push_back(std::move(record));
    return all;
  }
  std::vector<log_record> dead_letters() {
    return read_partition(options_, options_.prefix + "schedule_topic.DLT", busy_shard);
  }

  kafka_options options_ =
      options_for(kafka_cluster::shared(), kafka_cluster::shared().fresh_prefix());
  const std::string ticks_ = options_.prefix + "ticks";
  std::unique_ptr<event_sink> sink_;
};

INSTANTIATE_TEST_SUITE_P(kafka, messages, ::testing::Values(how::idempotent, how::transactional),
                         [](const auto& one) {
                           return one.param == how::idempotent ? "idempotent" : "transactional";
                         });

class messages_in_transactions : public messages {};

INSTANTIATE_TEST_SUITE_P(kafka, messages_in_transactions, ::testing::Values(how::transactional),
                         [](const auto&) { return "transactional"; });

}  // namespace

TEST_P(messages, arrive_with_their_key_value_and_an_id_that_follows_from_the_fire) {
  publish({task_event_at(busy_shard, 1), message(2, ticks_, R"({"n":1})")});
  const auto all = all_of(ticks_);
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all[0].key, "key-2");
  EXPECT_EQ(all[0].value, R"({"n":1})");
  EXPECT_EQ(header_of(all[0], "ce_id"), to_string(some_id(busy_shard, 1002)));
  EXPECT_EQ(header_of(all[0], "ce_subject"), to_string(some_id(busy_shard, 7)));
  EXPECT_EQ(header_of(all[0], "ce_time"), format_time(from_micros(1'790'000'000'000'000)));
  EXPECT_EQ(header_of(all[0], "ce_type"), "io.orrery.schedule.message");
  EXPECT_FALSE(header_of(all[0], "traceparent"));
  // Where any Java program would put the key.
  EXPECT_EQ(all[0].shard.value, partition_of_key("key-2", partitions_of(ticks_)));
}

TEST_P(messages, begin_a_trace_where_traces_are_recorded) {
  options_.traces_sample = 1;
  sink_ = open();
  publish({task_event_at(busy_shard, 1), message(2, ticks_)});
  const auto all = all_of(ticks_);
  ASSERT_EQ(all.size(), 1u);
  const auto id = some_id(busy_shard, 1002);
  const auto context = parse_traceparent(header_of(all[0], "traceparent").value_or(""));
  ASSERT_TRUE(context);
  EXPECT_EQ(context->trace, trace_of({}, id));
  EXPECT_TRUE(context->sampled);
}

TEST_P(messages, whose_topic_takes_none_become_dead_letters_and_hold_up_nothing) {
  allow_log_error("kafka.topic_refused");
  const auto missing = options_.prefix + "nobody-made-it";
  publish({message(1, missing, R"("lost?")"), task_event_at(busy_shard, 2), message(3, ticks_)});
  const auto dead = dead_letters();
  ASSERT_EQ(dead.size(), 1u);
  EXPECT_EQ(dead[0].value, R"("lost?")");
  EXPECT_EQ(dead[0].key, "key-1");
  EXPECT_EQ(header_of(dead[0], "orrery-target-topic"), missing);
  EXPECT_EQ(header_of(dead[0], "ce_id"), to_string(some_id(busy_shard, 1001)));
  EXPECT_TRUE(header_of(dead[0], "orrery-reason"));
  EXPECT_GE(all_of(ticks_).size(), 1u);
  // The next ones go there at once.
  publish({message(4, missing), task_event_at(busy_shard, 5)});
  EXPECT_EQ(dead_letters().size(), 2u);
}

TEST_P(messages_in_transactions, are_exactly_once_where_the_answer_was_lost) {
  publish({message(1, ticks_), message(2, ticks_)});
  // Given an owner that does not know how far the one before it came.
  sink_ = open();
  const auto tails = sink_->last_published(busy_shard, {position_t{4}, position_t{}}, patience);
  ASSERT_TRUE(tails);
  EXPECT_EQ((*tails)[message_stream], position_t{2});
  publish({message(3, ticks_)});
  EXPECT_EQ(all_of(ticks_).size(), 3u);
}

TEST_P(messages, are_told_to_be_published_as_far_as_the_store_knows) {
  publish({task_event_at(busy_shard, 1), message(2, ticks_), task_event_at(busy_shard, 3)});
  sink_ = open();
  const auto tails = sink_->last_published(busy_shard, {position_t{9}, position_t{1}}, patience);
  ASSERT_TRUE(tails);
  // The idempotent sink cannot ask a topic of others; the watermark knows.
  EXPECT_EQ((*tails)[message_stream], position_t{GetParam() == how::idempotent ? 1 : 3});
  EXPECT_EQ((*tails)[0], position_t{3});
}

TEST_P(messages, of_schedules_status_have_their_topic) {
  schedule_status_event e;
  e.schedule_id = some_id(busy_shard, 7);
  e.name = "nightly";
  e.shard = busy_shard;
  e.position = position_t{1};
  publish({e});
  const auto all = read_partition(options_, options_.prefix + "schedule_status_topic", busy_shard);
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(header_of(all[0], "ce_type"), "io.orrery.schedule.active");
  EXPECT_EQ(all[0].key, to_string(e.schedule_id));
  EXPECT_EQ((*sink_->last_published(busy_shard, all_committed, patience))[2], position_t{1});
}

}  // namespace orrery::test
