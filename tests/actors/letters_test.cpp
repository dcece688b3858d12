/// The way of a dead letter: into the store, to its topic, and by the desk through the log again.

#include "app/letter_office.hpp"
#include "tests/actors/simulated_node.hpp"

#include <mutex>

// Queries name the few fields they set; GCC 12 takes that for forgetfulness, unlike later versions.
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

namespace orrery::test {

class letters : public simulated_node {
protected:
  letters() {
    time.now_ += 1s;
    settle();
  }
  ~letters() override { office.stop(); }

  /// Asks the desk, and runs the node until it has answered.
  template <class T, class Ask>
  result<T> answer_of(Ask ask) {
    std::mutex guard;
    std::optional<result<T>> told;
    ask([&](result<T> answer) {
      const std::lock_guard lock(guard);
      told = std::move(answer);
    });
    for (;;) {
      {
        const std::lock_guard lock(guard);
        if (told)
          return std::move(*told);
      }
      settle();
    }
  }
  result<stored_letter> redrive(int64_t number, std::optional<std::string> value = {}) {
    return answer_of<stored_letter>([&](auto done) {
      office.apply(number, {letter_wish::verb::redrive, value, {}, "ada"}, done);
    });
  }
  result<letter_tally> apply_all(letter_query query, letter_wish::verb what) {
    return answer_of<letter_tally>([&](auto done) {
      office.apply_all(query, {what, {}, "why", "ada"}, done);
    });
  }
  std::vector<stored_letter> stored_letters() {
    return truth.open_letters()->find({.order = list_order::oldest_first, .limit = 1000})->items;
  }
  size_t orders() {
    entity_query query;
    query.kind = entity_kind::order;
    return reader->list(query)->items.size();
  }

