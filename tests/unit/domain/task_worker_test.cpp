/// What a worker may say of an attempt: heartbeats, later times, answers that come too late.

#include "tests/unit/domain/driver.hpp"

namespace orrery {

namespace {

using namespace test;
using enum task_status;

}  // namespace

TEST(task_heartbeat, keeps_progress_message_and_cursor) {
  auto d = started();
  d.must(heartbeat_task{d->token(), 0.25, "page 1", R"({"page":1})"});
  EXPECT_EQ(d->status, running);
  EXPECT_EQ(d->extra->progress, 0.25);
  EXPECT_EQ(d->extra->message, "page 1");
  EXPECT_EQ(d->extra->cursor, R"({"page":1})");
  d.must(heartbeat_task{d->token(), 0.5});
  EXPECT_EQ(d->extra->progress, 0.5);
}

TEST(task_heartbeat, that_tells_nothing_new_writes_nothing) {
  auto d = started();
  d.ignores(heartbeat_task{d->token()});
  d.must(heartbeat_task{d->token(), 0.5, "half"});
  d.ignores(heartbeat_task{d->token(), 0.5, "half"});
}

TEST(task_heartbeat, leaves_its_cursor_to_the_next_attempt_and_not_to_the_next_run) {
  auto d = started();
  d.must(heartbeat_task{d->token(), 0.5, "half", "17"});
  d.must(fail_task{d->token(), "no", ""}).wait(1h).must(wake_task{}).must(start_task{"node-2"});
  EXPECT_EQ(d->extra->cursor, "17");
  EXPECT_LT(d->extra->progress, 0);
  EXPECT_EQ(d->extra->message, "");
  d.must(complete_task{d->token(), ""}).must(rerun_task{});
  EXPECT_EQ(d->extra->cursor, "");
}

TEST(task_heartbeat, silence_ends_the_attempt_before_its_ttl) {
  auto d = started(with([](task_spec& s) {
    s.ttl = 10s;
    s.heartbeat = 2s;
  }));
  EXPECT_EQ(d->attempt_ends(never).at, d.now + 2s);
  EXPECT_EQ(d->attempt_ends(never).clock, end_reason::heartbeat);
  EXPECT_EQ(d->attempt_ends(d.now + 1s).at, d.now + 3s);
  EXPECT_EQ(d->attempt_ends(d.now + 9s).at, d.now + 10s);
  EXPECT_EQ(d->attempt_ends(d.now + 9s).clock, end_reason::ttl);
}

TEST(task_extension, is_absolute_and_ends_with_the_whole_life) {
  auto d = started(with([](task_spec& s) {
    s.ttl = 10s;
    s.total_ttl = 30s;
  }));
  const auto begun = d.now;
  d.wait(5s).must(heartbeat_task{.token = d->token(), .message = {}, .cursor = {}, .extend = 15s});
  EXPECT_EQ(d->attempt_ends(d.now).at, begun + 20s);
  EXPECT_EQ(d->attempt_ends(d.now).clock, end_reason::ttl);
  d.must(heartbeat_task{.token = d->token(), .message = {}, .cursor = {}, .ends_at = begun + 1h});
  EXPECT_EQ(d->attempt_ends(d.now).at, begun + 30s);
  EXPECT_EQ(d->attempt_ends(d.now).clock, end_reason::total_ttl);
  d.refuses(heartbeat_task{.token = d->token(), .message = {}, .cursor = {}, .ends_at = begun},
            errc::invalid);
}

TEST(task_extension, is_of_one_attempt) {
  auto d = started(with([](task_spec& s) { s.ttl = 10s; }));
  d.must(heartbeat_task{.token = d->token(), .message = {}, .cursor = {}, .extend = 1h});
  d.must(fail_task{d->token(), "no", ""}).wait(1h).must(wake_task{}).must(start_task{"node-2"});
  EXPECT_EQ(d->attempt_ends(d.now).at, d.now + 10s);
}

TEST(task_snooze, waits_and_costs_no_attempt) {
  auto d = started(with([](task_spec& s) { s.retry.max_attempts = 1; }));
  for (int i = 0; i < 3; ++i) {
    d.must(snooze_task{d->token(), 1min, "not now"});
    EXPECT_EQ(d->status, scheduled);
    EXPECT_EQ(d->reason, end_reason::snoozed);
    EXPECT_EQ(d->wake_at(), d.now + 1min);
    d.wait(1min).must(wake_task{}).must(start_task{"node-1"});
  }
  EXPECT_EQ(d->extra->snoozes, 3u);
  EXPECT_EQ(d->token(), (attempt_token{1, 4}));
  d.must(fail_task{d->token(), "no", ""});
  EXPECT_EQ(d->status, failed);
}

TEST(task_snooze, does_not_lengthen_the_delay_before_a_retry) {
  auto d = started(with([](task_spec& s) {
    s.retry.initial = 1s;
    s.retry.jitter = 0;
  }));
  for (int i = 0; i < 5; ++i)
    d.must(snooze_task{d->token(), 1s}).wait(1s).must(wake_task{}).must(start_task{"node-1"});
  d.must(fail_task{d->token(), "no", ""});
  EXPECT_EQ(d->next_at, d.now + 1s);
}

TEST(task_snooze, is_refused_where_the_start_may_not_be_repeated) {
  auto d = started(with([](task_spec& s) { s.delivery = delivery_mode::at_most_once; }));
  d.refuses(snooze_task{d->token(), 1s}, errc::rejected);
}

TEST(task_late_result, is_kept_aside_and_refused) {
  auto d = started();
  const auto old = d->token();
  d.must(expire_task{old, end_reason::ttl});
  const auto events = d.send(complete_task{old, "42"});
  ASSERT_TRUE(events);
  const auto no = refusal_in(*d, *events);
  ASSERT_TRUE(no);
  EXPECT_EQ(no->code, errc::rejected);
  EXPECT_NE(no->detail.find("EXPIRED"), std::string::npos) << no->detail;
  EXPECT_EQ(d->status, expired);
  EXPECT_EQ(d->result, "");
  ASSERT_EQ(d->extra->orphans.size(), 1u);
  EXPECT_EQ(d->extra->orphans[0].result, "42");
  d.refuses(complete_task{old, "42"}, errc::rejected);  // once is enough
}

TEST(task_late_result, of_an_attempt_that_never_began_is_not_kept) {
  auto d = started();
  d.must(cancel_task{});
  d.refuses(complete_task{{1, 2}, "42"}, errc::rejected);
  d.refuses(complete_task{{2, 1}, "42"}, errc::rejected);
  d.refuses(complete_task{{0, 0}, "42"}, errc::rejected);
}

TEST(task_late_result, can_be_adopted_by_an_operator) {
  for (const auto& end :
       std::vector<task_command>{expire_task{{1, 1}, end_reason::ttl}, cancel_task{},
                                 fail_task{{1, 1}, "no", "", false}, lose_task{{1, 1}}}) {
    auto d = started();
    d.must(end).must(complete_task{{1, 1}, "42"}).must(adopt_result{{1, 1}});
    EXPECT_EQ(d->status, succeeded);
    EXPECT_EQ(d->result, "42");
    EXPECT_EQ(d->finished_at, d.now);
    EXPECT_TRUE(d->extra->orphans.empty());
    d.refuses(adopt_result{{1, 1}}, errc::rejected);
  }
}

TEST(task_late_result, is_not_adopted_while_another_attempt_runs) {
  auto d = started();
  d.must(lose_task{d->token()}).must(complete_task{{1, 1}, "42"});
  d.wait(1h).must(wake_task{}).must(start_task{"node-2"});
  d.refuses(adopt_result{{1, 1}}, errc::rejected);
  d.must(cancel_task{}).must(adopt_result{{1, 1}});
  EXPECT_EQ(d->status, succeeded);
}

TEST(task_late_result, the_same_answer_given_twice_is_one_answer) {
  auto d = started();
  d.must(complete_task{d->token(), "42"});
  d.ignores(complete_task{d->token(), "42"});
}

TEST(task_late_result, only_the_newest_are_kept) {
  auto d = started(with([](task_spec& s) { s.retry.max_attempts = 20; }));
  for (uint32_t i = 1; i <= 6; ++i) {
    d.must(lose_task{d->token()}).must(complete_task{{1, i}, std::to_string(i)});
    d.wait(1h).must(wake_task{}).must(start_task{"node-2"});
  }
  ASSERT_EQ(d->extra->orphans.size(), limits::orphans);
  EXPECT_EQ(d->extra->orphans.front().result, "3");
}

TEST(task_pause, of_a_running_task_holds_it_when_the_attempt_fails) {
  auto d = started();
  d.must(pause_task{"look at it"});
  EXPECT_EQ(d->status, running);
  EXPECT_TRUE(d->hold);
  d.ignores(pause_task{"again"});
  d.must(fail_task{d->token(), "no", "E1"});
  EXPECT_EQ(d->status, paused);
  EXPECT_EQ(d->reason_text, "look at it");
  EXPECT_EQ(d->error, "no");
  d.must(resume_task{});
  EXPECT_EQ(d->status, retrying);
  EXPECT_FALSE(d->hold);
}

TEST(task_pause, of_a_running_task_does_not_hinder_its_success) {
  auto d = started();
  d.must(pause_task{"hold"}).must(complete_task{d->token(), "1"});
  EXPECT_EQ(d->status, succeeded);
  EXPECT_FALSE(d->hold);
}

TEST(task_pause, of_a_running_task_is_taken_back_by_resume) {
  auto d = started();
  d.must(pause_task{"hold"}).must(resume_task{});
  EXPECT_FALSE(d->hold);
  EXPECT_EQ(d->status, running);
  d.must(interrupt_task{d->token()});
  EXPECT_EQ(d->status, queued);
}

TEST(task_reschedule, moves_what_waits_to_another_time) {
  auto d = submitted();
  d.must(reschedule_task{d.now + 1h});
  EXPECT_EQ(d->status, scheduled);
  EXPECT_EQ(d->wake_at(), d.now + 1h);
  d.must(reschedule_task{d.now + 2h});
  EXPECT_EQ(d->wake_at(), d.now + 2h);
  d.must(reschedule_task{});
  EXPECT_EQ(d->status, queued);
  d.ignores(reschedule_task{});
  d.must(start_task{"node-1"});
  d.refuses(reschedule_task{d.now + 1h}, errc::rejected);
}

TEST(task_reschedule, of_a_paused_task_counts_when_it_is_resumed) {
  auto d = submitted();
  d.must(pause_task{""}).must(reschedule_task{d.now + 1h});
  EXPECT_EQ(d->status, paused);
  d.must(resume_task{});
  EXPECT_EQ(d->status, scheduled);
  EXPECT_EQ(d->wake_at(), d.now + 1h);
}

TEST(task_pin, is_kept_over_runs) {
  auto d = started();
  d.must(pin_task{true}).ignores(pin_task{true});
  d.must(complete_task{d->token(), ""}).must(rerun_task{});
  EXPECT_TRUE(d->pinned);
  d.must(pin_task{false});
  EXPECT_FALSE(d->pinned);
}

}  // namespace orrery
