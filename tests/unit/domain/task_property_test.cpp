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

/// Mostly the present attempt, sometimes another.
attempt_token some_token(const task_driver& d) {
  if (!d.state || pick(0, 5) == 0)
    return {pick(0U, 3U), pick(0U, 4U)};
  return d->token();
}

task_command any_command(const task_driver& d) {
  switch (pick(0, 16)) {
    case 0: return submit_task{any_spec()};
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

bool ends_an_attempt(const std::optional<task>& before, const task_event& event) {
  return before && before->status == task_status::running &&
         !std::holds_alternative<task_started>(event);
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
    if (s.before && s.before->status != d->status)
      RC_ASSERT(can_move(s.before->status, d->status));
    RC_ASSERT(s.events.size() <= 1);
  });
}

RC_GTEST_PROP(any_task, ends_every_attempt_with_exactly_one_reason, ()) {
  size_t began = 0;
  size_t ended = 0;
  walk([&](const task_driver& d, const step& s) {
    for (const auto& event : s.events) {
      began += std::holds_alternative<task_started>(event);
      if (ends_an_attempt(s.before, event)) {
        ++ended;
        RC_ASSERT(d->reason != end_reason::none);
        RC_ASSERT(d->started_at == never);
      }
    }
    if (d.state) {
      RC_ASSERT(began == ended + (d->status == task_status::running ? 1 : 0));
      RC_ASSERT((d->started_at != never) == (d->status == task_status::running));
    }
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
    RC_ASSERT(std::holds_alternative<rerun_task>(s.command));
    RC_ASSERT(d->run == s.before->run + 1);
    RC_ASSERT(d->status == task_status::queued);
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
  walk([](const task_driver& d, const step&) {
    if (!d.state)
      return;
    RC_ASSERT(d->uncounted <= d->attempt);
    RC_ASSERT(d->attempt - d->uncounted <= d->spec->retry.max_attempts);
    RC_ASSERT(d->run <= limits::runs);
    if (d->spec->delivery == delivery_mode::at_most_once)
      RC_ASSERT(d->uncounted == 0u);
  });
}

RC_GTEST_PROP(any_task, is_unchanged_by_what_it_refuses, ()) {
  walk([](const task_driver& d, const step& s) {
    if (s.events.empty())
      RC_ASSERT(d.state == s.before);
  });
}

}  // namespace orrery
