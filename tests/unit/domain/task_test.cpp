#include "domain/messages.hpp"
#include "tests/unit/domain/driver.hpp"

#include <cmath>

namespace orrery {

namespace {

using namespace test;
using enum task_status;

task_driver finished(task_status how) {
  auto d = started(with([](task_spec& s) { s.retry.max_attempts = 1; }));
  if (how == succeeded)
    d.must(complete_task{d->token(), "1"});
  else if (how == failed)
    d.must(fail_task{d->token(), "no", "E1"});
  else if (how == expired)
    d.must(expire_task{d->token(), end_reason::ttl});
  else
    d.must(cancel_task{"enough"});
  EXPECT_EQ(d->status, how);
  return d;
}

}  // namespace

TEST(task_submit, queues_it_at_once) {
  const auto d = submitted();
  EXPECT_EQ(d->status, queued);
  EXPECT_EQ(d->queued_at, d.now);
  EXPECT_EQ(d->created_at, d.now);
  EXPECT_EQ(d->version, 1u);
  EXPECT_EQ(d->token(), (attempt_token{1, 0}));
}

TEST(task_submit, waits_for_run_at_where_it_lies_ahead) {
  auto d = submitted(with([](task_spec& s) { s.run_at = start_of_test + 10s; }));
  EXPECT_EQ(d->status, scheduled);
  EXPECT_EQ(d->wake_at(), start_of_test + 10s);
  d.wait(9s).ignores(wake_task{});
  d.wait(1s).must(wake_task{});
  EXPECT_EQ(d->status, queued);
  EXPECT_EQ(d->next_at, never);
}

TEST(task_submit, queues_at_once_where_run_at_has_passed) {
  EXPECT_EQ(submitted(with([](task_spec& s) { s.run_at = start_of_test - 1s; }))->status, queued);
}

TEST(task_submit, read_twice_makes_one_task) {
  auto d = submitted();
  d.ignores(submit_task{simple_task()});
}

TEST(task_submit, of_the_same_key_with_another_body_changes_nothing_and_is_told) {
  auto d = submitted(with([](task_spec& s) { s.request_hash = "a"; }));
  d.ignores(submit_task{with([](task_spec& s) { s.request_hash = "a"; })});
  const auto before = *d;
  const auto events = d.send(submit_task{with([](task_spec& s) { s.request_hash = "b"; })});
  ASSERT_TRUE(events && events->size() == 1);
  EXPECT_EQ(d->status, before.status);
  EXPECT_EQ(*d->spec, *before.spec);
  const event_record record{{}, test_id, d.now, entity_event{events->front()}};
  EXPECT_TRUE(status_event_of(std::optional(before), *d, record));
}

TEST(task_submit, checks_the_spec_and_names_the_field) {
  const std::vector<std::pair<std::string, void (*)(task_spec&)>> cases = {
      {"kind", [](task_spec& s) { s.kind.clear(); }},
      {"kind", [](task_spec& s) { s.kind.assign(129, 'k'); }},
      {"queue", [](task_spec& s) { s.queue.clear(); }},
      {"description", [](task_spec& s) { s.description.assign(4097, 'd'); }},
      {"payload", [](task_spec& s) { s.payload.assign(limits::payload_bytes + 1, '1'); }},
      {"priority", [](task_spec& s) { s.priority = 0; }},
      {"priority", [](task_spec& s) { s.priority = 6; }},
      {"ttl", [](task_spec& s) { s.ttl = 0us; }},
      {"ttl", [](task_spec& s) { s.ttl = 999us; }},
      {"ttl", [](task_spec& s) { s.ttl = limits::ttl_max + 1us; }},
      {"ttl", [](task_spec& s) { s.ttl = -1s; }},
      {"queueTtl", [](task_spec& s) { s.queue_ttl = 1us; }},
      {"totalTtl", [](task_spec& s) { s.total_ttl = -1s; }},
      {"heartbeat", [](task_spec& s) { s.heartbeat = limits::ttl_max + 1us; }},
      {"runAt", [](task_spec& s) { s.run_at = start_of_test + limits::delay_max + 1us; }},
      {"deadline", [](task_spec& s) { s.deadline = start_of_test + limits::delay_max + 1us; }},
      {"tags", [](task_spec& s) { s.tags.assign(33, "t"); }},
      {"tags", [](task_spec& s) { s.tags = {""}; }},
      {"uniqueKey", [](task_spec& s) { s.unique_key.assign(129, 'u'); }},
      {"taskId", [](task_spec& s) { s.reference.assign(513, 'r'); }},
      {"retry.maxAttempts", [](task_spec& s) { s.retry.max_attempts = 0; }},
      {"retry.maxAttempts", [](task_spec& s) { s.retry.max_attempts = 1001; }},
      {"retry.initial", [](task_spec& s) { s.retry.initial = -1us; }},
      {"retry.max", [](task_spec& s) { s.retry.max = limits::ttl_max + 1us; }},
      {"retry.factor", [](task_spec& s) { s.retry.factor = 0.5; }},
      {"retry.factor", [](task_spec& s) { s.retry.factor = std::nan(""); }},
      {"retry.jitter", [](task_spec& s) { s.retry.jitter = 1.5; }},
      {"retry.nonRetryable", [](task_spec& s) { s.retry.non_retryable.assign(33, "E"); }}};
  for (const auto& [field, spoil] : cases) {
    task_driver d;
    EXPECT_EQ(d.refuses(submit_task{with(spoil)}, errc::invalid).field, field);
  }
}

TEST(task, that_does_not_exist_takes_nothing_but_a_submission) {
  for (const task_command& command :
       {task_command{wake_task{}}, task_command{start_task{}}, task_command{complete_task{}},
        task_command{fail_task{}}, task_command{expire_task{}}, task_command{lose_task{}},
        task_command{interrupt_task{}}, task_command{cancel_task{}}, task_command{pause_task{}},
        task_command{resume_task{}}, task_command{rerun_task{}}}) {
    task_driver d;
    d.refuses(command, errc::not_found);
  }
}

TEST(task_start, begins_the_next_attempt) {
  const auto d = started();
  EXPECT_EQ(d->status, running);
  EXPECT_EQ(d->token(), (attempt_token{1, 1}));
  EXPECT_EQ(d->started_at, d.now);
  EXPECT_EQ(d->worker, "node-1");
}

TEST(task_start, is_refused_unless_queued) {
  auto d = started();
  d.refuses(start_task{"node-2"}, errc::rejected);
}

TEST(task_start, expires_instead_where_its_time_has_passed) {
  auto d = submitted(with([](task_spec& s) { s.queue_ttl = 5s; }));
  d.wait(5s).must(start_task{"node-1"});
  EXPECT_EQ(d->status, expired);
  EXPECT_EQ(d->reason, end_reason::queue_ttl);
  EXPECT_EQ(d->attempt, 0u);
}

TEST(task_complete, keeps_the_result_and_clears_the_last_error) {
  auto d = started();
  d.must(fail_task{d->token(), "once", "E1"}).wait(1h).must(wake_task{});
  d.must(start_task{"node-2"}).must(complete_task{d->token(), R"({"n":1})"});
  EXPECT_EQ(d->status, succeeded);
  EXPECT_EQ(d->result, R"({"n":1})");
  EXPECT_EQ(d->error, "");
  EXPECT_EQ(d->error_code, "");
  EXPECT_EQ(d->finished_at, d.now);
  EXPECT_EQ(d->started_at, never);
}

TEST(task_late_news, of_an_earlier_attempt_is_refused_with_the_present_state) {
  auto d = started();
  const auto old = d->token();
  d.must(lose_task{old}).wait(1h).must(wake_task{}).must(start_task{"node-2"});
  const auto why = d.refuses(fail_task{old, "no", ""}, errc::rejected);
  EXPECT_NE(why.detail.find("run 1 attempt 2"), std::string::npos) << why.detail;
  d.refuses(heartbeat_task{old}, errc::rejected);
  d.refuses(snooze_task{old, 1s}, errc::rejected);
  d.refuses(fail_task{old, "x", ""}, errc::rejected);
  d.refuses(expire_task{old, end_reason::ttl}, errc::rejected);
  d.refuses(lose_task{old}, errc::rejected);
  d.refuses(interrupt_task{old}, errc::rejected);
}

TEST(task_late_news, after_the_end_is_refused_and_names_the_status) {
  auto d = finished(expired);
  const auto why = d.refuses(fail_task{d->token(), "no", ""}, errc::rejected);
  EXPECT_NE(why.detail.find("EXPIRED"), std::string::npos) << why.detail;
}

TEST(task_fail, is_retried_after_the_delay_of_the_policy) {
  auto d = started(with([](task_spec& s) {
    s.retry.initial = 4s;
    s.retry.jitter = 0;
  }));
  d.must(fail_task{d->token(), "no", "E1"});
  EXPECT_EQ(d->status, retrying);
  EXPECT_EQ(d->next_at, d.now + 4s);
  EXPECT_EQ(d->reason, end_reason::failed);
  EXPECT_EQ(d->error, "no");
  EXPECT_EQ(d->error_code, "E1");
  EXPECT_EQ(d->started_at, never);
}

TEST(task_fail, takes_the_workers_own_delay_over_the_policys) {
  auto d = started();
  d.must(fail_task{d->token(), "busy", "", true, 17s});
  EXPECT_EQ(d->next_at, d.now + 17s);
}

TEST(task_fail, is_final_where_the_worker_or_the_policy_says_so) {
  auto d = started();
  d.must(fail_task{d->token(), "bad input", "", false});
  EXPECT_EQ(d->status, failed);
  auto e = started(with([](task_spec& s) { s.retry.non_retryable = {"E7"}; }));
  e.must(fail_task{e->token(), "x", "E7"});
  EXPECT_EQ(e->status, failed);
}

TEST(task_fail, of_the_last_attempt_is_a_dead_letter) {
  auto d = started(with([](task_spec& s) { s.retry.max_attempts = 2; }));
  d.must(fail_task{d->token(), "1", ""}).wait(1h).must(wake_task{}).must(start_task{"n"});
  d.must(fail_task{d->token(), "2", ""});
  EXPECT_EQ(d->status, failed);
  EXPECT_EQ(d->reason, end_reason::failed);
  EXPECT_EQ(d->error, "2");
}

TEST(task_fail, of_the_last_attempt_pauses_where_the_policy_says_so) {
  auto d = started(with([](task_spec& s) {
    s.retry.max_attempts = 1;
    s.retry.on_exhausted = exhausted_action::pause;
  }));
  d.must(fail_task{d->token(), "no", "E1"});
  EXPECT_EQ(d->status, paused);
  EXPECT_EQ(d->reason, end_reason::failed);
  d.must(resume_task{});  // only a new run leads on
  EXPECT_EQ(d->status, queued);
  EXPECT_EQ(d->token(), (attempt_token{2, 0}));
}

TEST(task_expire, ends_it_with_the_clock_that_passed) {
  for (const auto clock : {end_reason::ttl, end_reason::heartbeat, end_reason::total_ttl}) {
    auto d = started();
    d.must(expire_task{d->token(), clock});
    EXPECT_EQ(d->status, expired);
    EXPECT_EQ(d->reason, clock);
  }
}

TEST(task_expire, is_retried_where_on_timeout_says_so_but_never_beyond_its_life) {
  const auto spec = with([](task_spec& s) { s.on_timeout = timeout_action::retry; });
  auto d = started(spec);
  d.must(expire_task{d->token(), end_reason::ttl});
  EXPECT_EQ(d->status, retrying);
  EXPECT_EQ(d->reason, end_reason::ttl);
  auto e = started(spec);
  e.must(expire_task{e->token(), end_reason::total_ttl});
  EXPECT_EQ(e->status, expired);
}

TEST(task_wake, ends_it_in_any_state_when_its_whole_life_has_passed) {
  const auto spec = with([](task_spec& s) { s.total_ttl = 1min; });
  auto waiting = submitted(spec);
  auto at_work = started(spec);
  auto held = submitted(spec);
  held.must(pause_task{"hold"});
  for (auto* d : {&waiting, &at_work, &held}) {
    d->wait(59s).ignores(wake_task{});
    d->wait(1s).must(wake_task{});
    EXPECT_EQ((*d)->status, expired);
    EXPECT_EQ((*d)->reason, end_reason::total_ttl);
  }
}

TEST(task_wake, takes_the_earlier_of_total_ttl_and_deadline) {
  auto d = submitted(with([](task_spec& s) {
    s.total_ttl = 1min;
    s.deadline = start_of_test + 30s;
  }));
  EXPECT_EQ(d->life_ends_at(), start_of_test + 30s);
  EXPECT_EQ(d->waits_until(), start_of_test + 30s);
}

TEST(task_rerun, is_not_bound_by_the_deadline_of_the_first_run) {
  auto d = submitted(with([](task_spec& s) { s.deadline = start_of_test + 30s; }));
  d.wait(30s).must(wake_task{});
  EXPECT_EQ(d->status, expired);
  d.must(rerun_task{});
  EXPECT_EQ(d->life_ends_at(), never);
  d.must(start_task{"n"});
  EXPECT_EQ(d->status, running);
}

TEST(task_queue_ttl, counts_from_the_last_time_it_was_queued) {
  auto d = started(with([](task_spec& s) { s.queue_ttl = 5s; }));
  d.wait(10s).must(interrupt_task{d->token()});
  d.wait(4s).ignores(wake_task{});
  d.wait(1s).must(wake_task{});
  EXPECT_EQ(d->status, expired);
  EXPECT_EQ(d->reason, end_reason::queue_ttl);
}

TEST(task_lose, counts_as_an_attempt_so_that_deadly_work_ends) {
  auto d = started(with([](task_spec& s) { s.retry.max_attempts = 2; }));
  d.must(lose_task{d->token()});
  EXPECT_EQ(d->status, retrying);
  EXPECT_EQ(d->reason, end_reason::lease_lost);
  d.wait(1h).must(wake_task{}).must(start_task{"n"}).must(lose_task{d->token()});
  EXPECT_EQ(d->status, failed);
  EXPECT_EQ(d->reason, end_reason::lease_lost);
}

TEST(task_lose, of_an_at_most_once_attempt_fails_and_never_runs_again) {
  auto d = started(with([](task_spec& s) { s.delivery = delivery_mode::at_most_once; }));
  d.must(lose_task{d->token()});
  EXPECT_EQ(d->status, failed);
}

TEST(task_interrupt, costs_no_attempt) {
  auto d = started(with([](task_spec& s) { s.retry.max_attempts = 1; }));
  d.must(interrupt_task{d->token()});
  EXPECT_EQ(d->status, queued);
  EXPECT_EQ(d->uncounted, 1u);
  EXPECT_FALSE(d->exhausted());
  d.must(start_task{"node-2"});
  EXPECT_EQ(d->token(), (attempt_token{1, 2}));  // the token never returns
  d.must(fail_task{d->token(), "no", ""});
  EXPECT_EQ(d->status, failed);
}

TEST(task_interrupt, of_an_at_most_once_attempt_fails_it) {
  auto d = started(with([](task_spec& s) { s.delivery = delivery_mode::at_most_once; }));
  d.must(interrupt_task{d->token()});
  EXPECT_EQ(d->status, failed);
  EXPECT_EQ(d->reason, end_reason::interrupted);
}

TEST(task_cancel, ends_it_from_every_state_that_is_not_final) {
  auto waiting = submitted();
  auto at_work = started();
  auto again = started();
  again.must(fail_task{again->token(), "x", ""});
  auto held = submitted();
  held.must(pause_task{""});
  auto later = submitted(with([](task_spec& s) { s.run_at = start_of_test + 1h; }));
  for (auto* d : {&waiting, &at_work, &again, &held, &later}) {
    d->must(cancel_task{"enough"});
    EXPECT_EQ((*d)->status, cancelled);
    EXPECT_EQ((*d)->reason, end_reason::cancelled);
    EXPECT_EQ((*d)->reason_text, "enough");
    d->ignores(cancel_task{"twice"});
  }
  for (const auto end : {succeeded, failed, expired}) {
    auto d = finished(end);
    d.refuses(cancel_task{"late"}, errc::rejected);
  }
}

TEST(task_cancel, with_kill_says_so) {
  auto d = started();
  d.must(cancel_task{"now", true});
  EXPECT_EQ(d->reason, end_reason::killed);
}

TEST(task_pause, holds_what_waits_and_resume_leads_back) {
  auto later = submitted(with([](task_spec& s) { s.run_at = start_of_test + 1h; }));
  later.must(pause_task{"hold"});
  EXPECT_EQ(later->status, paused);
  EXPECT_EQ(later->reason_text, "hold");
  EXPECT_EQ(later->wake_at(), never);
  later.must(resume_task{});
  EXPECT_EQ(later->status, scheduled);
  EXPECT_EQ(later->next_at, start_of_test + 1h);
  later.must(pause_task{""}).wait(2h).must(resume_task{});
  EXPECT_EQ(later->status, queued);
  EXPECT_EQ(later->queued_at, later.now);
}

TEST(task_pause, is_refused_after_its_end) {
  auto d = started();
  d.must(complete_task{d->token(), ""});
  d.refuses(pause_task{""}, errc::rejected);
  d.refuses(resume_task{}, errc::rejected);
}

TEST(task_rerun, begins_a_new_run_from_every_final_state) {
  for (const auto end : {succeeded, failed, expired, cancelled}) {
    auto d = finished(end);
    d.wait(1s).must(rerun_task{R"({"new":true})"});
    EXPECT_EQ(d->status, queued);
    EXPECT_EQ(d->token(), (attempt_token{2, 0}));
    EXPECT_EQ(d->spec->payload, R"({"new":true})");
    EXPECT_EQ(d->life_from, d.now);
    EXPECT_EQ(d->finished_at, never);
    EXPECT_EQ(d->reason, end_reason::none);
    EXPECT_EQ(d->result + d->error + d->error_code + d->reason_text + d->worker, "");
  }
}

TEST(task_rerun, keeps_the_payload_where_none_is_given) {
  auto d = started(with([](task_spec& s) { s.payload = "1"; }));
  d.must(cancel_task{}).must(rerun_task{});
  EXPECT_EQ(d->spec->payload, "1");
}

TEST(task_rerun, is_refused_before_the_end_and_beyond_the_limit) {
  auto d = submitted();
  d.refuses(rerun_task{}, errc::rejected);
  for (uint32_t run = 1; run < limits::runs; ++run)
    d.must(cancel_task{}).must(rerun_task{});
  d.must(cancel_task{});
  d.refuses(rerun_task{}, errc::rejected);
  EXPECT_EQ(d->run, limits::runs);
}

}  // namespace orrery
