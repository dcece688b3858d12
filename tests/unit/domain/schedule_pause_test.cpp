/// What is due when somebody pauses, changes or triggers a schedule that lags behind: after its shard moved, or in
/// a storm of what was missed.

#include "domain/limits.hpp"
#include "domain/schedule.hpp"
#include "tests/unit/domain/schedule_driver.hpp"

#include <algorithm>
#include <map>

namespace orrery {
namespace {

using test::every_second;
using test::schedule_driver;
using seconds = std::vector<int64_t>;

schedule_spec lagging(overlap_policy overlap = overlap_policy::allow,
                      misfire_policy misfire = misfire_policy::all) {
  auto spec = every_second();
  spec.overlap = overlap;
  spec.misfire = misfire;
  return spec;
}

seconds from_to(int64_t first, int64_t last) {
  seconds list;
  for (auto n = first; n <= last; ++n)
    list.push_back(n);
  return list;
}

TEST(a_late_pause, makes_what_was_due_before_it) {
  schedule_driver d(lagging());
  d.advance(2s);
  d.now += 3s;  // nobody owned the shard
  d.must(pause_schedule{"maintenance", d.times});
  EXPECT_EQ(d.fired(), from_to(1, 5));
  EXPECT_EQ(d.now_is().status, schedule_status::paused);
  d.advance(10s);
  EXPECT_EQ(d.fired(), from_to(1, 5));
}

TEST(a_late_pause, follows_the_policies_of_what_was_missed) {
  for (const auto misfire : {misfire_policy::once_now, misfire_policy::skip}) {
    schedule_driver d(lagging(overlap_policy::allow, misfire));
    d.now += 300s;
    d.must(pause_schedule{"", d.times});
    EXPECT_EQ(d.fired(), misfire == misfire_policy::skip ? seconds{} : seconds{300});
    EXPECT_EQ(d.now_is().counters.misfires_skipped + d.fired().size(), 300u);
  }
  schedule_driver d(lagging(overlap_policy::buffer_all));
  d.now += 3s;
  d.must(pause_schedule{"", d.times});
  EXPECT_EQ(d.fired(), seconds{1});
  EXPECT_EQ(d.now_is().waiting.size(), 2u) << "they wait over the pause";
}

TEST(a_pause_in_a_storm_of_fires, holds_at_once_and_the_rest_is_made_after_the_resume) {
  schedule_driver d(lagging());
  d.now += 550s;
  d.must(pause_schedule{"stop!", d.times});
  EXPECT_EQ(d.fired().size(), 100u) << "no more than one decision";
  d.advance(100s);
  EXPECT_EQ(d.fired().size(), 100u);
  d.must(resume_schedule{"", d.times});
  d.must(pause_schedule{"again"});
  d.advance(50s);
  d.must(resume_schedule{"", d.times});
  d.advance(3s);
  auto expected = from_to(1, 550);
  for (const auto late : from_to(701, 703))
    expected.push_back(late);
  EXPECT_EQ(d.fired(), expected) << "all of before, nothing of both pauses";
  EXPECT_TRUE(d.now_is().pauses.empty());
}

TEST(a_pause_without_times, keeps_what_was_due_for_the_resume) {
  schedule_driver d(lagging());
  d.now += 3s;
  d.must(pause_schedule{"its zone is gone"});
  d.advance(5s);
  d.must(resume_schedule{"", d.times});
  EXPECT_EQ(d.fired(), from_to(1, 3));
  d.advance(1s);
  EXPECT_EQ(d.fired(), (seconds{1, 2, 3, 9}));
}

TEST(a_pause_while_jitter_is_waited_for, loses_no_fire_that_falls_due_after_it) {
  auto spec = lagging();
  spec.times.expressions = {"0 0 * * * ?"};
  spec.jitter = 59min;
  schedule_driver d(spec);
  for (int hour = 0; hour < 20; ++hour) {
    const auto due = d.now_is().due_at();
    d.now = d.now_is().next_at + 1ms;  // its time has come, its jitter is not over
    if (due < d.now + 2ms)
      continue;
    d.must(pause_schedule{"", d.times});
    d.now += 1ms;
    d.must(resume_schedule{"", d.times});
    d.now = due;
    d.wake();
  }
  const auto fired = d.fired();
  EXPECT_GE(fired.size(), 15u);
  for (size_t i = 1; i < fired.size(); ++i)
    EXPECT_EQ(fired[i] - fired[i - 1], 3600);
}

TEST(a_pause_on_failure, keeps_what_was_due_before_the_failure_was_known) {
  auto spec = lagging();
  spec.pause_on_failure = true;
  schedule_driver d(spec);
  d.advance(1s);
  d.now += 2s;
  d.must(schedule_children_ended{{{d.started[0].id, 1, child_outcome::failed, true, {}, {}, {}}},
                                 d.times});
  EXPECT_EQ(d.now_is().status, schedule_status::paused);
  d.advance(7s);
  EXPECT_EQ(d.fired(), seconds{1});
  d.must(resume_schedule{"looked at it", d.times});
  d.advance(1s);
  EXPECT_EQ(d.fired(), (seconds{1, 2, 3, 11}));
}

TEST(a_late_update, makes_what_was_due_by_the_former_definition) {
  schedule_driver d(lagging());
  d.now += 3s;
  auto changed = lagging();
  changed.times.expressions = {"0/5 * * * * ?"};
  changed.task.payload = R"({"new":true})";
  auto times = schedule_driver::times_of(changed);
  d.must(update_schedule{changed, 0, times, d.times});
  d.times = times;
  EXPECT_EQ(d.fired(), from_to(1, 3));
  EXPECT_EQ(std::get<shared_value<task_spec>>(d.started.back().spec)->payload, "");
  d.advance(7s);
  EXPECT_EQ(d.fired(), (seconds{1, 2, 3, 5, 10}));
}

TEST(a_late_update, counts_what_of_the_former_times_it_gives_up) {
  schedule_driver d(lagging());
  d.now += 550s;
  auto changed = lagging();
  changed.times.expressions = {"0 * * * * ?"};
  d.must(update_schedule{changed, 0, schedule_driver::times_of(changed), d.times});
  EXPECT_EQ(d.fired().size(), 100u);
  EXPECT_EQ(d.now_is().counters.misfires_skipped, 450u);
}

TEST(a_late_update, of_a_schedule_whose_zone_is_gone_is_made_all_the_same) {
  schedule_driver d(lagging());
  auto changed = lagging();
  changed.times.expressions = {"0 * * * * ?"};
  d.must(update_schedule{changed, 0, schedule_driver::times_of(changed), nullptr});
  EXPECT_EQ(d.now_is().definition, 2u);
}

TEST(a_late_trigger, comes_after_what_was_due) {
  schedule_driver d(lagging(overlap_policy::skip));
  d.now += 1s;
  d.must(trigger_schedule{{}, d.times});
  EXPECT_EQ(d.fired(), seconds{1});
  EXPECT_EQ(d.now_is().counters.overlap_skipped, 1u) << "the trigger gives way, not the fire";
}

TEST(a_trigger_that_waits, begins_while_paused_and_after_the_end_of_all_times) {
  schedule_driver d(lagging(overlap_policy::buffer_all));
  d.advance(2s);
  d.must(pause_schedule{"", d.times});
  d.must(trigger_schedule{{}, d.times});
  EXPECT_EQ(d.now_is().waiting.size(), 2u);
  d.end(d.started[0].id);
  EXPECT_EQ(d.kinds().back(), fire_kind::triggered);
  EXPECT_EQ(d.now_is().waiting.size(), 1u) << "what was scheduled waits for the resume";
}

TEST(a_trigger_that_cancels_the_other, replaces_what_waits) {
  schedule_driver d(lagging(overlap_policy::buffer_all));
  d.advance(3s);
  ASSERT_EQ(d.now_is().waiting.size(), 2u);
  d.must(trigger_schedule{overlap_policy::cancel_other, d.times});
  EXPECT_EQ(d.now_is().waiting.size(), 1u);
  EXPECT_EQ(d.now_is().counters.overlap_skipped, 2u);
  EXPECT_EQ(d.cancelled, std::vector{d.started[0].id});
}

TEST(a_backfill_beside_each_other, waits_for_room_and_leaves_nothing_out) {
  schedule_driver d(lagging());
  d.must(pause_schedule{"", d.times});
  const auto count = static_cast<int64_t>(limits::schedule_running) + 50;
  const auto from = schedule_driver::noon - 1s * count;
  d.must(backfill_schedule{from, from + 1s * (count - 1), overlap_policy::allow, d.times});
  d.wake();
  EXPECT_EQ(d.started.size(), limits::schedule_running);
  for (const auto& one : std::vector(d.started))
    d.end(one.id);
  EXPECT_EQ(d.started.size(), static_cast<size_t>(count));
  EXPECT_EQ(d.now_is().counters.overlap_skipped, 0u);
  EXPECT_TRUE(d.now_is().backfills.empty());
}

TEST(a_backfill, lines_up_also_beside_fires_that_a_pause_holds) {
  schedule_driver d(lagging(overlap_policy::buffer_all));
  d.advance(3s);
  d.must(pause_schedule{"", d.times});
  d.end(d.started[0].id);
  ASSERT_EQ(d.now_is().waiting.size(), 2u);
  d.must(backfill_schedule{schedule_driver::noon - 2s, schedule_driver::noon - 1s, {}, d.times});
  d.end(d.started.back().id);
  EXPECT_EQ(d.fired(), (seconds{1, -2, -1}));
}

TEST(a_backfill, of_times_to_come_is_refused) {
  schedule_driver d(lagging());
  const auto told = d.tell(backfill_schedule{d.now, d.now + 1s, {}, d.times});
  EXPECT_EQ(told.error().field, "to");
}

/// Pauses, triggers, backfills, crashes and steps of the clock in any order: each fire time is made once, except those
/// that fell due in a pause.
TEST(a_schedule_under_random_commands, loses_and_doubles_no_fire) {
  for (uint64_t seed = 1; seed <= 40; ++seed) {
    uint64_t random = seed * 0x9e3779b97f4a7c15u;
    const auto dice = [&](uint64_t sides) {
      random ^= random << 13;
      random ^= random >> 7;
      random ^= random << 17;
      return random % sides;
    };
    auto spec = lagging();
    spec.jitter = dice(2) == 0 ? 0s : 5s;
    schedule_driver d(spec);
    std::vector<pause_span> pauses;
    const auto pause = [&](std::string note, shared_times times) {
      d.must(pause_schedule{std::move(note), std::move(times)});
      pauses.push_back({d.now, never});
    };
    const auto resume = [&] {
      d.must(resume_schedule{"", d.times});
      pauses.back().to = std::max(pauses.back().from, d.now);
    };
    auto latest = d.now;
    for (int step = 0; step < 400; ++step) {
      d.now += 1ms * static_cast<int64_t>(dice(4000));
      if (dice(40) == 0)
        d.now -= 1s * static_cast<int64_t>(dice(20));
      if (dice(60) == 0)
        d.now += 1s * static_cast<int64_t>(dice(400));
      latest = std::max(latest, d.now);
      const bool paused = d.now_is().status == schedule_status::paused;
      switch (dice(8)) {
        case 0: paused ? resume() : pause("", dice(3) == 0 ? nullptr : d.times); break;
        case 1: d.must(trigger_schedule{overlap_policy::allow, d.times}); break;
        case 2:
          (void)d.tell(backfill_schedule{d.now - 30s, d.now - 20s, overlap_policy::allow, d.times});
          break;
        case 3: (void)decide(d.state, wake_schedule{d.times}, d.now); break;  // and dies
        default: d.wake();
      }
      for (const auto& fire : std::vector(d.now_is().recent))
        if (fire.outcome == fire_outcome::running)
          d.must(schedule_children_ended{
              {{fire.child, 1, child_outcome::succeeded, true, {}, {}, {}}}, d.times});
    }
    d.now = latest;
    if (d.now_is().status == schedule_status::paused)
      resume();
    d.wake();
    std::map<int64_t, int> made;
    for (const auto& event : d.events)
      if (const auto* e = std::get_if<schedule_fired>(&event);
          e != nullptr && (e->kind == fire_kind::scheduled || e->kind == fire_kind::catch_up))
        ++made[(e->at - schedule_driver::noon) / 1s];
    EXPECT_EQ(d.now_is().counters.overlap_skipped, 0u);
    for (auto at = schedule_driver::noon + 1s; with_jitter(spec, d.id, at) <= d.now; at += 1s) {
      const auto due = with_jitter(spec, d.id, at);
      const bool held = std::any_of(pauses.begin(), pauses.end(), [&](const pause_span& one) {
        return due > one.from && due <= one.to;
      });
      const auto n = (at - schedule_driver::noon) / 1s;
      const auto found = made.find(n);
      const int times = found == made.end() ? 0 : found->second;
      // With clocks that go back, a fire may have been made before the pause in which it seems to be due.
      EXPECT_LE(times, 1) << "doubled: " << n << " seed " << seed;
      EXPECT_GE(times, held ? 0 : 1) << "lost: " << n << " seed " << seed;
    }
  }
}

}  // namespace
}  // namespace orrery
