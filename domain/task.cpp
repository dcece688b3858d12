#include "domain/task.hpp"

#include "base/check.hpp"

#include <algorithm>
#include <array>
#include <cmath>

namespace orrery {

namespace {

constexpr uint16_t bit(task_status s) {
  return static_cast<uint16_t>(1U << static_cast<unsigned>(s));
}

using enum task_status;

/// Row = from, bits = to. A rerun leaves any final state; everything else only moves forward.
constexpr std::array<uint16_t, task_statuses> moves = [] {
  std::array<uint16_t, task_statuses> table{};
  const auto allow = [&](task_status from, std::initializer_list<task_status> to) {
    for (const auto s : to)
      table[static_cast<size_t>(from)] |= bit(s);
  };
  allow(scheduled, {queued, paused, cancelled, expired});
  allow(queued, {running, paused, cancelled, expired});
  allow(running, {succeeded, failed, expired, cancelled, retrying, queued, paused});
  allow(retrying, {queued, paused, cancelled, expired});
  allow(paused, {scheduled, queued, retrying, cancelled, expired});
  for (const auto final_state : {succeeded, failed, expired, cancelled})
    allow(final_state, {queued});
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

failure refused(const task& t, std::string_view wish) {
  return {errc::rejected,
          "cannot " + std::string(wish) + ": the task is " + std::string(to_string(t.status))};
}

using events = std::vector<task_event>;

template <class... Event>
events all(Event&&... one) {
  events list;
  list.reserve(sizeof...(one));
  (list.emplace_back(std::forward<Event>(one)), ...);
  return list;
}

/// A result, failure or expiry speaks for one attempt; it counts only while that attempt runs.
result<void> speaks_for_running(const task& t, attempt_token token, std::string_view wish) {
  if (t.status != running)
    return refused(t, wish);
  if (token != t.token())
    return failure{errc::rejected, "cannot " + std::string(wish) + ": run " +
                                       std::to_string(token.run) + " attempt " +
                                       std::to_string(token.attempt) +
                                       " is over; the task is in run " + std::to_string(t.run) +
                                       " attempt " + std::to_string(t.attempt)};
  return {};
}

struct bad_end {
  end_reason reason;
  std::string error;
  std::string code;
};

/// What follows an attempt that did not succeed but may be tried again.
events retry_or(const task& t, bad_end end, duration delay, time_point now, task_event otherwise) {
  if (!t.exhausted()) {
    return all(task_retry_scheduled{.reason = end.reason,
                                    .error = std::move(end.error),
                                    .error_code = std::move(end.code),
                                    .next_at = now + delay});
  }
  if (t.spec->retry.on_exhausted == exhausted_action::pause) {
    return all(task_paused{.text = "retries exhausted",
                           .reason = end.reason,
                           .error = std::move(end.error),
                           .error_code = std::move(end.code)});
  }
  return all(std::move(otherwise));
}

/// `on_exhausted = pause` left it here; only a new run leads on.
bool paused_by_exhaustion(const task& t) { return t.status == paused && t.paused_from == running; }

struct decider {
  const task& t;
  time_point now;

  result<events> operator()(const submit_task& c) const {
    if (!c.spec.request_hash.empty() && !t.spec->request_hash.empty() &&
        c.spec.request_hash != t.spec->request_hash)
      return all(task_submission_refused{
          "a submission was refused: the same Idempotency-Key came with another body"});
    return events{};
  }

  result<events> operator()(const wake_task&) const {
    if (is_final(t.status))
      return events{};
    const auto life_end = t.life_ends_at();
    if (life_end != never && now >= life_end)
      return all(task_expired{end_reason::total_ttl});
    if ((t.status == scheduled || t.status == retrying) && now >= t.next_at)
      return all(task_queued{});
    if (t.status == queued && t.spec->queue_ttl > 0us && now >= t.queued_at + t.spec->queue_ttl)
      return all(task_expired{end_reason::queue_ttl});
    return events{};
  }

  result<events> operator()(const start_task& c) const {
    if (t.status != queued)
      return refused(t, "start");
    auto woken = (*this)(wake_task{});
    if (!woken || !woken->empty())
      return woken;
    return all(task_started{{t.run, t.attempt + 1}, c.worker});
  }

  result<events> operator()(const complete_task& c) const {
    if (auto ok = speaks_for_running(t, c.token, "complete"); !ok)
      return std::move(ok).error();
    return all(task_succeeded{c.result});
  }

  result<events> operator()(const fail_task& c) const {
    if (auto ok = speaks_for_running(t, c.token, "fail"); !ok)
      return std::move(ok).error();
    const auto& fatal = t.spec->retry.non_retryable;
    task_failed failed{end_reason::failed, c.error, c.code};
    if (!c.retryable ||
        (!c.code.empty() && std::find(fatal.begin(), fatal.end(), c.code) != fatal.end()))
      return all(std::move(failed));
    const auto delay =
        c.retry_after > 0us ? c.retry_after : retry_delay(t.spec->retry, t.id, t.token());
    return retry_or(t, {end_reason::failed, c.error, c.code}, delay, now, std::move(failed));
  }

  result<events> operator()(const expire_task& c) const {
    if (auto ok = speaks_for_running(t, c.token, "expire"); !ok)
      return std::move(ok).error();
    if (c.clock == end_reason::total_ttl || t.spec->on_timeout == timeout_action::fail)
      return all(task_expired{c.clock});
    return retry_or(t, {c.clock, "ended by its clock: " + std::string(to_string(c.clock)), {}},
                    retry_delay(t.spec->retry, t.id, t.token()), now, task_expired{c.clock});
  }

  result<events> operator()(const lose_task& c) const {
    if (auto ok = speaks_for_running(t, c.token, "give up the attempt"); !ok)
      return std::move(ok).error();
    const auto sentence = "lost with " + (t.worker.empty() ? std::string("its worker") : t.worker);
    task_failed failed{end_reason::lease_lost, sentence, {}};
    if (t.spec->delivery == delivery_mode::at_most_once)
      return all(std::move(failed));
    return retry_or(t, {end_reason::lease_lost, sentence, {}},
                    retry_delay(t.spec->retry, t.id, t.token()), now, std::move(failed));
  }

  result<events> operator()(const interrupt_task& c) const {
    if (auto ok = speaks_for_running(t, c.token, "interrupt"); !ok)
      return std::move(ok).error();
    if (t.spec->delivery == delivery_mode::at_most_once)
      return all(task_failed{end_reason::interrupted, "the node was stopped", {}});
    return all(task_interrupted{});
  }

  result<events> operator()(const cancel_task& c) const {
    if (t.status == cancelled)
      return events{};
    if (is_final(t.status))
      return refused(t, "cancel");
    return all(task_cancelled{c.kill ? end_reason::killed : end_reason::cancelled, c.text});
  }

  result<events> operator()(const pause_task& c) const {
    if (t.status == paused)
      return events{};
    if (t.status == running || is_final(t.status))
      return refused(t, "pause");
    return all(task_paused{c.text});
  }

  result<events> operator()(const resume_task&) const {
    if (t.status != paused)
      return refused(t, "resume");
    if (paused_by_exhaustion(t))
      return (*this)(rerun_task{});
    return all(task_resumed{});
  }

  result<events> operator()(const rerun_task& c) const {
    if (!is_final(t.status) && !paused_by_exhaustion(t))
      return refused(t, "rerun");
    if (t.run >= limits::runs)
      return failure{errc::rejected,
                     "cannot rerun: the task has had " + std::to_string(t.run) + " runs"};
    if (c.payload.size() > limits::payload_bytes)
      return failure{errc::invalid, "is larger than 256 KiB", "payload"};
    return all(task_rerun{c.payload});
  }
};

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
    t.reason_text = e.text;
    if (e.reason != end_reason::none) {
      end_attempt(e.reason);
      t.error = e.error;
      t.error_code = e.error_code;
    }
  }
  void operator()(const task_resumed&) {
    if (t.next_at != never && t.next_at > at)
      move(t.paused_from);
    else
      queue();
    t.reason_text.clear();
  }
  void operator()(const task_submission_refused&) {}
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
    if (!e.payload.empty())
      t.spec.edit([&](task_spec& spec) { spec.payload = e.payload; });
  }
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

time_point task::waits_until() const noexcept {
  const auto slot = status == queued && spec->queue_ttl > 0us ? queued_at + spec->queue_ttl : never;
  return is_final(status) ? never : earlier(life_ends_at(), slot);
}

time_point task::wake_at() const noexcept {
  switch (status) {
    case scheduled:
    case retrying: return earlier(next_at, life_ends_at());
    case queued: return queued_at;
    case running: return started_at;
    case paused: return life_ends_at();
    default: return never;
  }
}

result<std::vector<task_event>> decide(const std::optional<task>& state,
                                       const task_command& command, time_point now) {
  if (state)
    return std::visit(decider{*state, now}, command);
  const auto* submit = std::get_if<submit_task>(&command);
  if (submit == nullptr)
    return failure{errc::not_found, "there is no such task"};
  if (auto ok = validate(submit->spec); !ok)
    return std::move(ok).error();
  if (submit->spec.run_at != never && submit->spec.run_at > now + limits::delay_max)
    return failure{errc::invalid, "lies more than ten years ahead", "runAt"};
  if (submit->spec.deadline != never && submit->spec.deadline > now + limits::delay_max)
    return failure{errc::invalid, "lies more than ten years ahead", "deadline"};
  return all(task_submitted{submit->spec});
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
