#pragma once
/// What every intake log promises, whoever keeps it. An adapter is a default-constructible type, made
/// anew for each test, with
///
///     std::unique_ptr<intake_log> open();          // another program on the same, at first empty, log
///     static constexpr std::chrono::milliseconds patience;
///
/// and `INSTANTIATE_TYPED_TEST_SUITE_P(memory, log_contract, memory_adapter);`.

#include "domain/ports/intake_log.hpp"
#include "tests/contract/log/recording_listener.hpp"

#include <algorithm>
#include <atomic>
#include <gtest/gtest.h>
#include <memory>
#include <numeric>

namespace orrery::test {

inline constexpr uint32_t log_shards = 4;
inline constexpr shard_id first_shard{0};
inline constexpr shard_id second_shard{1};
inline constexpr intake_offsets from_the_start{};

inline log_message message_to(shard_id shard, std::string value, intake topic = intake::tasks) {
  return {topic, shard, "key", std::move(value), {}};
}

/// `prefix0`, `prefix1`, …
inline std::vector<log_message> numbered(shard_id shard, size_t count, const std::string& prefix,
                                         intake topic = intake::tasks) {
  std::vector<log_message> messages;
  for (size_t i = 0; i < count; ++i)
    messages.push_back(message_to(shard, prefix + std::to_string(i), topic));
  return messages;
}

template <class Adapter>
class log_contract : public ::testing::Test {
protected:
  static constexpr auto patience = Adapter::patience;

  void SetUp() override {
    log_ = adapter_.open();
    const auto prepared = log_->prepare(log_shards);
    ASSERT_TRUE(prepared) << prepared.error().detail;
  }

  void TearDown() override {
    if (log_)
      log_->consumer().close();
  }

  std::vector<log_place> put(std::vector<log_message> messages) {
    auto outcome = produce_and_wait(*log_, std::move(messages), patience);
    EXPECT_TRUE(outcome) << (outcome ? "" : outcome.error().detail);
    return outcome ? *outcome : std::vector<log_place>{};
  }

  /// Opens the consumer and waits until every shard is ours.
  void join() {
    const auto opened = log_->consumer().open(listener_);
    ASSERT_TRUE(opened) << opened.error().detail;
    ASSERT_TRUE(listener_.eventually_owns(log_shards, patience));
  }

  /// The program ends in order and is started anew; what was seen before is forgotten.
  void restart() {
    log_->consumer().close();
    log_.reset();
    listener_.forget();
    log_ = adapter_.open();
    const auto prepared = log_->prepare(log_shards);
    ASSERT_TRUE(prepared) << prepared.error().detail;
  }

