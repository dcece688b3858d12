/// Each misfire and overlap policy by name, on a node under virtual time: what became of fires while nobody
/// owned the shard, and while earlier work ran.

#include "domain/schedule_template.hpp"
#include "tests/actors/schedule_node.hpp"

#include <cstdlib>

namespace orrery::test {

class schedule_policies : public schedules {
protected:
  /// The owner is killed and nobody takes the shard for so long; then somebody does.
  void be_away(entity_id id, duration length) {
    commits.hold_acquisitions = true;
    kill_owner(id);
    advance(length, 1s);
    commits.hold_acquisitions = false;
    commits.acquire_held();
    advance(1500ms);
  }
  static schedule_spec each_10_seconds(overlap_policy overlap) {
    auto spec = every_second("work");
    spec.times.expressions = {"0/10 * * * * ?"};
    spec.overlap = overlap;
    return spec;
  }
  static schedule_spec each_10_seconds(misfire_policy misfire) {
    auto spec = every_second();
    spec.times.expressions = {"0/10 * * * * ?"};
    spec.misfire = misfire;
    return spec;
  }
  /// What runs, as its place among the fires of the schedule.
  std::vector<size_t> running(entity_id id) {
    std::vector<size_t> places;
    const auto fires = the(id).recent;
    for (size_t i = 0; i < fires.size(); ++i)
      for (const auto& job : work.running)
        if (job.item.task == fires[i].child)
          places.push_back(i);
    return places;
  }
  void end_first() {
    work.end(0, {.succeeded = true});
    settle();
  }
};

using places = std::vector<size_t>;

TEST_F(schedule_policies, misfire_once_now_makes_one_fire_of_all_that_were_missed) {
  const auto id = make(each_10_seconds(misfire_policy::once_now));
  advance(10s);
  be_away(id, 300s);
  const auto s = the(id);
  EXPECT_EQ(s.recent.size(), 2u);
  EXPECT_EQ(s.recent.back().kind, fire_kind::catch_up);
  EXPECT_EQ(s.counters.misfires_skipped, 29u);
  advance(10s);
  EXPECT_EQ(the(id).recent.back().kind, fire_kind::scheduled);
}

TEST_F(schedule_policies, misfire_skip_makes_up_for_nothing) {
  const auto id = make(each_10_seconds(misfire_policy::skip));
  advance(10s);
  be_away(id, 300s);
  EXPECT_EQ(fired(id).size(), 1u);
  EXPECT_EQ(the(id).counters.misfires_skipped, 30u);
  advance(10s);
  EXPECT_EQ(fired(id).size(), 2u);
}

TEST_F(schedule_policies, misfire_all_makes_up_for_each_in_order) {
  const auto id = make(each_10_seconds(misfire_policy::all));
  advance(10s);
  be_away(id, 300s);
  const auto times = fired(id);
  ASSERT_EQ(times.size(), 31u);
  for (size_t i = 1; i < times.size(); ++i)
    EXPECT_EQ(times[i] - times[i - 1], 10s);
  EXPECT_EQ(the(id).counters.misfires_skipped, 0u);
}

TEST_F(schedule_policies, the_catch_up_window_bounds_what_misfire_all_makes_up_for) {
  auto spec = each_10_seconds(misfire_policy::all);
  spec.catchup_window = 100s;
  const auto id = make(spec);
  advance(10s);
  be_away(id, 300s);
  EXPECT_EQ(the(id).counters.missed_catchup + fired(id).size(), 31u);
  EXPECT_NEAR(static_cast<double>(fired(id).size()), 11., 1.);
}

TEST_F(schedule_policies, overlap_skip_leaves_out_while_work_runs) {
  const auto id = make(each_10_seconds(overlap_policy::skip));
  advance(30s);
  EXPECT_EQ(running(id), places{0});
  EXPECT_EQ(the(id).counters.overlap_skipped, 2u);
  end_first();
  advance(10s);
  EXPECT_EQ(running(id), places{1});
}

TEST_F(schedule_policies, overlap_buffer_one_lets_one_wait) {
  const auto id = make(each_10_seconds(overlap_policy::buffer_one));
  advance(40s);
  EXPECT_EQ(running(id), places{0});
  EXPECT_EQ(the(id).waiting.size(), 1u);
  EXPECT_EQ(the(id).counters.overlap_skipped, 2u);
  end_first();
  EXPECT_EQ(running(id), places{1});
}

TEST_F(schedule_policies, overlap_buffer_all_lets_all_wait_also_over_a_takeover) {
  const auto id = make(each_10_seconds(overlap_policy::buffer_all));
  advance(40s);
  EXPECT_EQ(the(id).waiting.size(), 3u);
  kill_owner(id);
  advance(1s);
  EXPECT_EQ(the(id).waiting.size(), 3u);
  EXPECT_EQ(fired(id).size(), 1u);
}

TEST_F(schedule_policies, overlap_cancel_other_lets_the_newest_take_its_place) {
  const auto id = make(each_10_seconds(overlap_policy::cancel_other));
  advance(10s);
  ASSERT_EQ(running(id), places{0});
  advance(10s);
  EXPECT_EQ(running(id), places{1});
  EXPECT_EQ(the(id).recent.front().outcome, fire_outcome::cancelled);
}

TEST_F(schedule_policies, overlap_allow_lets_them_run_beside_each_other) {
  const auto id = make(each_10_seconds(overlap_policy::allow));
  advance(30s);
  EXPECT_EQ(running(id), (places{0, 1, 2}));
}

TEST_F(schedule_policies, a_pause_over_a_takeover_and_a_gap_of_owners_fires_nothing) {
  const auto id = make(each_10_seconds(misfire_policy::all));
  advance(10s);
  ask(id, schedule_command{pause_schedule{"maintenance"}});
  be_away(id, 300s);
  EXPECT_EQ(fired(id).size(), 1u);
  ask(id, schedule_command{resume_schedule{}});
  advance(10s);
  EXPECT_EQ(fired(id).size(), 2u);
  EXPECT_EQ(the(id).counters.misfires_skipped + the(id).counters.missed_catchup, 0u);
}

/// What a schedule of seconds did, looked at piece by piece and then dropped: a year of it does not fit into memory.
class schedule_year : public schedule_policies {
protected:
  void look(entity_id id) {
    const auto events = reader->journal(id.shard(), seen_, 10'000'000);
    ASSERT_TRUE(events);
    for (const auto& record : *events) {
      seen_ = position_t{record.position.value + 1};
      const auto* one = std::get_if<schedule_event>(&record.event);
      ASSERT_NE(one, nullptr);
      if (const auto* fire = std::get_if<schedule_fired>(one)) {
        if (fires_++ > 0) {
          ASSERT_EQ(fire->at - last_fire_, 1s) << "lost or doubled, fire " << fires_;
        }
        last_fire_ = fire->at;
      } else {
        ASSERT_FALSE(std::holds_alternative<schedule_skipped>(*one));
      }
    }
    for (const auto& event : topics.take_events(id.shard()))
      if (const auto* one = std::get_if<scheduled_message>(&event)) {
        // Once again is allowed, by the same id; a gap is not.
        if (last_message_ != never) {
          ASSERT_LE(one->fire_at - last_message_, 1s) << "a message is lost";
        }
        ASSERT_EQ(one->id, id_of_fire(the(id), one->fire_at, fire_kind::scheduled, 0));
        last_message_ = std::max(last_message_, one->fire_at);
      }
    const auto rows = reader->shards();
    for (const auto& row : *rows)
      if (row.shard == id.shard())
        truth.forget_events(row.shard, std::min(row.published, position_t{seen_.value - 1}));
  }

