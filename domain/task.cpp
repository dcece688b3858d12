#include "domain/task.hpp"

#include "base/check.hpp"
#include "domain/wake.hpp"

#include <algorithm>
#include <array>
#include <cmath>

/// How events fold into a task. How commands are decided: task_decide.cpp.

namespace orrery {

namespace {

constexpr uint16_t bit(task_status s) {
  return static_cast<uint16_t>(1U << static_cast<unsigned>(s));
}

using enum task_status;

/// Row = from, bits = to. A rerun or an adopted result leaves a final state; everything else only moves
/// forward.
constexpr std::array<uint16_t, task_statuses> moves = [] {
  std::array<uint16_t, task_statuses> table{};
  const auto allow = [&](task_status from, std::initializer_list<task_status> to) {
    for (const auto s : to)
      table[static_cast<size_t>(from)] |= bit(s);
  };
  allow(scheduled, {queued, paused, cancelled, expired});
  allow(queued, {running, scheduled, paused, cancelled, expired});
  allow(running, {succeeded, failed, expired, cancelled, retrying, scheduled, queued, paused});
  allow(retrying, {queued, scheduled, paused, cancelled, expired});
  allow(paused, {scheduled, queued, retrying, cancelled, expired});
  for (const auto final_state : {succeeded, failed, expired, cancelled})
    allow(final_state, {queued, scheduled});
  // A late result that an operator adopts.
  for (const auto without : {scheduled, queued, retrying, paused, failed, expired, cancelled})
    allow(without, {succeeded});
  return table;
}();

/// SplitMix64: a fixed, well-spread function of its argument.
uint64_t mix(uint64_t x) {
  x += 0x9e3779b97f4a7c15ULL;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
  return x ^ (x >> 31);
}

time_point earlier(time_point a, time_point b) {
  if (a == never)
    return b;
  if (b == never)
    return a;
  return std::min(a, b);
}

struct folder {
  task& t;
  time_point at;

  void move(task_status to) {
    CHECK(can_move(t.status, to), "an event makes a legal move");
    t.status = to;
  }
  void end_attempt(end_reason reason) {
    t.reason = reason;
    t.started_at = never;
  }
  void finish(task_status to, end_reason reason) {
    move(to);
    end_attempt(reason);
    t.finished_at = at;
    t.next_at = never;
    t.hold = false;
  }
  /// Waits for `when`, or at once for a slot.
  void wait_until(time_point when) {
    if (when == never || when <= at) {
      if (t.status != queued)
        queue();
      return;
    }
    if (t.status != scheduled)
      move(scheduled);
    t.next_at = when;
  }
  void queue() {
    move(queued);
    t.queued_at = at;
    t.next_at = never;
  }

