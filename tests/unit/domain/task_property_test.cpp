/// What holds for every task whatever is sent to it, in any order, at any time going forward.

#include "tests/unit/domain/driver.hpp"

#include <algorithm>
#include <rapidcheck/gtest.h>
#include <set>

namespace orrery {

namespace {

using namespace test;

/// A number of the range, each alike: rapidcheck's own ranges begin small and grow with the size.
template <class T>
T pick(T from, T below) {
  return *rc::gen::resize(rc::kNominalSize, rc::gen::inRange(from, below));
}

template <class T>
T one_of(std::initializer_list<T> values) {
  return *rc::gen::elementOf(std::vector<T>(values));
}

duration some_length() { return one_of<duration>({0us, 1ms, 1s, 10s, 1min, 1h, 24h}); }

/// Mostly short, so that a life has many steps before its clocks end it.
duration some_wait() { return pick(0, 6) == 0 ? some_length() : one_of<duration>({0us, 1ms, 1s}); }

task_spec any_spec() {
  task_spec s = simple_task();
  const auto clock = [] { return pick(0, 3) == 0 ? some_length() : 0us; };
  const auto ahead = [] {
    return one_of<time_point>({never, never, start_of_test + 5s, start_of_test + 2h});
  };
  s.queue_ttl = clock();
  s.total_ttl = clock();
  s.run_at = ahead();
  s.deadline = ahead();
  s.delivery = one_of({delivery_mode::at_least_once, delivery_mode::at_most_once});
  s.on_timeout = one_of({timeout_action::fail, timeout_action::retry});
  s.retry.max_attempts = pick(1U, 5U);
  s.retry.kind = one_of({backoff_kind::exponential, backoff_kind::fixed, backoff_kind::linear});
  s.retry.initial = one_of<duration>({0us, 1s, 1min});
  s.retry.on_exhausted = one_of({exhausted_action::dead, exhausted_action::pause});
  s.retry.non_retryable = {"FATAL"};
  return s;
}

/// With an idempotency key and any of its choices.
task_spec any_keyed_spec() {
  auto s = any_spec();
  s.request_hash = one_of<std::string>({"", "a", "b"});
  task_options o;
  o.if_running = one_of({on_running::use_existing, on_running::fail, on_running::replace});
  o.if_ended = one_of({on_ended::return_existing, on_ended::allow_new, on_ended::allow_if_failed});
  s.options = o;
  return s;
}

/// Mostly the present attempt, sometimes another.
attempt_token some_token(const task_driver& d) {
  if (!d.state || pick(0, 5) == 0)
    return {pick(0U, 3U), pick(0U, 4U)};
  return d->token();
}

task_command any_command(const task_driver& d) {
  switch (pick(0, 23)) {
    case 16:
      return heartbeat_task{some_token(d), 0.5,           "m",
                            "1",           some_length(), one_of<time_point>({never, d.now + 5s})};
    case 17: return snooze_task{some_token(d), some_length(), "later"};
    case 18: return adopt_result{some_token(d)};
    case 19:
      return reschedule_task{one_of<time_point>({never, start_of_test, d.now + 1s, d.now + 1h})};
    case 20: return follow_task{any_spec()};
    case 21: return follow_task{any_spec()};
    case 22: return pin_task{pick(0, 2) == 0};
    case 0: return submit_task{any_keyed_spec()};
    case 1:
    case 2: return wake_task{};
    case 3:
    case 4:
    case 5: return start_task{"node-1"};
    case 6: return complete_task{some_token(d), "1"};
    case 7:
      return fail_task{some_token(d), "no", one_of<std::string>({"", "FATAL"}), pick(0, 4) != 0,
                       some_length()};
    case 8:
      return expire_task{some_token(d),
                         one_of({end_reason::ttl, end_reason::heartbeat, end_reason::total_ttl})};
    case 9: return lose_task{some_token(d)};
    case 10:
    case 11: return interrupt_task{some_token(d)};
    case 12: return cancel_task{"enough", pick(0, 2) == 0};
    case 13: return pause_task{"hold"};
    case 14: return resume_task{};
    default: return rerun_task{one_of<std::string>({"", "2"})};
  }
}

/// What one step of a walk saw.
struct step {
  std::optional<task> before;
  task_command command;
  std::vector<task_event> events;
};

/// A random life. Folding checks every move against the table and aborts on an illegal one.
task_driver walk(const std::function<void(const task_driver&, const step&)>& look) {
  task_driver d;
  if (pick(0, 10) != 0)
    d.must(submit_task{any_spec()});
  const int steps = pick(1, 80);
  for (int i = 0; i < steps; ++i) {
    d.wait(some_wait());
    step s{d.state, any_command(d), {}};
    if (auto events = d.send(s.command))
      s.events = std::move(*events);
    look(d, s);
  }
  return d;
}

}  // namespace

RC_GTEST_PROP(any_task, folds_to_what_a_replay_of_all_its_events_gives, ()) {
  const auto d = walk([](const auto&, const auto&) {});
  std::optional<task> replayed;
  for (const auto& [at, event] : d.history)
    evolve(replayed, test_id, event, at);
  RC_ASSERT(replayed == d.state);
  if (d.state)
    RC_ASSERT(d->version == d.history.size());
}

RC_GTEST_PROP(any_task, makes_only_moves_of_the_table, ()) {
  walk([](const task_driver& d, const step& s) {
    if (s.before && s.before->status != d->status && s.events.size() == 1)
      RC_ASSERT(can_move(s.before->status, d->status));
    RC_ASSERT(s.events.size() <= 5);  // an end, the wishes that replace, a rerun, its time
  });
}

RC_GTEST_PROP(any_task, ends_every_attempt_with_exactly_one_reason, ()) {
  attempt_ledger ledger;
  walk([&](const task_driver& d, const step& s) {
    bool under_way = s.before && s.before->status == task_status::running;
    for (const auto& event : s.events)
      under_way = ledger.note(under_way, event);
    if (!d.state)
      return;
    const bool running = d->status == task_status::running;
    RC_ASSERT(under_way == running);
    RC_ASSERT(ledger.started == ledger.ends() + (running ? 1 : 0));
    RC_ASSERT(ledger.ended[static_cast<size_t>(end_reason::none)] == 0);
    RC_ASSERT(ledger.ended[static_cast<size_t>(end_reason::queue_ttl)] == 0);
    RC_ASSERT((d->started_at != never) == running);
  });
}

RC_GTEST_PROP(any_task, never_gives_the_same_token_twice, ()) {
  std::set<attempt_token> tokens;
  attempt_token last;
  walk([&](const task_driver&, const step& s) {
    for (const auto& event : s.events)
      if (const auto* e = std::get_if<task_started>(&event)) {
        RC_ASSERT(tokens.insert(e->token).second);
        RC_ASSERT(last < e->token);
        last = e->token;
      }
  });
}

RC_GTEST_PROP(any_task, leaves_a_final_state_only_by_a_rerun, ()) {
  walk([](const task_driver& d, const step& s) {
    if (!s.before || !is_final(s.before->status) || s.events.empty())
      return;
    if (d->status == s.before->status && d->run == s.before->run)
      return;  // a late result kept, a pin
    if (std::holds_alternative<adopt_result>(s.command)) {
      RC_ASSERT(d->status == task_status::succeeded);
      return;
    }
    RC_ASSERT(std::holds_alternative<rerun_task>(s.command) ||
              std::holds_alternative<submit_task>(s.command) ||
              std::holds_alternative<follow_task>(s.command));
    RC_ASSERT(d->run == s.before->run + 1);
    RC_ASSERT(d->status == task_status::queued || d->status == task_status::scheduled);
  });
}

RC_GTEST_PROP(any_task, asks_to_be_woken_unless_it_has_ended, ()) {
  walk([](const task_driver& d, const step&) {
    if (!d.state)
      return;
    if (is_final(d->status)) {
      RC_ASSERT(d->wake_at() == never);
      RC_ASSERT(d->waits_until() == never);
      RC_ASSERT(d->finished_at != never);
      RC_ASSERT(d->next_at == never);
    } else if (d->status != task_status::paused) {
      RC_ASSERT(d->wake_at() != never);
    }
  });
}

RC_GTEST_PROP(any_task, that_is_woken_when_it_asked_is_served_and_then_at_rest, ()) {
  auto d = walk([](const auto&, const auto&) {});
  if (!d.state || is_final(d->status) || d->status == task_status::running)
    return;
  if (d->wake_at() != never)
    d.now = std::max(d.now, d->wake_at());
  // Each wake leads on; a bounded number of them comes to rest.
  for (int i = 0; i < 3; ++i)
    RC_ASSERT(d.send(wake_task{}));
  const auto rest = d.send(wake_task{});
  RC_ASSERT(rest);
  RC_ASSERT(rest->empty());
}

RC_GTEST_PROP(any_task, begins_no_more_attempts_than_its_policy_allows, ()) {
  bool replaced = false;
  walk([&](const task_driver& d, const step& s) {
    if (!d.state)
      return;
    replaced |= std::holds_alternative<follow_task>(s.command);
    RC_ASSERT(d->uncounted <= d->attempt);
    // Wishes that were replaced may allow less than what has begun.
    if (!replaced)
      RC_ASSERT(d->attempt - d->uncounted <= d->spec->retry.max_attempts);
    RC_ASSERT(d->run <= limits::runs);
  });
}

RC_GTEST_PROP(any_task, is_unchanged_by_what_it_refuses, ()) {
  walk([](const task_driver& d, const step& s) {
    if (s.events.empty())
      RC_ASSERT(d.state == s.before);
  });
}

}  // namespace orrery