  position_t seen_{1};
  uint64_t fires_ = 0;
  time_point last_fire_ = never;
  time_point last_message_ = never;
};

/// Half a day (or `ORRERY_SCHEDULE_NODE_SECONDS`; a year is 31536000) of seconds on a whole node, whose owner dies every
/// few minutes in the middle of its commits: no fire is lost and none doubled, and each message is published.
TEST_F(schedule_year, of_seconds_on_a_node_loses_and_doubles_no_message) {
  const char* wanted = std::getenv("ORRERY_SCHEDULE_NODE_SECONDS");
  const int64_t length = wanted != nullptr ? std::strtoll(wanted, nullptr, 10) : 43'200;
  const auto id = make(publishing());
  const auto began = time.now();
  uint64_t random = 11;
  for (int64_t past = 0; past < length && !HasFatalFailure();) {
    random = random * 6364136223846793005u + 1442695040888963407u;
    const auto part = std::min<int64_t>(length - past, 180 + static_cast<int64_t>(random % 360));
    advance(1s * part, 1s);
    past += part;
    commits.drop_after = static_cast<int>(random >> 40) % 3;
    advance(2s, 500ms);
    commits.drop_after.reset();
    kill_owner(id);
    advance(2s, 500ms);
    past += 4;
    look(id);
  }
  EXPECT_EQ(last_fire_ - began, 1s * static_cast<int64_t>(fires_)) << "from the first second on";
  EXPECT_GE(fires_, static_cast<uint64_t>(length - 1));
  EXPECT_EQ(last_message_, last_fire_);
}

}  // namespace orrery::test
