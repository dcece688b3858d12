#include "domain/messages.hpp"
#include "tests/unit/domain/driver.hpp"

namespace orrery {

namespace {

using namespace test;

event_record record_of(const task_event& event) {
  return {position_t{9}, test_id, start_of_test, event};
}

std::optional<task_status_event> event_after(task_driver& d, const task_command& command) {
  const auto before = d.state;
  const auto events = d.send(command);
  EXPECT_TRUE(events && events->size() == 1);
  return status_event_of(before, *d.state, record_of(events->front()));
}

}  // namespace

TEST(status_event, of_a_first_event_has_no_previous_status) {
  task_driver d;
  const auto e = event_after(d, submit_task{simple_task()});
  ASSERT_TRUE(e);
  EXPECT_EQ(e->status, task_status::queued);
  EXPECT_FALSE(e->previous);
  EXPECT_EQ(e->shard, shard_id{3});
  EXPECT_EQ(e->position, position_t{9});
}

TEST(status_event, names_where_it_came_from_and_why_it_ended) {
  auto d = started();
  const auto e = event_after(d, expire_task{d->token(), end_reason::heartbeat});
  ASSERT_TRUE(e);
  EXPECT_EQ(e->previous, task_status::running);
  EXPECT_EQ(e->status, task_status::expired);
  EXPECT_EQ(e->reason, end_reason::heartbeat);
}

TEST(status_event, of_a_new_attempt_says_nothing_of_the_last_ones_end) {
  auto d = started();
  d.must(interrupt_task{d->token()});
  const auto e = event_after(d, start_task{"node-2"});
  ASSERT_TRUE(e);
  EXPECT_EQ(e->attempt, 2u);
  EXPECT_EQ(e->reason, end_reason::none);
}

TEST(status_event, is_absent_where_the_status_stays) {
  auto d = submitted();
  EXPECT_FALSE(status_event_of(d.state, *d.state, record_of(task_queued{})));
}

TEST(status_event, of_an_order_carries_its_words) {
  order_driver d;
  order_spec spec;
  spec.product = "Laptop";
  spec.quantity = 3;
  spec.reference = "4711";
  d.must(submit_order{spec});
  const auto before = d.state;
  d.must(reject_order{"no stock"});
  const auto e =
      status_event_of(before, *d.state, {position_t{2}, test_id, start_of_test, order_event{}});
  ASSERT_TRUE(e);
  EXPECT_EQ(e->previous, order_status::created);
  EXPECT_EQ(e->status, order_status::rejected);
  EXPECT_EQ(e->reason, "no stock");
  EXPECT_EQ(e->reference, "4711");
  EXPECT_EQ(e->quantity, 3);
}

TEST(words, of_every_kind_read_back) {
  for (size_t i = 0; i < task_statuses; ++i) {
    const auto status = static_cast<task_status>(i);
    EXPECT_EQ(parse_task_status(to_string(status)), status);
  }
  for (auto reason = end_reason::none; reason <= end_reason::interrupted;
       reason = static_cast<end_reason>(static_cast<int>(reason) + 1))
    EXPECT_EQ(parse_end_reason(to_string(reason)), reason);
  EXPECT_EQ(parse_delivery_mode("at-most-once"), delivery_mode::at_most_once);
  EXPECT_EQ(parse_timeout_action("retry"), timeout_action::retry);
  EXPECT_EQ(parse_backoff_kind("linear"), backoff_kind::linear);
  EXPECT_EQ(parse_exhausted_action("pause"), exhausted_action::pause);
  EXPECT_FALSE(parse_end_reason("ended"));
}

}  // namespace orrery
