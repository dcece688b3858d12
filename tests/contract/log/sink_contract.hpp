#pragma once
/// What every event sink promises. An adapter is a default-constructible type, made anew for each test:
///
///     std::unique_ptr<event_sink> open();                    // another program on the same topics
///     std::vector<position_t> published(shard_id, entity_kind);  // in the order of the topic
///     std::vector<dead_letter> dead_letters(intake, shard_id);   // `at` and `reason` included
///     static constexpr std::chrono::milliseconds patience;
///     static constexpr bool one_mark;                        // for both topics together

#include "domain/ports/event_sink.hpp"
#include "tests/support/process.hpp"

#include <atomic>
#include <future>
#include <gtest/gtest.h>
#include <memory>
#include <numeric>

namespace orrery::test {

inline constexpr shard_id quiet_shard{0};
inline constexpr shard_id busy_shard{2};
/// More than any test publishes.
inline constexpr publishing_state all_committed{position_t{1'000'000}, {}};

inline entity_id some_id(shard_id shard, uint64_t n) {
  return entity_id{make_uuid_v7(from_micros(1'790'000'000'000'000), shard.value, n)};
}

inline status_event task_event_at(shard_id shard, int64_t position) {
  task_status_event e;
  e.task_id = some_id(shard, static_cast<uint64_t>(position));
  e.kind = "noop";
  e.queue = "default";
  e.status = task_status::succeeded;
  e.previous = task_status::running;
  e.attempt = 1;
  e.shard = shard;
  e.position = position_t{position};
  e.at = from_micros(1'790'000'000'000'000 + position);
  e.traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  return e;
}

inline status_event order_event_at(shard_id shard, int64_t position) {
  order_status_event e;
  e.order_id = some_id(shard, static_cast<uint64_t>(position));
  e.product = "Laptop";
  e.quantity = 1;
  e.status = order_status::created;
  e.shard = shard;
  e.position = position_t{position};
  e.at = from_micros(1'790'000'000'000'000 + position);
  return e;
}

/// Calls `how(done)` and waits for the answer.
template <class Call>
result<void> answer_of(Call how, std::chrono::milliseconds limit) {
  auto promise = std::make_shared<std::promise<result<void>>>();
  auto answer = promise->get_future();
  how([promise](result<void> outcome) { promise->set_value(std::move(outcome)); });
  if (answer.wait_for(limit) != std::future_status::ready)
    return failure{errc::unavailable, "no answer from the sink"};
  return answer.get();
}

template <class Adapter>
class sink_contract : public ::testing::Test {
protected:
  static constexpr auto patience = Adapter::patience;

  void SetUp() override { sink_ = adapter_.open(); }

  void publish(shard_id shard, std::vector<status_event> events) {
    const auto outcome = answer_of(
        [&](auto done) { sink_->publish(shard, std::move(events), std::move(done)); }, patience);
    ASSERT_TRUE(outcome) << outcome.error().detail;
  }

  event_sink::tails tails_of(shard_id shard) {
    const auto tails = sink_->last_published(shard, all_committed, patience);
    EXPECT_TRUE(tails) << (tails ? "" : tails.error().detail);
    return tails ? *tails : event_sink::tails{};
  }

  Adapter adapter_;
  std::unique_ptr<event_sink> sink_;
};

TYPED_TEST_SUITE_P(sink_contract);

TYPED_TEST_P(sink_contract, publishes_in_the_order_given) {
  for (int64_t commit = 0; commit < 20; ++commit) {
    std::vector<status_event> events;
    for (int64_t i = 1; i <= 10; ++i)
      events.push_back(task_event_at(busy_shard, commit * 10 + i));
    this->publish(busy_shard, std::move(events));
  }
  std::vector<position_t> expected;
  for (int64_t i = 1; i <= 200; ++i)
    expected.emplace_back(i);
  EXPECT_EQ(this->adapter_.published(busy_shard, entity_kind::task), expected);
  EXPECT_TRUE(this->adapter_.published(quiet_shard, entity_kind::task).empty());
}

TYPED_TEST_P(sink_contract, knows_no_position_of_empty_topics) {
  const auto tails = this->tails_of(quiet_shard);
  EXPECT_FALSE(tails[0].has_value());
  EXPECT_FALSE(tails[1].has_value());
}

TYPED_TEST_P(sink_contract, tells_the_last_position_of_each_topic) {
  this->publish(busy_shard, {task_event_at(busy_shard, 1), order_event_at(busy_shard, 2),
                             task_event_at(busy_shard, 3)});
  auto tails = this->tails_of(busy_shard);
  // A sink with one mark for both topics says that of the later one for both.
  const auto in_topic = [&](int64_t own) {
    return TypeParam::one_mark ? tails[0].value() : position_t{own};
  };
  EXPECT_EQ(tails[static_cast<size_t>(entity_kind::task)], position_t{3});
  EXPECT_EQ(tails[static_cast<size_t>(entity_kind::order)], in_topic(2));

  this->publish(busy_shard, {order_event_at(busy_shard, 9)});
  tails = this->tails_of(busy_shard);
  EXPECT_EQ(tails[static_cast<size_t>(entity_kind::task)], in_topic(3));
  EXPECT_EQ(tails[static_cast<size_t>(entity_kind::order)], position_t{9});
}

TYPED_TEST_P(sink_contract, leaves_a_topic_empty_that_had_no_event) {
  this->publish(busy_shard, {order_event_at(busy_shard, 5)});
  const auto tails = this->tails_of(busy_shard);
  EXPECT_EQ(tails[static_cast<size_t>(entity_kind::task)].has_value(), TypeParam::one_mark);
  EXPECT_EQ(tails[static_cast<size_t>(entity_kind::order)], position_t{5});
}

TYPED_TEST_P(sink_contract, tells_the_same_after_a_restart) {
  this->publish(busy_shard, {task_event_at(busy_shard, 1), task_event_at(busy_shard, 2)});
  this->sink_.reset();
  this->sink_ = this->adapter_.open();
  EXPECT_EQ(this->tails_of(busy_shard)[0], position_t{2});
  this->publish(busy_shard, {task_event_at(busy_shard, 3)});
  EXPECT_EQ(this->tails_of(busy_shard)[0], position_t{3});
}

TYPED_TEST_P(sink_contract, answers_an_empty_call) { this->publish(busy_shard, {}); }

TYPED_TEST_P(sink_contract, copies_dead_letters_byte_for_byte) {
  std::string bytes(256, '\0');
  std::iota(bytes.begin(), bytes.end(), '\0');
  dead_letter broken{intake::orders,
                     busy_shard,
                     17,
                     from_micros(1'790'000'000'000'000),
                     "not JSON",
                     bytes,
                     bytes + bytes,
                     {{"own", bytes}, {"own", ""}, {"orrery-origin", "order_topic/2/1@1"}}};
  dead_letter empty{intake::tasks, busy_shard, 0, from_micros(1'790'000'000'000'000),
                    "no kind",     "",         ""};
  const auto outcome = answer_of(
      [&](auto done) {
        this->sink_->publish_dead_letters({broken, empty}, std::move(done));
      },
      this->patience);
  ASSERT_TRUE(outcome) << outcome.error().detail;

  const auto orders = this->adapter_.dead_letters(intake::orders, busy_shard);
  ASSERT_EQ(orders.size(), 1U);
  EXPECT_EQ(orders[0], broken);
  const auto tasks = this->adapter_.dead_letters(intake::tasks, busy_shard);
  ASSERT_EQ(tasks.size(), 1U);
  EXPECT_EQ(tasks[0], empty);
}

TYPED_TEST_P(sink_contract, answers_every_call_exactly_once_also_at_stop) {
  constexpr int64_t calls = 100;
  std::vector<std::atomic<int>> answers(calls);
  for (int64_t i = 0; i < calls; ++i)
    this->sink_->publish(busy_shard, {task_event_at(busy_shard, i + 1)},
                         [&count = answers[static_cast<size_t>(i)]](const auto&) { ++count; });
  this->sink_.reset();
  for (const auto& count : answers)
    EXPECT_EQ(count, 1);
}

REGISTER_TYPED_TEST_SUITE_P(sink_contract, publishes_in_the_order_given,
                            knows_no_position_of_empty_topics,
                            tells_the_last_position_of_each_topic,
                            leaves_a_topic_empty_that_had_no_event, tells_the_same_after_a_restart,
                            answers_an_empty_call, copies_dead_letters_byte_for_byte,
                            answers_every_call_exactly_once_also_at_stop);

}  // namespace orrery::test
