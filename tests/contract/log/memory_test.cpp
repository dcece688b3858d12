#include "bridge/memory/memory_log.hpp"
#include "bridge/memory/memory_sink.hpp"
#include "tests/contract/log/log_contract.hpp"
#include "tests/contract/log/sink_contract.hpp"

namespace orrery::test {

namespace {

using namespace std::chrono_literals;

struct memory_log_adapter {
  static constexpr std::chrono::milliseconds patience = 10s;
  memory_cluster cluster;
  std::unique_ptr<intake_log> open() { return std::make_unique<memory_log>(cluster, "a"); }
};

struct memory_sink_adapter {
  static constexpr bool one_mark = false;
  static constexpr std::chrono::milliseconds patience = 10s;
  memory_topics topics;
  std::unique_ptr<event_sink> open() { return std::make_unique<memory_sink>(topics); }

  std::vector<position_t> published(shard_id shard, entity_kind kind) const {
    std::vector<position_t> out;
    for (const auto& event : topics.events(shard))
      if (event.index() == static_cast<size_t>(kind))
        out.push_back(std::visit([](const auto& e) { return e.position; }, event));
    return out;
  }
  std::vector<dead_letter> dead_letters(intake source, shard_id shard) const {
    auto letters = topics.dead_letters();
    std::erase_if(letters,
                  [&](const dead_letter& l) { return l.source != source || l.shard != shard; });
    return letters;
  }
};

}  // namespace

INSTANTIATE_TYPED_TEST_SUITE_P(memory, log_contract, memory_log_adapter);
INSTANTIATE_TYPED_TEST_SUITE_P(memory, sink_contract, memory_sink_adapter);

/// Two nodes driven by steps: nothing happens on its own.
class stepped_logs : public ::testing::Test {
protected:
  void SetUp() override {
    ASSERT_TRUE(a_.prepare(log_shards));
    ASSERT_TRUE(a_.consumer().open(heard_a_));
    ASSERT_TRUE(b_.consumer().open(heard_b_));
  }
  void settle() {
    while (a_.step() || b_.step()) {
    }
  }

  recording_listener heard_a_;
  recording_listener heard_b_;
  memory_cluster cluster_{memory_cluster::ownership::manual};
  memory_log a_{cluster_, "a", memory_log::drive::stepped};
  memory_log b_{cluster_, "b", memory_log::drive::stepped};
};

TEST_F(stepped_logs, hand_a_shard_from_one_node_to_the_other) {
  cluster_.assign("a", {first_shard, second_shard});
  settle();
  EXPECT_EQ(heard_a_.owned().size(), 2U);
  cluster_.revoke("a", {first_shard}, true);
  cluster_.assign("b", {first_shard});
  settle();
  EXPECT_EQ(heard_a_.owned(), std::set{second_shard});
  EXPECT_TRUE(heard_a_.ever_lost());
  EXPECT_EQ(heard_b_.owned(), std::set{first_shard});

  a_.producer().produce({message_to(first_shard, "x")}, [](const auto& o) { EXPECT_TRUE(o); });
  b_.consumer().start(first_shard, from_the_start, epoch_t{1});
  a_.consumer().start(first_shard, from_the_start, epoch_t{1});  // no longer its own: ignored
  settle();
  EXPECT_EQ(heard_b_.count(first_shard, intake::tasks), 1U);
  EXPECT_EQ(heard_a_.count(first_shard, intake::tasks), 0U);
}

TEST_F(stepped_logs, fail_where_told_with_or_without_storing) {
  std::vector<errc> codes;
  const auto note = [&](const auto& outcome) {
    codes.push_back(outcome ? errc::in_doubt : outcome.error().code);
  };
  cluster_.fail_next(1, {errc::unavailable, "cut off"}, true);
  a_.producer().produce({message_to(first_shard, "stored")}, note);
  cluster_.fail_next(1, {errc::unavailable, "cut off"}, false);
  a_.producer().produce({message_to(first_shard, "not stored")}, note);
  cluster_.refuse_as_busy(true);
  EXPECT_EQ(a_.producer().ready().error().code, errc::busy);
  a_.producer().produce({message_to(first_shard, "refused")}, note);
  settle();
  EXPECT_EQ(codes, (std::vector{errc::unavailable, errc::unavailable, errc::busy}));
  ASSERT_EQ(cluster_.contents(intake::tasks, first_shard).size(), 1U);
  EXPECT_EQ(cluster_.contents(intake::tasks, first_shard)[0].value, "stored");
}

TEST_F(stepped_logs, answer_held_calls_after_the_release) {
  bool answered = false;
  cluster_.hold_acknowledgements(true);
  a_.producer().produce({message_to(first_shard, "x")}, [&](const auto&) { answered = true; });
  settle();
  EXPECT_FALSE(answered);
  EXPECT_EQ(cluster_.contents(intake::tasks, first_shard).size(), 1U);
  cluster_.hold_acknowledgements(false);
  settle();
  EXPECT_TRUE(answered);
}

TEST_F(stepped_logs, go_on_at_the_earliest_record_that_is_left) {
  a_.producer().produce(numbered(first_shard, 10, "r"), [](const auto&) {});
  cluster_.expire_before(intake::tasks, first_shard, 6);
  cluster_.assign("a", {first_shard});
  settle();
  a_.consumer().start(first_shard, from_the_start, epoch_t{1});
  settle();
  ASSERT_EQ(heard_a_.count(first_shard, intake::tasks), 4U);
  EXPECT_EQ(heard_a_.values(first_shard, intake::tasks).front(), "r6");
}

TEST(memory_sink_faults, fail_the_next_calls_and_hold_answers) {
  memory_topics topics;
  memory_sink sink(topics, memory_sink::drive::stepped);
  std::vector<bool> outcomes;
  const auto note = [&](const result<void>& o) { outcomes.push_back(o.has_value()); };
  topics.fail_next(1, {errc::unavailable, "cut off"});
  sink.publish(busy_shard, {task_event_at(busy_shard, 1)}, note);
  sink.publish(busy_shard, {task_event_at(busy_shard, 1)}, note);
  sink.hold(true);
  EXPECT_FALSE(sink.step());
  sink.hold(false);
  while (sink.step()) {
  }
  EXPECT_EQ(outcomes, (std::vector{false, true}));
  EXPECT_EQ(topics.events(busy_shard).size(), 1U);
}

}  // namespace orrery::test
