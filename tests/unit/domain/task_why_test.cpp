/// The one thing that holds a task.

#include "domain/task_why.hpp"
#include "tests/unit/domain/driver.hpp"

namespace orrery {

namespace {

using namespace test;

lane_view open_lane() {
  lane_view lane;
  lane.node = "node1";
  lane.limit_of_kind = lane.limit_of_queue = 10;
  return lane;
}

}  // namespace

TEST(task_why, names_delay_back_off_pause_and_end) {
  auto spec = simple_task();
  spec.run_at = start_of_test + 1h;
  auto d = submitted(spec);
  EXPECT_EQ(why_waiting(*d, {}).code, "delay");
  EXPECT_EQ(why_waiting(*d, {}).until, start_of_test + 1h);
  d.must(pause_task{"look first"});
  EXPECT_EQ(why_waiting(*d, {}).code, "paused");
  EXPECT_NE(why_waiting(*d, {}).text.find("look first"), std::string::npos);
  d.wait(2h).must(resume_task{}).must(start_task{"n"});
  EXPECT_EQ(why_waiting(*d, {}).code, "none");
  d.must(fail_task{d->token(), "no", ""});
  EXPECT_EQ(why_waiting(*d, {}).code, "retry");
  EXPECT_EQ(why_waiting(*d, {}).until, d->next_at);
  d.must(cancel_task{});
  EXPECT_EQ(why_waiting(*d, {}).code, "none");
}

TEST(task_why, names_what_the_queue_lacks) {
  const auto d = submitted();
  EXPECT_EQ(why_waiting(*d, {}).code, "shard-moving");
  auto lane = open_lane();
  EXPECT_EQ(why_waiting(*d, lane).code, "turn");
  lane.used_by_queue = 10;
  EXPECT_EQ(why_waiting(*d, lane).code, "slots-of-queue");
  lane.used_by_kind = 10;
  EXPECT_EQ(why_waiting(*d, lane).code, "slots-of-kind");
  EXPECT_NE(why_waiting(*d, lane).text.find("10 of 10"), std::string::npos);
  lane.known_kind = false;
  EXPECT_EQ(why_waiting(*d, lane).code, "unknown-kind");
}

TEST(task_why, names_pause_limits_and_rates_before_slots) {
  const auto d = submitted();
  auto lane = open_lane();
  lane.used_by_kind = 10;
  lane.rate = 2.5;
  lane.rate_until = start_of_test + 300ms;
  EXPECT_EQ(why_waiting(*d, lane).code, "rate-of-queue");
  EXPECT_EQ(why_waiting(*d, lane).until, start_of_test + 300ms);
  EXPECT_EQ(why_waiting(*d, lane).text.substr(0, 4), "2.5 ");
  lane.rate_of_key = true;
  EXPECT_EQ(why_waiting(*d, lane).code, "rate-of-key");
  lane.key_limit = lane.key_running = 3;
  EXPECT_EQ(why_waiting(*d, lane).code, "limit-of-key");
  EXPECT_EQ(holders_of(why_waiting(*d, lane)), held_by::key);
  lane.rule_limit = 4;
  lane.rule_reached = true;
  EXPECT_EQ(why_waiting(*d, lane).code, "limit-of-queue");
  EXPECT_EQ(holders_of(why_waiting(*d, lane)), held_by::queue);
  lane.pause = "queue default is paused: the mail server moves";
  EXPECT_EQ(why_waiting(*d, lane).code, "rule-pause");
  EXPECT_EQ(why_waiting(*d, lane).text, lane.pause);
  EXPECT_EQ(holders_of(why_waiting(*d, lane)), held_by::nobody);
}

TEST(task_why, names_the_worker_that_is_missing) {
  const auto d = submitted();
  auto lane = open_lane();
  lane.external = true;
  EXPECT_EQ(why_waiting(*d, lane).code, "no-worker");
  lane.missing_labels = {"gpu", "eu"};
  EXPECT_EQ(why_waiting(*d, lane).code, "no-label");
  EXPECT_NE(why_waiting(*d, lane).text.find("gpu, eu"), std::string::npos);
  lane.worker_asks = true;
  EXPECT_EQ(why_waiting(*d, lane).code, "turn");
}

}  // namespace orrery