  app::letter_office office{truth, log, time,
                            [this](const std::string& kind) { return context.knows_kind(kind); }};
};

TEST_F(letters, copies_are_repeated_until_the_topic_has_them) {
  topics.fail_next(3, {errc::unavailable, "the broker is away"});
  produce(intake::orders, shard0, "not json", {{"a", "b"}});
  EXPECT_TRUE(topics.dead_letters().empty());
  EXPECT_FALSE(stored_letters().at(0).copied);
  advance(4s);
  ASSERT_EQ(topics.dead_letters().size(), 1u);
  EXPECT_EQ(topics.dead_letters()[0].headers, (std::vector<log_header>{{"a", "b"}}));
  EXPECT_TRUE(stored_letters().at(0).copied);
  advance(10s);
  EXPECT_EQ(topics.dead_letters().size(), 1u) << "and no more often than that";
}

TEST_F(letters, copies_that_failed_are_made_by_the_next_owner) {
  topics.fail_next(1, {errc::unavailable, "the broker is away"});
  produce(intake::orders, shard0, "not json");
  EXPECT_TRUE(topics.dead_letters().empty());
  caf::anon_send_exit(find_shard(shard0), caf::exit_reason::kill);
  settle();
  advance(200ms);
  EXPECT_EQ(topics.dead_letters().size(), 1u);
}

TEST_F(letters, one_that_kafka_never_takes_holds_up_no_other) {
  reads.held = true;
  produce(intake::orders, shard0, "first");
  produce(intake::orders, shard0, "second");
  // The page of both is refused, then the first alone.
  topics.fail_next(2, {errc::invalid, "a message of 3 MB"});
  reads.held = false;
  advance(5s);
  ASSERT_EQ(topics.dead_letters().size(), 1u);
  EXPECT_EQ(topics.dead_letters()[0].value, "second");
  EXPECT_FALSE(stored_letters().at(0).copied);
}

TEST_F(letters, a_redriven_record_goes_to_its_partition_with_its_headers_and_names_its_origin) {
  const shard_id shard1{1};
  produce(intake::tasks, shard1, R"({"kind":"late","taskId":"t-1"})",
          {{"traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}});
  const auto before = stored_letters().at(0);
  context.executors["late"] = &work;  // now it has an executor
  const auto after = redrive(before.number);
  ASSERT_TRUE(after) << after.error().detail;
  EXPECT_EQ(after->state, letter_state::redriven);
  EXPECT_EQ(after->settled_by, "ada");
  EXPECT_EQ(after->redriven_to, 1);
  const auto sent = kafka.contents(intake::tasks, shard1).at(1);
  EXPECT_EQ(sent.value, before.letter.value);
  EXPECT_EQ(sent.headers.at(0), before.letter.headers.at(0));
  EXPECT_EQ(sent.headers.at(1).name, "orrery-origin");
  EXPECT_EQ(sent.headers.at(1).value, "task_topic/1/0@" + std::to_string(micros(before.letter.at)));
  settle();
  ASSERT_EQ(work.running.size(), 1u);
  EXPECT_EQ(redrive(before.number).error().code, errc::rejected) << "once is enough";
  EXPECT_EQ(redrive(4711).error().code, errc::not_found);
}

TEST_F(letters, a_record_without_id_that_goes_out_twice_is_one_order) {
  produce(intake::orders, shard0, R"({"product":"Laptop","quantity":0})");
  const auto one = stored_letters().at(0);
  const letter_origin origin{intake::orders, shard0, one.letter.offset, one.letter.at};
  for (int i = 0; i < 2; ++i)
    produce(intake::orders, shard0, R"({"product":"Laptop","quantity":1})",
            {{"orrery-origin", to_string(origin)}});
  EXPECT_EQ(orders(), 1u);
  // A claim to come from elsewhere is not believed: two records, two orders.
  for (int i = 0; i < 2; ++i)
    produce(intake::orders, shard0, R"({"product":"Laptop","quantity":1})",
            {{"orrery-origin", "order_topic/1/7@5"}});
  EXPECT_EQ(orders(), 3u);
}

TEST_F(letters, an_edited_value_is_checked_before_it_goes_out) {
  produce(intake::orders, shard0, R"({"product":"Laptop","quantity":0})");
  const auto number = stored_letters().at(0).number;
  const auto refused = redrive(number, R"({"product":"Laptop","quantity":-1})");
  EXPECT_EQ(refused.error().code, errc::invalid);
  EXPECT_EQ(refused.error().field, "value.quantity");
  EXPECT_EQ(stored_letters().at(0).state, letter_state::open);
  const auto after = redrive(number, R"({"product":"Laptop","quantity":2})");
  ASSERT_TRUE(after);
  EXPECT_TRUE(after->edited);
  settle();
  EXPECT_EQ(orders(), 1u);
  EXPECT_EQ(stored_letters().size(), 1u);
}

TEST_F(letters, one_that_dies_again_is_a_new_letter_with_the_first_origin) {
  produce(intake::orders, shard0, "not json");
  ASSERT_TRUE(redrive(1));
  settle();
  ASSERT_EQ(stored_letters().size(), 2u);
  time.now_ += 1s;
  ASSERT_TRUE(redrive(2));
  const auto third = kafka.contents(intake::orders, shard0).at(2);
  ASSERT_EQ(third.headers.size(), 1u);
  EXPECT_TRUE(third.headers[0].value.starts_with("order_topic/0/0@")) << third.headers[0].value;
}

TEST_F(letters, a_log_that_is_busy_leaves_the_letter_open) {
  produce(intake::orders, shard0, "not json");
  kafka.fail_next(1, {errc::busy, "full"});
  EXPECT_EQ(redrive(1).error().code, errc::busy);
  EXPECT_EQ(stored_letters().at(0).state, letter_state::open);
}

TEST_F(letters, a_filter_redrives_or_discards_what_is_open_and_no_more_than_its_limit) {
  for (int i = 0; i < 5; ++i)
    produce(i % 2 == 0 ? intake::orders : intake::tasks, shard0, "garbage");
  time.now_ += 1s;
  auto tally = apply_all({.source = intake::orders, .limit = 2}, letter_wish::verb::redrive);
  ASSERT_TRUE(tally);
  EXPECT_EQ(tally->done, 2u);
  EXPECT_TRUE(tally->more);
  time.now_ += 1s;
  tally = apply_all({.source = intake::tasks, .limit = 100}, letter_wish::verb::discard);
  EXPECT_EQ(tally->done, 2u);
  EXPECT_FALSE(tally->more);
  size_t discarded = 0;
  for (const auto& one : stored_letters())
    discarded += one.state == letter_state::discarded && one.note == "why";
  EXPECT_EQ(discarded, 2u);
}

}  // namespace orrery::test
