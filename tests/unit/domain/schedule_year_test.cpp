/// A schedule of seconds over a long time. The whole year is `ORRERY_SCHEDULE_SECONDS=31536000`.

#include "domain/schedule.hpp"
#include "tests/unit/domain/schedule_driver.hpp"

#include <cstdlib>

namespace orrery {
namespace {

using test::every_second;
using test::schedule_driver;

/// A year of seconds, with owners that crash before and after their commits, clocks that are set back and
/// forth, and ends that are told twice: every fire time is fired once.
TEST(a_year_of_seconds, loses_and_doubles_nothing) {
  auto spec = every_second();
  spec.misfire = misfire_policy::all;
  spec.overlap = overlap_policy::allow;
  const auto times = schedule_driver::times_of(spec);
  const auto id = id_of_schedule(spec.name, 16);
  const char* wanted = std::getenv("ORRERY_SCHEDULE_SECONDS");
  const int64_t length = wanted != nullptr ? std::strtoll(wanted, nullptr, 10) : 200'000;
  uint64_t random = 42;
  const auto dice = [&](uint64_t sides) {
    random ^= random << 13;
    random ^= random >> 7;
    random ^= random << 17;
    return random % sides;
  };
  std::optional<schedule> committed;
  auto clock = schedule_driver::noon;
  const auto created = decide({}, submit_schedule{spec, times}, clock);
  for (const auto& event : created->events)
    evolve(committed, id, event, clock);
  auto expected = clock;
  uint64_t crashes = 0;
  std::vector<entity_id> under_way;
  const auto last = schedule_driver::noon + 1s * length;
  while (expected < last) {
    clock += 1ms * static_cast<int64_t>(dice(3000));
    if (dice(500) == 0)
      clock -= 1s * static_cast<int64_t>(dice(30));
    if (dice(5000) == 0)
      clock += 1s * static_cast<int64_t>(dice(3600));  // away, or set forward
    clock = std::min(clock, last);
    const bool ends = (dice(3) == 0 || under_way.size() > 500) && !under_way.empty();
    schedule_command wish = wake_schedule{times};
    if (ends) {
      schedule_children_ended news{{}, times};
      for (const auto child : under_way)
        news.ends.push_back({child, 1, child_outcome::succeeded, true, {}, {}, {}});
      wish = std::move(news);
    }
    const auto decided = decide(committed, wish, clock);
    ASSERT_TRUE(decided);
    if (dice(50) == 0) {
      ++crashes;  // before the commit: nothing of it is there
      continue;
    }
    for (const auto& event : decided->events) {
      evolve(committed, id, event, clock);
      if (const auto* fired = std::get_if<schedule_fired>(&event)) {
        expected += 1s;
        ASSERT_EQ(fired->at, expected) << "neither lost nor doubled";
      }
      ASSERT_FALSE(std::holds_alternative<schedule_skipped>(event));
    }
    if (ends && dice(10) != 0)
      under_way.clear();  // else told twice
    for (const auto& start : decided->starts)
      under_way.push_back(start.id);
  }
  EXPECT_EQ(committed->counters.fired, static_cast<uint64_t>(length));
  EXPECT_GT(crashes, 10u);
}

}  // namespace
}  // namespace orrery
