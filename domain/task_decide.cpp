#include "domain/task.hpp"

#include <algorithm>

/// How the commands of a task are decided. How events fold: task.cpp.

namespace orrery {

namespace {

using enum task_status;

failure refused(const task& t, std::string_view wish) {
  return {errc::rejected,
          "cannot " + std::string(wish) + ": the task is " + std::string(to_string(t.status))};
}

using events = std::vector<task_event>;

/// What is checked against the clock as well.
result<void> submittable(const task_spec& spec, time_point now) {
  if (auto ok = validate(spec); !ok)
    return ok;
  if (spec.run_at != never && spec.run_at > now + limits::delay_max)
    return failure{errc::invalid, "lies more than ten years ahead", "runAt"};
  if (spec.deadline != never && spec.deadline > now + limits::delay_max)
    return failure{errc::invalid, "lies more than ten years ahead", "deadline"};
  return {};
}

template <class... Event>
events all(Event&&... one) {
  events list;
  list.reserve(sizeof...(one));
  (list.emplace_back(std::forward<Event>(one)), ...);
  return list;
}

/// A result, failure or expiry speaks for one attempt; it counts only while that attempt runs.
result<void> speaks_for_running(const task& t, attempt_token token, std::string_view wish,
                                const std::string& secret = {}) {
  if (!secret.empty() && token == t.token() && secret != t.extra->secret)
    return failure{errc::not_found, "there is no such lease"};
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

/// What cost no attempt does not lengthen the delay either.
duration delay_of(const task& t) {
  return retry_delay(t.spec->retry, t.id, {t.run, t.attempt - t.uncounted});
}

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

  /// The id is known: by an idempotency key, or the submitter's own id.
  result<events> operator()(const submit_task& c) const {
    const bool keyed = !c.spec.request_hash.empty() && !t.spec->request_hash.empty();
    const bool other_body = keyed && c.spec.request_hash != t.spec->request_hash;
    const auto& wish = *c.spec.options;
    if (!is_final(t.status)) {
      // The same body again is the same request, sent twice: it must not replace itself.
      if (wish.if_running == on_running::fail && other_body)
        return refused(t, "submit again");
      if (wish.if_running == on_running::replace && other_body)
        return anew(c.spec, true);
    } else if (wish.if_ended == on_ended::allow_new ||
               (wish.if_ended == on_ended::allow_if_failed && t.status != succeeded)) {
      return anew(c.spec, false);
    }
    if (other_body)
      return all(task_submission_refused{
          "a submission was refused: the same Idempotency-Key came with another body"});
    return events{};
  }

  /// The next run of the task, with the wishes of a new submission.
  result<events> anew(const task_spec& spec, bool cancel_first) const {
    if (auto ok = submittable(spec, now); !ok)
      return std::move(ok).error();
    if (auto ok = same_work(spec); !ok)
      return std::move(ok).error();
    if (t.run >= limits::runs)
      return failure{errc::rejected,
                     "cannot run again: the task has had " + std::to_string(t.run) + " runs"};
    auto list = next_run(spec);
    if (cancel_first)
      list.insert(list.begin(),
                  task_cancelled{end_reason::cancelled, "replaced by a new submission"});
    return list;
  }

  events next_run(const task_spec& spec) const {
    auto list = all(task_replaced{keeping_names(spec)}, task_rerun{});
    if (spec.run_at > now)
      list.emplace_back(task_rescheduled{spec.run_at});
    return list;
  }

  /// A task is counted by its queue and kind for all its life.
  result<void> same_work(const task_spec& spec) const {
    if (spec.kind == t.spec->kind && spec.queue == t.spec->queue)
      return {};
    return failure{errc::conflict, "the same key was used before with another kind or queue"};
  }

  /// What identifies the task stays its own.
  task_spec keeping_names(task_spec spec) const {
    spec.reference = t.spec->reference;
    return spec;
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
    return all(task_started{{t.run, t.attempt + 1}, c.worker, c.secret});
  }

  result<events> operator()(const complete_task& c) const {
    if (t.status == succeeded && c.token == t.token() && c.result == t.result)
      return events{};  // the same answer again: the first reply was lost
    auto ok = speaks_for_running(t, c.token, "complete", c.secret);
    if (ok)
      return all(task_succeeded{c.result});
    if (ok.error().code == errc::not_found || !was_begun(c.token) || is_kept(c.token))
      return std::move(ok).error();
    return all(task_result_orphaned{c.token, c.result});
  }

  bool was_begun(attempt_token token) const {
    return token.run >= 1 && token.attempt >= 1 &&
           (token.run < t.run || (token.run == t.run && token.attempt <= t.attempt));
  }
  bool is_kept(attempt_token token) const {
    const auto& kept = t.extra->orphans;
    return std::any_of(kept.begin(), kept.end(),
                       [&](const orphan_result& o) { return o.token == token; });
  }

  result<events> operator()(const fail_task& c) const {
    if (auto ok = speaks_for_running(t, c.token, "fail", c.secret); !ok)
      return std::move(ok).error();
    const auto& fatal = t.spec->retry.non_retryable;
    task_failed failed{end_reason::failed, c.error, c.code};
    if (!c.retryable ||
        (!c.code.empty() && std::find(fatal.begin(), fatal.end(), c.code) != fatal.end()))
      return all(std::move(failed));
    const auto delay = c.retry_after > 0us ? c.retry_after : delay_of(t);
    return retry_or(t, {end_reason::failed, c.error, c.code}, delay, now, std::move(failed));
  }

  result<events> operator()(const expire_task& c) const {
    if (auto ok = speaks_for_running(t, c.token, "expire"); !ok)
      return std::move(ok).error();
    if (c.clock == end_reason::total_ttl || t.spec->on_timeout == timeout_action::fail)
      return all(task_expired{c.clock});
    return retry_or(t, {c.clock, "ended by its clock: " + std::string(to_string(c.clock)), {}},
                    delay_of(t), now, task_expired{c.clock});
  }

  result<events> operator()(const lose_task& c) const {
    if (auto ok = speaks_for_running(t, c.token, "give up the attempt"); !ok)
      return std::move(ok).error();
    const auto sentence = "lost with " + (t.worker.empty() ? std::string("its worker") : t.worker);
    task_failed failed{end_reason::lease_lost, sentence, {}};
    if (t.spec->delivery == delivery_mode::at_most_once)
      return all(std::move(failed));
    return retry_or(t, {end_reason::lease_lost, sentence, {}}, delay_of(t), now, std::move(failed));
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
    if (t.status == paused || t.hold)
      return events{};
    if (is_final(t.status))
      return refused(t, "pause");
    if (t.status == running)
      return all(task_pause_requested{c.text});
    return all(task_paused{c.text});
  }

  result<events> operator()(const resume_task&) const {
    if (t.status != paused && !t.hold)
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

  result<events> operator()(const heartbeat_task& c) const {
    if (auto ok = speaks_for_running(t, c.token, "heartbeat", c.secret); !ok)
      return std::move(ok).error();
    if (c.progress > 1.0)
      return failure{errc::invalid, "must lie between 0 and 1", "progress"};
    task_progressed told;
    if (c.progress >= 0 && c.progress != t.extra->progress)
      told.progress = c.progress;
    if (c.message != t.extra->message)
      told.message = c.message;
    if (c.cursor != t.extra->cursor)
      told.cursor = c.cursor;
    auto until = c.ends_at;
    if (c.extend > 0us)
      until = now + c.extend;
    if (until != never) {
      if (until <= now)
        return failure{errc::invalid, "lies in the past", "extendTo"};
      until = std::min(until, t.started_at + limits::ttl_max);
      if (const auto life = t.life_ends_at(); life != never)
        until = std::min(until, life);
      if (until != t.extra->ends_at)
        told.ends_at = until;
    }
    if (told == task_progressed{})
      return events{};
    return all(std::move(told));
  }

  result<events> operator()(const snooze_task& c) const {
    if (auto ok = speaks_for_running(t, c.token, "snooze", c.secret); !ok)
      return std::move(ok).error();
    if (c.delay < limits::ttl_min || c.delay > limits::ttl_max)
      return failure{errc::invalid, "must lie between 1 ms and 30 days", "delay"};
    if (t.spec->delivery == delivery_mode::at_most_once)
      return failure{errc::rejected, "cannot snooze: the task is delivered at most once"};
    return all(task_snoozed{now + c.delay, c.text});
  }

  result<events> operator()(const adopt_result& c) const {
    if (t.status == running || t.status == succeeded)
      return refused(t, "adopt a result");
    if (!is_kept(c.token))
      return failure{errc::not_found, "there is no late result of run " +
                                          std::to_string(c.token.run) + " attempt " +
                                          std::to_string(c.token.attempt)};
    return all(task_result_adopted{c.token});
  }

  result<events> operator()(const reschedule_task& c) const {
    if (t.status == running || is_final(t.status) || paused_by_exhaustion(t))
      return refused(t, "reschedule");
    if (c.run_at != never && c.run_at > now + limits::delay_max)
      return failure{errc::invalid, "lies more than ten years ahead", "runAt"};
    const bool same = c.run_at == t.next_at && t.status != retrying;
    if (same || (t.status == queued && c.run_at <= now))
      return events{};
    return all(task_rescheduled{c.run_at});
  }

  /// Asked by the shard, which knows the holder of a key by its last effect: it may have moved since, so
  /// this is never refused for the state it finds.
  result<events> operator()(const follow_task& c) const {
    if (auto ok = submittable(c.spec, now); !ok)
      return std::move(ok).error();
    if (auto ok = same_work(c.spec); !ok)
      return std::move(ok).error();
    if (is_final(t.status))
      return next_run(c.spec);
    if (t.status != running && t.attempt == 0)
      return all(task_replaced{keeping_names(c.spec)});
    return all(task_followed{keeping_names(c.spec)});
  }

  result<events> operator()(const pin_task& c) const {
    if (t.pinned == c.pinned)
      return events{};
    return all(task_pinned{c.pinned});
  }
};

bool ends_task(const task_event& event) {
  return std::holds_alternative<task_succeeded>(event) ||
         std::holds_alternative<task_failed>(event) ||
         std::holds_alternative<task_expired>(event) ||
         std::holds_alternative<task_cancelled>(event);
}

bool waits_again(const task_event& event) {
  return std::holds_alternative<task_retry_scheduled>(event) ||
         std::holds_alternative<task_interrupted>(event) ||
         std::holds_alternative<task_snoozed>(event);
}

/// What was asked for while the attempt ran, and becomes due with its end.
void add_what_waited(const task& t, time_point now, events& list) {
  if (list.size() != 1)
    return;
  if (t.hold && waits_again(list.front()))
    list.emplace_back(task_paused{.text = t.reason_text});
  if (const auto& next = t.extra->follow_up; next.is_set() && ends_task(list.front())) {
    list.emplace_back(task_replaced{next});
    list.emplace_back(task_rerun{});
    if (next->run_at > now)
      list.emplace_back(task_rescheduled{next->run_at});
  }
}

}  // namespace

result<std::vector<task_event>> decide(const std::optional<task>& state,
                                       const task_command& command, time_point now) {
  if (state) {
    auto decided = std::visit(decider{*state, now}, command);
    if (decided)
      add_what_waited(*state, now, *decided);
    return decided;
  }
  const auto* submit = std::get_if<submit_task>(&command);
  if (submit == nullptr)
    return failure{errc::not_found, "there is no such task"};
  if (auto ok = submittable(submit->spec, now); !ok)
    return std::move(ok).error();
  auto born = all(task_submitted{submit->spec});
  if (!submit->duplicate_of.is_nil())
    born.emplace_back(
        task_cancelled{end_reason::duplicate, "duplicate of " + to_string(submit->duplicate_of)});
  return born;
}

std::optional<failure> refusal_in(const task& after, const std::vector<task_event>& events) {
  for (const auto& event : events)
    if (const auto* late = std::get_if<task_result_orphaned>(&event)) {
      auto why = refused(after, "complete");
      why.detail += "; run " + std::to_string(late->token.run) + " attempt " +
                    std::to_string(late->token.attempt) + " is over, its result is kept aside";
      return why;
    }
  return std::nullopt;
}

}  // namespace orrery
