#include "domain/schedule.hpp"

#include "domain/limits.hpp"
#include "tests/unit/domain/schedule_driver.hpp"

namespace orrery {
namespace {

using test::every_second;
using test::schedule_driver;
using seconds = std::vector<int64_t>;

schedule_spec with(overlap_policy overlap) {
  auto spec = every_second();
  spec.overlap = overlap;
  return spec;
}
schedule_spec with(misfire_policy misfire, overlap_policy overlap = overlap_policy::allow) {
  auto spec = with(overlap);
  spec.misfire = misfire;
  return spec;
}

TEST(schedule_fires, each_time_once_and_starts_a_child_of_its_own_for_each) {
  schedule_driver d(with(overlap_policy::allow));
  for (int i = 0; i < 5; ++i)
    d.advance(1s);
  EXPECT_EQ(d.fired(), (seconds{1, 2, 3, 4, 5}));
  EXPECT_EQ(d.started_ids.size(), 5u);
  EXPECT_EQ(d.now_is().counters.fired, 5u);
  EXPECT_EQ(std::get<shared_value<task_spec>>(d.started[0].spec)->parent, d.id);
}

TEST(schedule_fires, are_made_again_with_the_same_child_after_a_crash_before_the_commit) {
  schedule_driver d(with(overlap_policy::allow));
  d.now += 1s;
  const auto once = decide(d.state, wake_schedule{d.times}, d.now);
  const auto again = decide(d.state, wake_schedule{d.times}, d.now + 5ms);  // by the next owner
  ASSERT_EQ(once->starts.size(), 1u);
  EXPECT_EQ(once->starts[0].id, again->starts[0].id);
}

TEST(schedule_fires, do_not_come_again_when_the_clock_is_set_back) {
  schedule_driver d(with(overlap_policy::allow));
  d.advance(3s);
  d.now -= 10s;
  d.wake();
  EXPECT_EQ(d.fired(), (seconds{1, 2, 3}));
  d.must(pause_schedule{"and a resume looks at the clock"});
  d.must(resume_schedule{"", d.times});
  d.advance(9s);
  EXPECT_EQ(d.fired(), (seconds{1, 2, 3}));
  d.advance(2s);
  EXPECT_EQ(d.fired(), (seconds{1, 2, 3, 4}));
}

TEST(schedule_fires, are_misfires_when_the_clock_is_set_far_forward) {
  schedule_driver d(with(misfire_policy::once_now));
  d.advance(3600s);
  EXPECT_EQ(d.fired(), (seconds{3600}));
  EXPECT_EQ(d.now_is().counters.misfires_skipped, 3599u);
}

TEST(misfire_once_now, collapses_what_was_missed_into_one_fire) {
  schedule_driver d(with(misfire_policy::once_now));
  d.advance(60s + 500ms);
  EXPECT_EQ(d.fired().size(), 60u) << "a minute late is not yet a misfire";
  d.advance(100s);
  EXPECT_EQ(d.fired().size(), 61u);
  EXPECT_EQ(d.kinds().back(), fire_kind::catch_up);
  EXPECT_EQ(d.now_is().counters.misfires_skipped, 99u);
  d.advance(1s);
  EXPECT_EQ(d.fired().back(), 161);
}

TEST(misfire_skip, makes_nothing_up_and_goes_on_with_the_next_time) {
  schedule_driver d(with(misfire_policy::skip));
  d.advance(100s);
  EXPECT_EQ(d.fired(), seconds{});
  EXPECT_EQ(d.now_is().counters.misfires_skipped, 100u);
  d.advance(1s);
  EXPECT_EQ(d.fired(), (seconds{101}));
}

TEST(misfire_all, makes_up_for_every_fire_in_order) {
  schedule_driver d(with(misfire_policy::all));
  d.advance(500s);
  ASSERT_EQ(d.fired().size(), 500u);
  for (int64_t i = 0; i < 500; ++i)
    EXPECT_EQ(d.fired()[static_cast<size_t>(i)], i + 1);
  EXPECT_EQ(d.kinds()[0], fire_kind::catch_up);
  EXPECT_EQ(d.kinds()[499], fire_kind::scheduled);
}

TEST(catchup_window, bounds_what_is_made_up_for) {
  auto spec = with(misfire_policy::all);
  spec.catchup_window = 10s;
  schedule_driver d(spec);
  d.advance(100s);
  EXPECT_EQ(d.fired(), (seconds{90, 91, 92, 93, 94, 95, 96, 97, 98, 99, 100}));
  EXPECT_EQ(d.now_is().counters.missed_catchup, 89u);
}

TEST(misfires, of_a_whole_year_of_seconds_are_counted_in_bounded_steps) {
  auto spec = with(misfire_policy::once_now);
  spec.catchup_window = 24h;
  schedule_driver d(spec);
  d.advance(24h * 3);
  EXPECT_EQ(d.fired(), (seconds{3 * 86400}));
  EXPECT_EQ(d.now_is().counters.missed_catchup, 2u * 86400 - 1);
  EXPECT_EQ(d.now_is().counters.misfires_skipped, 86400u);
  EXPECT_GT(d.events.size(), 10u) << "no decision looks at more than 20,000 times";
}

TEST(overlap_skip, leaves_out_while_something_runs) {
  schedule_driver d(with(overlap_policy::skip));
  d.advance(3s);
  EXPECT_EQ(d.fired(), (seconds{1}));
  EXPECT_EQ(d.now_is().counters.overlap_skipped, 2u);
  d.end(d.started[0].id);
  d.advance(1s);
  EXPECT_EQ(d.fired(), (seconds{1, 4}));
}

TEST(overlap_buffer_one, keeps_one_and_starts_it_at_the_end) {
  schedule_driver d(with(overlap_policy::buffer_one));
  d.advance(4s);
  EXPECT_EQ(d.fired(), (seconds{1}));
  EXPECT_EQ(d.now_is().counters.overlap_skipped, 2u);
  d.end(d.started[0].id);
  EXPECT_EQ(d.fired(), (seconds{1, 2}));
}

TEST(overlap_buffer_all, keeps_all_up_to_its_limit_and_starts_one_after_the_other) {
  schedule_driver d(with(misfire_policy::all, overlap_policy::buffer_all));
  d.advance(1s * (static_cast<int64_t>(limits::schedule_buffer) + 11));
  EXPECT_EQ(d.fired(), (seconds{1}));
  EXPECT_EQ(d.now_is().waiting.size(), limits::schedule_buffer);
  EXPECT_EQ(d.now_is().counters.buffer_dropped, 10u);
  d.end(d.started.back().id);
  d.end(d.started.back().id);
  EXPECT_EQ(d.fired(), (seconds{1, 2, 3}));
}

TEST(overlap_cancel_other, cancels_what_runs_and_then_starts_the_newest) {
  schedule_driver d(with(overlap_policy::cancel_other));
  d.advance(1s);
  d.advance(1s);
  EXPECT_EQ(d.cancelled, std::vector{d.started[0].id});
  EXPECT_EQ(d.now_is().watches().at(0).wish.has_value(), true) << "told again after a crash";
  d.advance(1s);
  EXPECT_EQ(d.fired(), (seconds{1})) << "waits for the end";
  d.end(d.started[0].id, child_outcome::cancelled);
  EXPECT_EQ(d.fired(), (seconds{1, 3}));
  EXPECT_EQ(d.now_is().counters.overlap_skipped, 1u);
}

TEST(overlap_allow, starts_beside_each_other_up_to_a_limit) {
  schedule_driver d(with(misfire_policy::all, overlap_policy::allow));
  d.advance(1s * (static_cast<int64_t>(limits::schedule_running) + 5));
  EXPECT_EQ(d.fired().size(), limits::schedule_running);
  EXPECT_EQ(d.now_is().counters.overlap_skipped, 5u);
}

TEST(pause, holds_fires_and_a_resume_does_not_make_up_for_them) {
  schedule_driver d(with(misfire_policy::all));
  d.advance(2s);
  d.must(pause_schedule{"maintenance"});
  EXPECT_EQ(d.now_is().note, "maintenance");
  d.advance(100s);
  d.must(resume_schedule{"done", d.times});
  d.advance(2s);
  EXPECT_EQ(d.fired(), (seconds{1, 2, 103, 104}));
  EXPECT_EQ(d.now_is().counters.missed_catchup, 0u);
}

TEST(pause, across_a_gap_of_the_clocks_does_not_fire_for_the_gap) {
  schedule_spec spec = every_second();
  spec.times.expressions = {"0 30 2 * * ?"};
  zone_rules warsaw;
  warsaw.first_offset = 3600;
  warsaw.changes = {{1774746000, 7200}};
  const auto zone = std::make_shared<const zone_rules>(warsaw);
  schedule_driver d(spec);
  d.state.reset();
  d.now = from_micros(1774652400'000'000);  // 2026-03-28T00:00 in Warsaw
  d.times = std::make_shared<const fire_times>(
      *fire_times::make(spec.times, [&](std::string_view) { return result<shared_zone>(zone); }));
  d.must(submit_schedule{spec, d.times});
  d.advance(24h);
  ASSERT_EQ(d.fired().size(), 1u);
  d.must(pause_schedule{});
  d.advance(12h);  // over the gap
  d.must(resume_schedule{"", d.times});
  d.advance(12h);
  EXPECT_EQ(d.fired().size(), 1u);
  EXPECT_EQ(d.now_is().next_at, from_micros(1774830600'000'000)) << "02:30 on the day after";
}

TEST(pause_on_failure, pauses_with_a_note_and_lets_what_waits_wait) {
  auto spec = with(overlap_policy::buffer_all);
  spec.pause_on_failure = true;
  schedule_driver d(spec);
  d.advance(2s);
  d.end(d.started[0].id, child_outcome::failed);
  EXPECT_EQ(d.now_is().status, schedule_status::paused);
  EXPECT_NE(d.now_is().note.find(to_string(d.started[0].id)), std::string::npos);
  EXPECT_EQ(d.fired(), (seconds{1}));
  d.must(resume_schedule{"looked at it", d.times});
  EXPECT_EQ(d.fired(), (seconds{1, 2}));
}

TEST(limit, ends_the_schedule_when_all_it_started_has_ended) {
  auto spec = with(overlap_policy::allow);
  spec.limit = 3;
  schedule_driver d(spec);
  for (int i = 0; i < 10; ++i)
    d.advance(1s);
  EXPECT_EQ(d.fired(), (seconds{1, 2, 3}));
  EXPECT_EQ(d.now_is().status, schedule_status::active);
  for (const auto& child : std::vector(d.started))
    d.end(child.id);
  EXPECT_EQ(d.now_is().status, schedule_status::completed);
}

TEST(limit, counts_what_waits) {
  auto spec = with(overlap_policy::buffer_all);
  spec.limit = 3;
  schedule_driver d(spec);
  d.advance(10s);
  for (size_t i = 0; i < 3; ++i)
    d.end(d.started.at(i).id);
  EXPECT_EQ(d.fired(), (seconds{1, 2, 3}));
  EXPECT_EQ(d.now_is().status, schedule_status::completed);
}

TEST(end, completes_the_schedule_behind_its_last_time) {
  auto spec = with(overlap_policy::allow);
  spec.times.end = schedule_driver::noon + 2s;
  schedule_driver d(spec);
  d.advance(5s);
  EXPECT_EQ(d.fired(), (seconds{1, 2}));
  d.end(d.started[0].id);
  d.end(d.started[1].id);
  EXPECT_EQ(d.now_is().status, schedule_status::completed);
}

TEST(trigger, fires_now_beside_the_plan_also_while_paused) {
  schedule_driver d(with(overlap_policy::skip));
  d.must(pause_schedule{});
  d.must(trigger_schedule{{}, d.times});
  d.must(trigger_schedule{{}, d.times});
  EXPECT_EQ(d.started.size(), 1u);
  EXPECT_EQ(d.now_is().counters.overlap_skipped, 1u);
  d.must(trigger_schedule{overlap_policy::allow, d.times});
  EXPECT_EQ(d.started.size(), 2u);
  EXPECT_EQ(d.now_is().counters.triggered, 2u);
  EXPECT_EQ(d.now_is().counters.fired, 0u);
}

TEST(backfill, fires_each_time_of_a_range_from_its_start_one_after_the_other) {
  schedule_driver d(with(overlap_policy::skip));
  d.must(pause_schedule{});
  const auto from = schedule_driver::noon - 100s;
  d.must(backfill_schedule{from, from + 2s, {}, d.times});
  EXPECT_EQ(d.fired(), (seconds{-100}));
  d.end(d.started[0].id);
  d.end(d.started[1].id);
  d.end(d.started[2].id);
  EXPECT_EQ(d.fired(), (seconds{-100, -99, -98}));
  EXPECT_TRUE(d.now_is().backfills.empty());
}

TEST(backfill, beside_each_other_goes_on_in_bounded_steps) {
  schedule_driver d(with(overlap_policy::skip));
  d.must(pause_schedule{});
  const auto from = schedule_driver::noon - 1000s;
  d.must(backfill_schedule{from, from + 349s, overlap_policy::allow, d.times});
  EXPECT_EQ(d.started.size(), 100u);
  d.wake();
  EXPECT_EQ(d.started.size(), 350u);
  EXPECT_EQ(d.tell(backfill_schedule{from, from - 1s, {}, d.times}).error().field, "to");
}

TEST(jitter, is_the_same_each_time_and_within_its_bound) {
  auto spec = with(overlap_policy::allow);
  spec.times.expressions = {"0 * * * * ?"};
  spec.jitter = 30s;
  schedule_driver d(spec);
  std::set<duration> lates;
  for (int i = 0; i < 50; ++i) {
    const auto due = d.now_is().due_at();
    const auto late = due - d.now_is().next_at;
    EXPECT_GE(late, duration{});
    EXPECT_LE(late, 30s);
    EXPECT_EQ(due, with_jitter(spec, d.id, d.now_is().next_at));
    lates.insert(late);
    d.advance(due - d.now - 1ms);
    const auto before = d.started.size();
    d.advance(1ms);
    EXPECT_EQ(d.started.size(), before + 1);
  }
  EXPECT_GT(lates.size(), 40u);
}

TEST(update, needs_the_definition_that_was_seen) {
  schedule_driver d(with(overlap_policy::skip));
  auto changed = every_second();
  changed.description = "other";
  EXPECT_EQ(d.tell(update_schedule{changed, 7, d.times}).error().code, errc::conflict);
  d.must(update_schedule{changed, 1, d.times});
  EXPECT_EQ(d.now_is().definition, 2u);
  EXPECT_EQ(d.tell(update_schedule{every_second(), 1, d.times}).error().code, errc::conflict);
}

TEST(create, is_idempotent_and_refuses_another_definition_of_the_name) {
  schedule_driver d(every_second());
  const auto version = d.now_is().version;
  d.must(submit_schedule{every_second(), d.times});
  EXPECT_EQ(d.now_is().version, version);
  auto other = every_second();
  other.limit = 1;
  EXPECT_EQ(d.tell(submit_schedule{other, d.times}).error().code, errc::conflict);
  d.must(delete_schedule{});
  d.advance(10s);
  EXPECT_EQ(d.fired(), seconds{});
  EXPECT_EQ(d.tell(trigger_schedule{{}, d.times}).error().code, errc::rejected);
  d.must(submit_schedule{other, d.times});
  EXPECT_EQ(d.now_is().status, schedule_status::active);
}

TEST(create, refuses_what_never_fires_and_names_what_is_wrong) {
  const auto refusal = [](auto change) {
    auto spec = every_second();
    change(spec);
    const auto times = schedule_driver::times_of(spec);
    auto told = decide({}, submit_schedule{spec, times}, schedule_driver::noon);
    EXPECT_FALSE(told);
    return told ? std::string() : told.error().field;
  };
  EXPECT_EQ(refusal([](auto& s) { s.times.except = {"daily:00:00-24:00"}; }), "expressions");
  EXPECT_EQ(refusal([](auto& s) { s.name = ""; }), "name");
  EXPECT_EQ(refusal([](auto& s) { s.name = "a b"; }), "name");
  EXPECT_EQ(refusal([](auto& s) { s.catchup_window = 1s; }), "catchupWindow");
  EXPECT_EQ(refusal([](auto& s) { s.jitter = 25h; }), "jitter");
  EXPECT_EQ(refusal([](auto& s) { s.task.kind = ""; }), "task.kind");
  EXPECT_EQ(refusal([](auto& s) { s.task.payload = R"({"a":"{{nothing}}"})"; }), "task.payload");
  EXPECT_EQ(refusal([](auto& s) {
              s.action = schedule_action::message;
              s.message = {"no topic", "", "1"};
            }),
            "message.topic");
}

TEST(templates, are_filled_with_the_values_of_the_fire) {
  auto spec = with(overlap_policy::allow);
  spec.task.payload =
      R"({"at":"{{scheduledAt}}","n":{{fireNumber}},"who":"{{ name }}","x":{"y":{}}})";
  schedule_driver d(spec);
  d.advance(1s);
  const auto& task = *std::get<shared_value<task_spec>>(d.started[0].spec);
  EXPECT_EQ(task.payload,
            R"({"at":"2027-01-15T08:00:01.000000Z","n":1,"who":"test","x":{"y":{}}})");
}

TEST(recent_fires, are_bounded_and_never_lose_one_that_runs) {
  schedule_driver d(with(overlap_policy::allow));
  d.advance(1s);
  const auto first = d.started[0].id;
  for (int i = 0; i < 200; ++i) {
    d.advance(1s);
    d.end(d.started.back().id);
  }
  EXPECT_EQ(d.now_is().recent.size(), limits::schedule_recent);
  EXPECT_EQ(d.now_is().recent.front().child, first);
  EXPECT_EQ(d.now_is().watches().size(), 1u);
}

}  // namespace
}  // namespace orrery
