/// Submissions of an id or key that is known already.

#include "tests/unit/domain/driver.hpp"

namespace orrery {

namespace {

using namespace test;
using enum task_status;

task_spec keyed(std::string body, on_running running = {}, on_ended ended = {}) {
  auto spec = simple_task();
  spec.request_hash = body;
  spec.payload = "\"" + body + "\"";
  task_options o;
  o.if_running = running;
  o.if_ended = ended;
  spec.options = o;
  return spec;
}

}  // namespace

TEST(task_idempotency, the_same_body_again_is_the_same_task_whatever_is_chosen) {
  for (const auto choice : {on_running::use_existing, on_running::fail, on_running::replace}) {
    auto d = started(keyed("a"));
    d.ignores(submit_task{keyed("a", choice)});
  }
}

TEST(task_idempotency, another_body_is_a_conflict_unless_chosen_otherwise) {
  auto d = started(keyed("a"));
  // Its sender was answered before anybody knew: an event tells, and changes nothing.
  d.must(submit_task{keyed("b")});
  EXPECT_EQ(d->status, running);
  EXPECT_EQ(d->spec->request_hash, "a");
  d.refuses(submit_task{keyed("b", on_running::fail)}, errc::rejected);
  d.must(complete_task{d->token(), "1"});
  d.must(submit_task{keyed("b")});
  EXPECT_EQ(d->status, succeeded);
  EXPECT_EQ(d->run, 1u);
}

TEST(task_idempotency, replace_cancels_what_runs_and_begins_the_next_run) {
  auto d = started(keyed("a"));
  d.must(submit_task{keyed("b", on_running::replace)});
  EXPECT_EQ(d->status, queued);
  EXPECT_EQ(d->run, 2u);
  EXPECT_EQ(d->spec->payload, "\"b\"");
  EXPECT_EQ(d->spec->request_hash, "b");
}

TEST(task_idempotency, what_has_ended_begins_anew_only_where_allowed) {
  auto good = started(keyed("a"));
  good.must(complete_task{good->token(), "1"});
  auto bad = started(keyed("a"));
  bad.must(fail_task{bad->token(), "no", "", false});
  for (auto* d : {&good, &bad})
    d->ignores(submit_task{keyed("a", {}, on_ended::return_existing)});
  good.ignores(submit_task{keyed("a", {}, on_ended::allow_if_failed)});
  bad.must(submit_task{keyed("a", {}, on_ended::allow_if_failed)});
  EXPECT_EQ(bad->run, 2u);
  good.must(submit_task{keyed("b", {}, on_ended::allow_new)});
  EXPECT_EQ(good->run, 2u);
  EXPECT_EQ(good->spec->payload, "\"b\"");
}

TEST(task_idempotency, the_new_run_waits_for_its_own_time) {
  auto d = started(keyed("a"));
  d.must(complete_task{d->token(), "1"});
  auto later = keyed("b", {}, on_ended::allow_new);
  later.run_at = d.now + 1h;
  d.must(submit_task{later});
  EXPECT_EQ(d->status, scheduled);
  EXPECT_EQ(d->wake_at(), d.now + 1h);
}

TEST(task_duplicate, is_recorded_as_cancelled_and_names_the_holder) {
  task_driver d;
  d.must(submit_task{simple_task(), test_id});
  EXPECT_EQ(d->status, cancelled);
  EXPECT_EQ(d->reason, end_reason::duplicate);
  EXPECT_EQ(d->reason_text, "duplicate of " + to_string(test_id));
}

TEST(task_debounce, replaces_the_wishes_and_the_time_of_what_waits) {
  auto spec = simple_task();
  spec.run_at = start_of_test + 10s;
  auto d = submitted(spec);
  spec.payload = "2";
  spec.run_at = start_of_test + 15s;
  d.wait(5s).must(follow_task{spec});
  EXPECT_EQ(d->status, scheduled);
  EXPECT_EQ(d->wake_at(), start_of_test + 15s);
  EXPECT_EQ(d->spec->payload, "2");
  EXPECT_EQ(d->run, 1u);
  d.wait(10s).must(wake_task{}).must(start_task{"node-1"});
  // Too late for this run: it is the next one, and waits for its own time.
  spec.run_at = d.now + 10s;
  d.must(follow_task{spec}).must(complete_task{d->token(), ""});
  EXPECT_EQ(d->status, scheduled);
  EXPECT_EQ(d->run, 2u);
  EXPECT_EQ(d->wake_at(), d.now + 10s);
}

TEST(task_latest, runs_the_newest_after_the_present_one_however_it_ends) {
  const std::vector<task_command> ends = {complete_task{{1, 1}, "1"}, cancel_task{},
                                          expire_task{{1, 1}, end_reason::ttl},
                                          fail_task{{1, 1}, "no", "", false}};
  for (const auto& end : ends) {
    auto d = started();
    auto spec = simple_task();
    spec.payload = "2";
    d.must(follow_task{spec});
    spec.payload = "3";
    d.must(follow_task{spec});
    EXPECT_EQ(d->status, running);
    d.must(end);
    EXPECT_EQ(d->status, queued);
    EXPECT_EQ(d->run, 2u);
    EXPECT_EQ(d->spec->payload, "3");
    d.must(start_task{"node-1"}).must(complete_task{d->token(), ""});
    EXPECT_EQ(d->status, succeeded);  // nobody else waits
  }
}

TEST(task_idempotency, a_key_keeps_its_kind_and_queue) {
  auto d = started(keyed("a"));
  auto other = keyed("b", on_running::replace);
  other.queue = "elsewhere";
  d.refuses(submit_task{other}, errc::conflict);
}

TEST(task_latest, replaces_what_has_not_started) {
  auto d = submitted();
  auto spec = simple_task();
  spec.payload = "2";
  d.must(follow_task{spec});
  EXPECT_EQ(d->spec->payload, "2");
  EXPECT_EQ(d->run, 1u);
}

}  // namespace orrery
