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

}  // namespace orrery