  void operator()(const task_submitted&) { CHECK(false, "a task is submitted once"); }
  void operator()(const task_queued&) { queue(); }
  void operator()(const task_started& e) {
    move(running);
    t.attempt = e.token.attempt;
    t.worker = e.worker;
    t.started_at = at;
    if (t.extra.is_set() || !e.secret.empty())
      t.extra.edit([&](task_extra& extra) {
        extra.secret = e.secret;
        extra.progress = -1;
        extra.message.clear();
        extra.ends_at = never;
      });
  }
  void operator()(const task_succeeded& e) {
    finish(succeeded, end_reason::succeeded);
    t.result = e.result;
    t.error.clear();
    t.error_code.clear();
  }
  void operator()(const task_retry_scheduled& e) {
    move(retrying);
    end_attempt(e.reason);
    t.error = e.error;
    t.error_code = e.error_code;
    t.next_at = e.next_at;
  }
  void operator()(const task_interrupted&) {
    queue();
    end_attempt(end_reason::interrupted);
    ++t.uncounted;
  }
  void operator()(const task_failed& e) {
    finish(failed, e.reason);
    t.error = e.error;
    t.error_code = e.error_code;
  }
  void operator()(const task_expired& e) { finish(expired, e.clock); }
  void operator()(const task_cancelled& e) {
    finish(cancelled, e.reason);
    t.reason_text = e.text;
  }
  void operator()(const task_paused& e) {
    t.paused_from = t.status;
    move(paused);
    t.hold = false;
    t.reason_text = e.text;
    if (e.reason != end_reason::none) {
      end_attempt(e.reason);
      t.error = e.error;
      t.error_code = e.error_code;
    }
  }
  void operator()(const task_resumed&) {
    t.hold = false;
    if (t.status == running)
      t.reason_text.clear();
    else if (t.next_at != never && t.next_at > at)
      move(t.paused_from == queued ? scheduled : t.paused_from);
    else
      queue();
    t.reason_text.clear();
  }
  void operator()(const task_submission_refused&) {}
  void operator()(const task_erased&) {}
  void operator()(const task_rerun& e) {
    queue();
    ++t.run;
    t.attempt = 0;
    t.uncounted = 0;
    t.life_from = at;
    t.finished_at = never;
    t.reason = end_reason::none;
    t.reason_text.clear();
    t.result.clear();
    t.error.clear();
    t.error_code.clear();
    t.worker.clear();
    t.hold = false;
    if (t.extra.is_set()) {
      task_extra kept;
      kept.orphans = t.extra->orphans;
      t.extra = std::move(kept);
    }
    if (!e.payload.empty())
      t.spec.edit([&](task_spec& spec) { spec.payload = e.payload; });
  }
  void operator()(const task_progressed& e) {
    t.extra.edit([&](task_extra& extra) {
      if (e.progress >= 0)
        extra.progress = e.progress;
      if (!e.message.empty())
        extra.message = e.message;
      if (!e.cursor.empty())
        extra.cursor = e.cursor;
      if (e.ends_at != never)
        extra.ends_at = e.ends_at;
    });
  }
  void operator()(const task_snoozed& e) {
    end_attempt(end_reason::snoozed);
    move(scheduled);
    t.next_at = e.next_at;
    t.reason_text = e.text;
    ++t.uncounted;
    t.extra.edit([](task_extra& extra) { ++extra.snoozes; });
  }
  void operator()(const task_result_orphaned& e) {
    t.extra.edit([&](task_extra& extra) {
      if (extra.orphans.size() >= limits::orphans)
        extra.orphans.erase(extra.orphans.begin());
      extra.orphans.push_back({e.token, at, e.result});
    });
  }
  void operator()(const task_result_adopted& e) {
    finish(succeeded, end_reason::succeeded);
    t.error.clear();
    t.error_code.clear();
    t.extra.edit([&](task_extra& extra) {
      const auto kept = std::find_if(extra.orphans.begin(), extra.orphans.end(),
                                     [&](const orphan_result& o) { return o.token == e.token; });
      CHECK(kept != extra.orphans.end(), "only a kept result is adopted");
      t.result = std::move(kept->result);
      extra.orphans.erase(kept);
    });
  }
  void operator()(const task_rescheduled& e) {
    if (t.status != paused)
      return wait_until(e.run_at);
    t.paused_from = scheduled;
    t.next_at = e.run_at;
  }
  void operator()(const task_replaced& e) {
    t.spec = e.spec;
    if (t.status == queued || t.status == scheduled)
      wait_until(e.spec->run_at);
  }
  void operator()(const task_followed& e) {
    t.extra.edit([&](task_extra& extra) { extra.follow_up = e.spec; });
  }
  void operator()(const task_pause_requested& e) {
    t.hold = true;
    t.reason_text = e.text;
  }
  void operator()(const task_pinned& e) { t.pinned = e.pinned; }
};

}  // namespace

bool can_move(task_status from, task_status to) noexcept {
  return (moves[static_cast<size_t>(from)] & bit(to)) != 0;
}

duration retry_delay(const retry_policy& policy, entity_id id, attempt_token failed) {
  const double base = static_cast<double>(policy.initial.count());
  const double cap = static_cast<double>(policy.max.count());
  double delay = base;
  if (policy.kind == backoff_kind::exponential)
    delay = base * std::pow(policy.factor, static_cast<double>(failed.attempt) - 1.0);
  else if (policy.kind == backoff_kind::linear)
    delay = base * static_cast<double>(failed.attempt);
  delay = std::min(delay, cap);  // also where pow overflowed to infinity
  const auto bits =
      mix(id.value.high ^ mix(id.value.low ^ (uint64_t{failed.run} << 32 | failed.attempt)));
  const double spread = 2.0 * (static_cast<double>(bits >> 11) / 9007199254740992.0) - 1.0;
  delay += delay * policy.jitter * spread;
  return duration{static_cast<int64_t>(std::max(0.0, delay))};
}

time_point task::life_ends_at() const noexcept {
  const auto total = spec->total_ttl > 0us ? life_from + spec->total_ttl : never;
  return run == 1 ? earlier(total, spec->deadline) : total;
}

attempt_end task::attempt_ends(time_point heard_at) const noexcept {
  attempt_end end;
  if (status != task_status::running)
    return end;
  end.at = extra->ends_at != never ? extra->ends_at : started_at + spec->ttl;
  if (const auto life = life_ends_at(); life != never && life <= end.at)
    end = {life, end_reason::total_ttl};
  if (spec->heartbeat > 0us && std::max(heard_at, started_at) + spec->heartbeat < end.at)
    end = {std::max(heard_at, started_at) + spec->heartbeat, end_reason::heartbeat};
  return end;
}

time_point task::waits_until() const noexcept {
  const auto slot = status == queued && spec->queue_ttl > 0us ? queued_at + spec->queue_ttl : never;
  return is_final(status) ? never : earlier(life_ends_at(), slot);
}

time_point task::wake_at() const noexcept {
  switch (status) {
    case scheduled:
    case retrying: return earlier(next_at, life_ends_at());
    case queued:
    case running: return at_once;
    case paused: return life_ends_at();
    default: return never;
  }
}

void evolve(std::optional<task>& state, entity_id id, const task_event& event, time_point at) {
  if (const auto* submitted = std::get_if<task_submitted>(&event)) {
    CHECK(!state, "a task is submitted once");
    const bool later = submitted->spec->run_at != never && submitted->spec->run_at > at;
    auto& t = state.emplace();
    t.id = id;
    t.spec = submitted->spec;
    t.status = later ? scheduled : queued;
    t.created_at = t.life_from = at;
    (later ? t.next_at : t.queued_at) = later ? t.spec->run_at : at;
  } else {
    CHECK(state, "only a submission makes a task");
    std::visit(folder{*state, at}, event);
  }
  state->updated_at = at;
  ++state->version;
}

}  // namespace orrery