  Adapter adapter_;
  recording_listener listener_;  // outlives the log, whose thread calls it
  std::unique_ptr<intake_log> log_;
};

TYPED_TEST_SUITE_P(log_contract);

TYPED_TEST_P(log_contract, gives_each_shard_its_messages_in_the_order_of_producing) {
  auto messages = numbered(first_shard, 50, "a");
  for (auto& other : numbered(second_shard, 50, "b"))
    messages.push_back(std::move(other));
  for (auto& other : numbered(first_shard, 20, "o", intake::orders))
    messages.push_back(std::move(other));
  this->put(std::move(messages));

  this->join();
  this->log_->consumer().start(first_shard, from_the_start, epoch_t{1});
  this->log_->consumer().start(second_shard, from_the_start, epoch_t{1});

  auto& seen = this->listener_;
  ASSERT_TRUE(seen.eventually_has(first_shard, intake::tasks, 50, this->patience));
  ASSERT_TRUE(seen.eventually_has(second_shard, intake::tasks, 50, this->patience));
  ASSERT_TRUE(seen.eventually_has(first_shard, intake::orders, 20, this->patience));
  EXPECT_EQ(seen.values(first_shard, intake::tasks), values_of(numbered(first_shard, 50, "a")));
  EXPECT_EQ(seen.values(second_shard, intake::tasks), values_of(numbered(second_shard, 50, "b")));
  EXPECT_EQ(seen.values(first_shard, intake::orders), values_of(numbered(first_shard, 20, "o")));
}

TYPED_TEST_P(log_contract, keeps_the_order_of_calls) {
  std::vector<std::string> expected;
  std::atomic<int> answered{0};
  for (int call = 0; call < 30; ++call) {
    auto messages = numbered(first_shard, 7, "call" + std::to_string(call) + "-");
    for (const auto& m : messages)
      expected.push_back(m.value);
    this->log_->producer().produce(std::move(messages), [&](const auto& outcome) {
      EXPECT_TRUE(outcome);
      ++answered;
    });
  }
  ASSERT_TRUE(eventually([&] { return answered == 30; }, this->patience));

  this->join();
  this->log_->consumer().start(first_shard, from_the_start, epoch_t{1});
  ASSERT_TRUE(
      this->listener_.eventually_has(first_shard, intake::tasks, expected.size(), this->patience));
  EXPECT_EQ(this->listener_.values(first_shard, intake::tasks), expected);
}

TYPED_TEST_P(log_contract, tells_where_messages_came_to_lie) {
  const auto places =
      this->put({message_to(first_shard, "x"), message_to(second_shard, "y"),
                 message_to(first_shard, "z"), message_to(first_shard, "o", intake::orders)});
  ASSERT_EQ(places.size(), 4U);
  EXPECT_EQ(places[1].shard, second_shard);
  EXPECT_EQ(places[3].topic, intake::orders);
  EXPECT_LT(places[0].offset, places[2].offset);

  this->join();
  this->log_->consumer().start(first_shard, from_the_start, epoch_t{1});
  ASSERT_TRUE(this->listener_.eventually_has(first_shard, intake::tasks, 2, this->patience));
  const auto records = this->listener_.records_of(first_shard, intake::tasks);
  EXPECT_EQ(records[0].offset, places[0].offset);
  EXPECT_EQ(records[1].offset, places[2].offset);
}

TYPED_TEST_P(log_contract, keeps_headers_empty_keys_and_binary_values) {
  std::string binary(256, '\0');
  std::iota(binary.begin(), binary.end(), '\0');
  log_message plain{intake::orders, first_shard, "", "", {}};
  log_message rich{intake::orders,
                   first_shard,
                   binary,
                   binary,
                   {{"traceparent", "00-1-2-01"},
                    {"empty", ""},
                    {"binary", binary},
                    {"twice", "1"},
                    {"twice", "2"}}};
  this->put({plain, rich});

  this->join();
  this->log_->consumer().start(first_shard, from_the_start, epoch_t{1});
  ASSERT_TRUE(this->listener_.eventually_has(first_shard, intake::orders, 2, this->patience));
  const auto records = this->listener_.records_of(first_shard, intake::orders);
  EXPECT_TRUE(records[0].key.empty());
  EXPECT_TRUE(records[0].value.empty());
  EXPECT_TRUE(records[0].headers.empty());
  EXPECT_EQ(records[1].key, rich.key);
  EXPECT_EQ(records[1].value, rich.value);
  EXPECT_EQ(records[1].headers, rich.headers);
}

TYPED_TEST_P(log_contract, keeps_a_value_of_256_kib) {
  const std::string value(256 * 1024, 'v');
  this->put({message_to(first_shard, value)});
  this->join();
  this->log_->consumer().start(first_shard, from_the_start, epoch_t{1});
  ASSERT_TRUE(this->listener_.eventually_has(first_shard, intake::tasks, 1, this->patience));
  EXPECT_EQ(this->listener_.values(first_shard, intake::tasks).front(), value);
}

TYPED_TEST_P(log_contract, takes_a_batch_of_10000_in_one_call) {
  const auto places = this->put(numbered(first_shard, 10'000, "n"));
  ASSERT_EQ(places.size(), 10'000U);
  this->join();
  this->log_->consumer().start(first_shard, from_the_start, epoch_t{1});
  ASSERT_TRUE(this->listener_.eventually_has(first_shard, intake::tasks, 10'000, this->patience));
  EXPECT_EQ(this->listener_.values(first_shard, intake::tasks).back(), "n9999");
}

TYPED_TEST_P(log_contract, answers_an_empty_call) { EXPECT_TRUE(this->put({}).empty()); }

TYPED_TEST_P(log_contract, refuses_an_oversized_message_and_takes_nothing_of_its_call) {
  auto outcome = produce_and_wait(
      *this->log_,
      {message_to(first_shard, "small"), message_to(first_shard, std::string(4 << 20, 'x'))},
      this->patience);
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, errc::invalid);
  const auto end = this->log_->consumer().end(first_shard, this->patience);
  ASSERT_TRUE(end) << end.error().detail;
  EXPECT_EQ(*end, from_the_start);
}

TYPED_TEST_P(log_contract, refuses_a_shard_that_does_not_exist) {
  auto outcome =
      produce_and_wait(*this->log_, {message_to(shard_id{log_shards}, "nowhere")}, this->patience);
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, errc::invalid);
}

TYPED_TEST_P(log_contract, starts_from_the_offsets_given) {
  const auto tasks = this->put(numbered(first_shard, 40, "t"));
  const auto orders = this->put(numbered(first_shard, 10, "o", intake::orders));
  ASSERT_EQ(tasks.size(), 40U);
  ASSERT_EQ(orders.size(), 10U);

  this->join();
  this->log_->consumer().start(first_shard, {orders[4].offset, tasks[25].offset}, epoch_t{7});
  auto& seen = this->listener_;
  ASSERT_TRUE(seen.eventually_has(first_shard, intake::tasks, 15, this->patience));
  ASSERT_TRUE(seen.eventually_has(first_shard, intake::orders, 6, this->patience));
  EXPECT_EQ(seen.values(first_shard, intake::tasks).front(), "t25");
  EXPECT_EQ(seen.values(first_shard, intake::tasks).size(), 15U);
  EXPECT_EQ(seen.values(first_shard, intake::orders).front(), "o4");
  EXPECT_EQ(seen.last_tenure(first_shard), epoch_t{7});
}

TYPED_TEST_P(log_contract, delivers_nothing_of_a_shard_before_its_start) {
  this->put(numbered(first_shard, 5, "early"));
  this->put(numbered(second_shard, 5, "other"));
  this->join();
  this->put(numbered(first_shard, 5, "later"));

  this->log_->consumer().start(second_shard, from_the_start, epoch_t{1});
  ASSERT_TRUE(this->listener_.eventually_has(second_shard, intake::tasks, 5, this->patience));
  EXPECT_TRUE(this->listener_.records_of(first_shard, intake::tasks).empty());

  this->log_->consumer().start(first_shard, from_the_start, epoch_t{1});
  ASSERT_TRUE(this->listener_.eventually_has(first_shard, intake::tasks, 10, this->patience));
  EXPECT_EQ(this->listener_.values(first_shard, intake::tasks).front(), "early0");
}

TYPED_TEST_P(log_contract, delivers_what_comes_while_it_is_started) {
  this->join();
  this->log_->consumer().start(first_shard, from_the_start, epoch_t{1});
  for (size_t round = 1; round <= 5; ++round) {
    this->put({message_to(first_shard, "live" + std::to_string(round))});
    ASSERT_TRUE(this->listener_.eventually_has(first_shard, intake::tasks, round, this->patience));
  }
  EXPECT_EQ(this->listener_.values(first_shard, intake::tasks).back(), "live5");
}

TYPED_TEST_P(log_contract, goes_on_after_a_pause_without_loss_or_repeat) {
  const size_t half = 3000;
  this->put(numbered(first_shard, half, "a"));
  this->join();
  auto& consumer = this->log_->consumer();
  auto& seen = this->listener_;
  consumer.start(first_shard, from_the_start, epoch_t{1});
  consumer.start(second_shard, from_the_start, epoch_t{1});
  for (int i = 0; i < 20; ++i) {
    consumer.pause(first_shard);
    consumer.resume(first_shard);
  }
  ASSERT_TRUE(seen.eventually_has(first_shard, intake::tasks, half, this->patience));

  consumer.pause(first_shard);
  // Another shard's record, delivered after the pause, shows that the pause has taken effect.
  this->put({message_to(second_shard, "marker")});
  ASSERT_TRUE(seen.eventually_has(second_shard, intake::tasks, 1, this->patience));
  this->put(numbered(first_shard, half, "b"));
  this->put({message_to(second_shard, "marker")});
  ASSERT_TRUE(seen.eventually_has(second_shard, intake::tasks, 2, this->patience));
  EXPECT_EQ(seen.records_of(first_shard, intake::tasks).size(), half);

  consumer.resume(first_shard);
  ASSERT_TRUE(seen.eventually_has(first_shard, intake::tasks, 2 * half, this->patience));
  auto expected = values_of(numbered(first_shard, half, "a"));
  for (auto& value : values_of(numbered(first_shard, half, "b")))
    expected.push_back(std::move(value));
  EXPECT_EQ(seen.values(first_shard, intake::tasks), expected);
}

TYPED_TEST_P(log_contract, can_be_started_again_from_earlier_offsets) {
  this->put(numbered(first_shard, 10, "a"));
  this->join();
  auto& seen = this->listener_;
  this->log_->consumer().start(first_shard, from_the_start, epoch_t{1});
  ASSERT_TRUE(seen.eventually_has(first_shard, intake::tasks, 10, this->patience));
  this->log_->consumer().start(first_shard, from_the_start, epoch_t{1});
  ASSERT_TRUE(seen.eventually_has(first_shard, intake::tasks, 20, this->patience));
  EXPECT_EQ(seen.values(first_shard, intake::tasks)[10], "a0");
}

TYPED_TEST_P(log_contract, ignores_verbs_on_shards_that_it_does_not_own) {
  this->join();
  const shard_id foreign{4000};
  this->log_->consumer().start(foreign, from_the_start, epoch_t{1});
  this->log_->consumer().pause(foreign);
  this->log_->consumer().resume(foreign);
  this->put({message_to(first_shard, "alive")});
  this->log_->consumer().start(first_shard, from_the_start, epoch_t{1});
  EXPECT_TRUE(this->listener_.eventually_has(first_shard, intake::tasks, 1, this->patience));
  EXPECT_TRUE(this->listener_.failures().empty());
}

TYPED_TEST_P(log_contract, tells_the_end_of_each_topic) {
  auto& consumer = this->log_->consumer();
  const auto empty = consumer.end(first_shard, this->patience);
  ASSERT_TRUE(empty) << empty.error().detail;
  EXPECT_EQ(*empty, from_the_start);

  const auto places = this->put(numbered(first_shard, 9, "t"));
  const auto end = consumer.end(first_shard, this->patience);
  ASSERT_TRUE(end) << end.error().detail;
  EXPECT_EQ((*end)[static_cast<size_t>(intake::tasks)], places.back().offset + 1);
  EXPECT_EQ((*end)[static_cast<size_t>(intake::orders)], 0);
}

TYPED_TEST_P(log_contract, is_prepared_twice_but_not_with_another_count) {
  EXPECT_TRUE(this->log_->prepare(log_shards));
  const auto refused = this->log_->prepare(log_shards + 1);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, errc::conflict);
  EXPECT_NE(refused.error().detail.find(std::to_string(log_shards)), std::string::npos)
      << refused.error().detail;
}

TYPED_TEST_P(log_contract, names_its_topics) {
  EXPECT_TRUE(this->log_->topic_name(intake::orders).ends_with("order_topic"));
  EXPECT_TRUE(this->log_->topic_name(intake::tasks).ends_with("task_topic"));
}

TYPED_TEST_P(log_contract, is_ready_when_it_takes_work) {
  this->put({message_to(first_shard, "x")});
  const auto ready = this->log_->producer().ready();
  EXPECT_TRUE(ready) << ready.error().detail;
}

TYPED_TEST_P(log_contract, revokes_everything_at_close) {
  this->join();
  this->log_->consumer().close();
  EXPECT_TRUE(this->listener_.owned().empty());
  EXPECT_FALSE(this->listener_.ever_lost());
  this->log_->consumer().close();
  EXPECT_TRUE(this->listener_.failures().empty());
}

TYPED_TEST_P(log_contract, delivers_the_same_records_after_a_restart) {
  const auto places = this->put(numbered(first_shard, 6, "r"));
  ASSERT_EQ(places.size(), 6U);
  this->join();
  this->log_->consumer().start(first_shard, from_the_start, epoch_t{1});
  ASSERT_TRUE(this->listener_.eventually_has(first_shard, intake::tasks, 6, this->patience));
  const auto before = this->listener_.records_of(first_shard, intake::tasks);

  this->restart();
  this->join();
  this->log_->consumer().start(first_shard, {0, places[2].offset}, epoch_t{1});
  ASSERT_TRUE(this->listener_.eventually_has(first_shard, intake::tasks, 4, this->patience));
  const auto after = this->listener_.records_of(first_shard, intake::tasks);
  for (size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(after[i].offset, before[i + 2].offset);
    EXPECT_EQ(after[i].value, before[i + 2].value);
    EXPECT_EQ(after[i].at, before[i + 2].at);
    EXPECT_GT(micros(after[i].at), 0);
  }
}

TYPED_TEST_P(log_contract, answers_every_call_exactly_once_also_at_stop) {
  constexpr size_t calls = 200;
  std::vector<std::atomic<int>> answers(calls);
  for (auto& count : answers)
    this->log_->producer().produce(numbered(first_shard, 20, "s"), [&](const auto&) { ++count; });
  this->log_->consumer().close();
  this->log_.reset();
  for (const auto& count : answers)
    EXPECT_EQ(count, 1);
}

REGISTER_TYPED_TEST_SUITE_P(
    log_contract, gives_each_shard_its_messages_in_the_order_of_producing, keeps_the_order_of_calls,
    tells_where_messages_came_to_lie, keeps_headers_empty_keys_and_binary_values,
    keeps_a_value_of_256_kib, takes_a_batch_of_10000_in_one_call, answers_an_empty_call,
    refuses_an_oversized_message_and_takes_nothing_of_its_call, refuses_a_shard_that_does_not_exist,
    starts_from_the_offsets_given, delivers_nothing_of_a_shard_before_its_start,
    delivers_what_comes_while_it_is_started, goes_on_after_a_pause_without_loss_or_repeat,
    can_be_started_again_from_earlier_offsets, ignores_verbs_on_shards_that_it_does_not_own,
    tells_the_end_of_each_topic, is_prepared_twice_but_not_with_another_count, names_its_topics,
    is_ready_when_it_takes_work, revokes_everything_at_close,
    delivers_the_same_records_after_a_restart, answers_every_call_exactly_once_also_at_stop);

}  // namespace orrery::test
