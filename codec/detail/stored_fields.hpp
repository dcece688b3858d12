#pragma once
/// The field numbers of everything that is stored: the one table, for writing and reading alike.
///
/// Rules: a number is never given a second meaning and never moves; what is no longer written keeps its
/// line as a comment. New fields take new numbers and a default that means "as before". The third
/// argument, where there is one, is the value that is left out: the member's own default.

#include "codec/detail/stored_schedule.hpp"
#include "codec/detail/wire.hpp"
#include "domain/events.hpp"

#include <concepts>
#include <type_traits>

namespace orrery::codec::detail {

inline const retry_policy default_retry{};

template <class Archive, form_of<retry_policy> T>
void fields(Archive& a, T& r) {
  using enum exhausted_action;
  a.number(1, r.max_attempts, 10U);
  a.choice(2, r.kind, backoff_kind::linear, backoff_kind::exponential);
  a.span(3, r.initial, 1s);
  a.real(4, r.factor, 2.0);
  a.span(5, r.max, 5min);
  a.real(6, r.jitter, 0.2);
  a.list(7, r.non_retryable);
  a.choice(8, r.on_exhausted, pause, dead);
}

template <class Archive, form_of<task_options> T>
void fields(Archive& a, T& o) {
  a.list(1, o.labels);
  a.choice(2, o.unique, unique_mode::latest, unique_mode::until_done);
  a.span(3, o.unique_window);
  a.choice(4, o.if_running, on_running::replace, on_running::use_existing);
  a.choice(5, o.if_ended, on_ended::allow_if_failed, on_ended::return_existing);
  a.span(6, o.delay);
  a.text(7, o.limit_key);
  a.real(8, o.weight, 1.0);
}

template <class Archive, form_of<task_spec> T>
void fields(Archive& a, T& s) {
  a.text(1, s.kind);
  a.text(2, s.description);
  a.text(3, s.payload);
  a.text(4, s.queue, "default");
  a.number(5, s.priority, limits::priority_default);
  a.span(6, s.ttl, limits::ttl_default);
  a.span(7, s.queue_ttl);
  a.span(8, s.total_ttl);
  a.span(9, s.heartbeat);
  a.time(10, s.deadline);
  a.time(11, s.run_at);
  a.choice(12, s.delivery, delivery_mode::at_most_once, delivery_mode::at_least_once);
  a.message(13, s.retry, default_retry);
  a.list(14, s.tags);
  a.text(15, s.reference);
  a.choice(16, s.on_timeout, timeout_action::retry, timeout_action::fail);
  a.text(17, s.unique_key);
  a.text(18, s.traceparent);
  a.text(19, s.request_hash);
  a.part(20, s.options);
  a.optional_id(21, s.parent);
}

template <class Archive, form_of<attempt_token> T>
void fields(Archive& a, T& t) {
  a.number(1, t.run);
  a.number(2, t.attempt);
}

template <class Archive, form_of<orphan_result> T>
void fields(Archive& a, T& o) {
  a.message(1, o.token);
  a.time(2, o.at);
  a.text(3, o.result);
}

template <class Archive, form_of<task_extra> T>
void fields(Archive& a, T& e) {
  a.real(1, e.progress, -1.0);
  a.text(2, e.message);
  a.text(3, e.cursor);
  a.time(4, e.ends_at);
  a.number(5, e.snoozes);
  a.part(6, e.follow_up);
  a.messages(7, e.orphans);
  a.text(8, e.secret);
}

template <class Archive, form_of<order_spec> T>
void fields(Archive& a, T& s) {
  a.text(1, s.product);
  a.number(2, s.quantity, int64_t{1});
  a.text(3, s.customer);
  a.text(4, s.flow);
  a.span(5, s.expires_in);
  a.text(6, s.metadata);
  a.text(7, s.reference);
  a.text(8, s.traceparent);
  a.text(9, s.request_hash);
  a.optional_id(10, s.parent);
}

inline const shared_value<task_spec> no_task_spec{};

template <class Archive, form_of<flow_step> T>
void fields(Archive& a, T& s) {
  a.text(1, s.name);
  a.text(2, s.description);
  a.numbers(3, s.depends_on);
  a.message(4, s.task);
  a.message(5, s.compensate, no_task_spec);
}

template <class Archive, form_of<flow> T>
void fields(Archive& a, T& f) {
  a.text(1, f.name);
  a.number(2, f.version);
  a.text(3, f.description);
  a.span(4, f.expires_in);
  a.messages(5, f.steps);
}

template <class Archive, form_of<order_step> T>
void fields(Archive& a, T& s) {
  a.choice(1, s.status, step_status::undo_failed, step_status::pending);
  a.number(2, s.round);
  a.number(3, s.begun);
  a.number(4, s.heard);
  a.optional_id(5, s.child);
  a.number(6, s.skip);
  a.time(7, s.started_at);
  a.time(8, s.ended_at);
  a.text(9, s.result);
  a.text(10, s.error);
  a.text(11, s.error_code);
}

template <class Archive, form_of<child_end> T>
void fields(Archive& a, T& e) {
  a.id(1, e.id);
  a.number(2, e.run, 1U);
  a.choice(3, e.outcome, child_outcome::cancelled, child_outcome::succeeded);
  a.number(4, e.began, true);
  a.text(5, e.result);
  a.text(6, e.error);
  a.text(7, e.error_code);
}

inline const shared_value<flow> no_flow{};

/// Entities. Times are differences to `created_at`, which therefore comes first.
template <class Archive, form_of<task> T>
void fields(Archive& a, T& t) {
  a.id(1, t.id);
  a.message(2, t.spec);
  a.time(3, t.created_at);
  a.choice(4, t.status, task_status::cancelled, task_status::queued);
  a.number(5, t.run, 1U);
  a.number(6, t.attempt);
  a.number(7, t.version);
  a.time_since(8, t.updated_at, t.created_at);
  a.time_since(9, t.life_from, t.created_at);
  a.time_since(10, t.queued_at, t.created_at);
  a.time_since(11, t.started_at, t.created_at);
  a.time_since(12, t.finished_at, t.created_at);
  a.choice(13, t.reason, end_reason::duplicate, end_reason::none);
  a.text(14, t.result);
  a.text(15, t.worker);
  a.time_since(16, t.next_at, t.created_at);
  a.text(17, t.reason_text);
  a.text(18, t.error);
  a.text(19, t.error_code);
  a.choice(20, t.paused_from, task_status::cancelled, task_status::queued);
  a.number(21, t.uncounted);
  a.flag(22, t.hold);
  a.flag(23, t.pinned);
  a.part(24, t.extra);
}

template <class Archive, form_of<order> T>
void fields(Archive& a, T& o) {
  a.id(1, o.id);
  a.message(2, o.spec);
  a.time(3, o.created_at);
  a.choice(4, o.status, order_status::compensation_failed, order_status::created);
  a.number(5, o.version);
  a.time_since(6, o.updated_at, o.created_at);
  a.time_since(7, o.finished_at, o.created_at);
  a.text(8, o.reason);
  a.message(9, o.plan, no_flow);
  a.messages(10, o.steps);
  a.choice(11, o.aim, order_status::compensation_failed, order_status::failed);
}

/// The whole: one of these, after the format byte.
inline constexpr uint32_t entity_is_task = 1;
inline constexpr uint32_t entity_is_order = 2;
inline constexpr uint32_t entity_is_schedule = 3;

/// An event record: these four, and one event under its number.
inline constexpr uint32_t record_position = 1;   ///< Difference to the one before; 1 is left out.
inline constexpr uint32_t record_id = 2;         ///< 16 bytes: an id new to this journal row.
inline constexpr uint32_t record_at = 3;         ///< Difference in µs, zigzag; 0 is left out.
inline constexpr uint32_t record_same_id = 4;    ///< The n-th new id of this row again, from 0.
inline constexpr uint32_t record_in_stream = 1;  ///< A record in a journal row or history piece.

inline constexpr uint32_t record_events_last = 63;  ///< From 64 on: room for other fields.

/// Numbers of the events within a record; 48 to 59 are those of schedules.
template <>
inline constexpr uint32_t event_number<task_submitted> = 5;
template <>
inline constexpr uint32_t event_number<task_queued> = 6;
template <>
inline constexpr uint32_t event_number<task_started> = 7;
template <>
inline constexpr uint32_t event_number<task_succeeded> = 8;
template <>
inline constexpr uint32_t event_number<task_retry_scheduled> = 9;
template <>
inline constexpr uint32_t event_number<task_interrupted> = 10;
template <>
inline constexpr uint32_t event_number<task_failed> = 11;
template <>
inline constexpr uint32_t event_number<task_expired> = 12;
template <>
inline constexpr uint32_t event_number<task_cancelled> = 13;
template <>
inline constexpr uint32_t event_number<task_paused> = 14;
template <>
inline constexpr uint32_t event_number<task_resumed> = 15;
template <>
inline constexpr uint32_t event_number<task_rerun> = 16;
template <>
inline constexpr uint32_t event_number<order_created> = 17;
template <>
inline constexpr uint32_t event_number<order_confirmed> = 18;
template <>
inline constexpr uint32_t event_number<order_rejected> = 19;
template <>
inline constexpr uint32_t event_number<order_fulfilment_started> = 20;
template <>
inline constexpr uint32_t event_number<order_completed> = 21;
template <>
inline constexpr uint32_t event_number<order_cancelled> = 22;
template <>
inline constexpr uint32_t event_number<order_expired> = 23;
template <>
inline constexpr uint32_t event_number<order_compensation_started> = 24;
template <>
inline constexpr uint32_t event_number<order_failed> = 25;
template <>
inline constexpr uint32_t event_number<order_compensation_failed> = 26;
template <>
inline constexpr uint32_t event_number<order_flow_begun> = 36;
template <>
inline constexpr uint32_t event_number<order_step_started> = 37;
template <>
inline constexpr uint32_t event_number<order_step_ended> = 38;
template <>
inline constexpr uint32_t event_number<order_step_skipped> = 39;
template <>
inline constexpr uint32_t event_number<order_compensation_resumed> = 40;
template <>
inline constexpr uint32_t event_number<order_resumed> = 41;
template <>
inline constexpr uint32_t event_number<order_submission_refused> = 42;
template <>
inline constexpr uint32_t event_number<task_submission_refused> = 43;
template <>
inline constexpr uint32_t event_number<task_erased> = 60;
template <>
inline constexpr uint32_t event_number<order_erased> = 61;

template <>
inline constexpr uint32_t event_number<task_progressed> = 27;
template <>
inline constexpr uint32_t event_number<task_snoozed> = 28;
template <>
inline constexpr uint32_t event_number<task_result_orphaned> = 29;
template <>
inline constexpr uint32_t event_number<task_result_adopted> = 30;
template <>
inline constexpr uint32_t event_number<task_rescheduled> = 31;
template <>
inline constexpr uint32_t event_number<task_replaced> = 32;
template <>
inline constexpr uint32_t event_number<task_followed> = 33;
template <>
inline constexpr uint32_t event_number<task_pause_requested> = 34;
template <>
inline constexpr uint32_t event_number<task_pinned> = 35;

/// Events without fields of their own.
template <class Archive, class T>
  requires(std::is_empty_v<T>)
void fields(Archive&, T&) {}

/// A submission is its spec, and so is what takes its place. Only written so: what is read becomes the
/// spec first.
template <class Archive, class T>
  requires(form_of<T, task_submitted> || form_of<T, task_replaced> || form_of<T, task_followed>)
void fields(Archive& a, T& e) { fields(a, *e.spec); }
template <class Archive, form_of<task_progressed> T>
void fields(Archive& a, T& e) {
  a.real(1, e.progress, -1.0);
  a.text(2, e.message);
  a.text(3, e.cursor);
  a.time(4, e.ends_at);
}
template <class Archive, form_of<task_snoozed> T>
void fields(Archive& a, T& e) {
  a.time(1, e.next_at);
  a.text(2, e.text);
}
template <class Archive, form_of<task_result_orphaned> T>
void fields(Archive& a, T& e) {
  a.message(1, e.token);
  a.text(2, e.result);
}
template <class Archive, form_of<task_result_adopted> T>
void fields(Archive& a, T& e) {
  a.message(1, e.token);
}
template <class Archive, form_of<task_rescheduled> T>
void fields(Archive& a, T& e) {
  a.time(1, e.run_at);
}
template <class Archive, form_of<task_pause_requested> T>
void fields(Archive& a, T& e) {
  a.text(1, e.text);
}
template <class Archive, form_of<task_pinned> T>
void fields(Archive& a, T& e) {
  a.flag(1, e.pinned);
}
template <class Archive, form_of<task_started> T>
void fields(Archive& a, T& e) {
  a.number(1, e.token.run);
  a.number(2, e.token.attempt);
  a.text(3, e.worker);
  a.text(4, e.secret);
}
template <class Archive, form_of<task_succeeded> T>
void fields(Archive& a, T& e) {
  a.text(1, e.result);
}
template <class Archive, form_of<task_retry_scheduled> T>
void fields(Archive& a, T& e) {
  a.choice(1, e.reason, end_reason::duplicate, end_reason::failed);
  a.text(2, e.error);
  a.text(3, e.error_code);
  a.time(4, e.next_at);
}
template <class Archive, form_of<task_failed> T>
void fields(Archive& a, T& e) {
  a.choice(1, e.reason, end_reason::duplicate, end_reason::failed);
  a.text(2, e.error);
  a.text(3, e.error_code);
}
template <class Archive, form_of<task_expired> T>
void fields(Archive& a, T& e) {
  a.choice(1, e.clock, end_reason::duplicate, end_reason::ttl);
}
template <class Archive, form_of<task_cancelled> T>
void fields(Archive& a, T& e) {
  a.choice(1, e.reason, end_reason::duplicate, end_reason::cancelled);
  a.text(2, e.text);
}
template <class Archive, form_of<task_paused> T>
void fields(Archive& a, T& e) {
  a.text(1, e.text);
  a.choice(2, e.reason, end_reason::duplicate, end_reason::none);
  a.text(3, e.error);
  a.text(4, e.error_code);
}
template <class Archive, form_of<task_rerun> T>
void fields(Archive& a, T& e) {
  a.text(1, e.payload);
}
template <class Archive, form_of<order_created> T>
void fields(Archive& a, T& e) {
  fields(a, *e.spec);
}
/// The events that carry nothing but a reason.
template <class Archive, class T>
  requires(form_of<T, order_rejected> || form_of<T, order_cancelled> || form_of<T, order_failed> ||
           form_of<T, order_compensation_failed> || form_of<T, order_submission_refused> ||
           form_of<T, task_submission_refused>)
void fields(Archive& a, T& e) { a.text(1, e.reason); }
template <class Archive, form_of<order_compensation_started> T>
void fields(Archive& a, T& e) {
  a.text(1, e.reason);
  a.choice(2, e.aim, order_status::compensation_failed, order_status::failed);
}
template <class Archive, form_of<order_flow_begun> T>
void fields(Archive& a, T& e) {
  a.message(1, e.plan);
}
template <class Archive, form_of<order_step_started> T>
void fields(Archive& a, T& e) {
  a.number(1, e.step);
  a.id(2, e.child);
  a.number(3, e.undo);
}
template <class Archive, form_of<order_step_ended> T>
void fields(Archive& a, T& e) {
  a.number(1, e.step);
  a.message(2, e.end);
}
template <class Archive, form_of<order_step_skipped> T>
void fields(Archive& a, T& e) {
  a.number(1, e.step);
  a.text(2, e.reason);
}
template <class Archive, form_of<order_resumed> T>
void fields(Archive& a, T& e) {
  a.numbers(1, e.steps);
}

}  // namespace orrery::codec::detail
