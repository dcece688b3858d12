#pragma once
/// The field numbers of schedules; part of codec/detail/stored_fields.hpp, with its rules.

#include "codec/detail/wire.hpp"
#include "domain/events.hpp"

#include <concepts>
#include <type_traits>

namespace orrery::codec::detail {

/// `T` or `const T`: the same description reads and writes.
template <class T, class Plain>
concept form_of = std::same_as<std::remove_const_t<T>, Plain>;

inline const task_spec no_scheduled_task{};
inline const order_spec no_scheduled_order{};
inline const message_template no_scheduled_message{};

template <class Archive, form_of<fire_times_spec> T>
void fields(Archive& a, T& s) {
  a.list(1, s.expressions);
  a.list(2, s.except);
  a.text(3, s.zone, "UTC");
  a.choice(4, s.dst, dst_policy::literal, dst_policy::smart);
  a.time(5, s.start);
  a.time(6, s.end);
}

template <class Archive, form_of<message_template> T>
void fields(Archive& a, T& m) {
  a.text(1, m.topic);
  a.text(2, m.key);
  a.text(3, m.value);
}

template <class Archive, form_of<schedule_spec> T>
void fields(Archive& a, T& s) {
  a.text(1, s.name);
  a.text(2, s.description);
  a.message(3, s.times);
  a.choice(4, s.action, schedule_action::message, schedule_action::task);
  a.message(5, s.task, no_scheduled_task);
  a.message(6, s.order, no_scheduled_order);
  a.message(7, s.message, no_scheduled_message);
  a.choice(8, s.overlap, overlap_policy::allow, overlap_policy::skip);
  a.choice(9, s.misfire, misfire_policy::all, misfire_policy::once_now);
  a.span(10, s.misfire_after, 60s);
  a.span(11, s.catchup_window, 24h * 365);
  a.span(12, s.jitter);
  a.number(13, s.limit);
  a.number(14, s.pause_on_failure);
}

template <class Archive, form_of<schedule_fire> T>
void fields(Archive& a, T& f) {
  a.time(1, f.at);
  a.time_since(2, f.fired_at, f.at);
  a.time_since(3, f.due_at, f.at);
  a.choice(4, f.kind, fire_kind::backfill, fire_kind::scheduled);
  a.choice(5, f.outcome, fire_outcome::cancelled, fire_outcome::running);
  a.id(6, f.child);
  a.number(7, f.heard);
}

template <class Archive, form_of<waiting_fire> T>
void fields(Archive& a, T& f) {
  a.time(1, f.at);
  a.choice(2, f.kind, fire_kind::backfill, fire_kind::scheduled);
  a.number(3, f.series);
}

template <class Archive, form_of<backfill_range> T>
void fields(Archive& a, T& r) {
  a.number(1, r.series);
  a.time(2, r.next);
  a.time(3, r.to);
  a.choice(4, r.overlap, overlap_policy::allow, overlap_policy::buffer_all);
}

template <class Archive, form_of<pause_span> T>
void fields(Archive& a, T& p) {
  a.time(1, p.from);
  a.time(2, p.to);
}

template <class Archive, form_of<schedule_counters> T>
void fields(Archive& a, T& c) {
  a.number(1, c.fired);
  a.number(2, c.triggered);
  a.number(3, c.failed);
  a.number(4, c.missed_catchup);
  a.number(5, c.misfires_skipped);
  a.number(6, c.overlap_skipped);
  a.number(7, c.buffer_dropped);
}

template <class Archive, form_of<schedule> T>
void fields(Archive& a, T& s) {
  a.id(1, s.id);
  a.message(2, s.spec);
  a.time(3, s.created_at);
  a.choice(4, s.status, schedule_status::deleted, schedule_status::active);
  a.number(5, s.version);
  a.number(6, s.definition, uint64_t{1});
  a.time_since(7, s.updated_at, s.created_at);
  a.time_since(8, s.finished_at, s.created_at);
  a.time_since(9, s.next_at, s.created_at);
  a.time_since(10, s.last_at, s.created_at);
  a.text(11, s.note);
  a.message(12, s.counters);
  a.number(13, s.series);
  a.messages(14, s.recent);
  a.messages(15, s.waiting);
  a.messages(16, s.backfills);
  a.messages(17, s.pauses);
}

template <class Event>
inline constexpr uint32_t event_number = 0;
template <>
inline constexpr uint32_t event_number<schedule_created> = 48;
template <>
inline constexpr uint32_t event_number<schedule_updated> = 49;
template <>
inline constexpr uint32_t event_number<schedule_paused> = 50;
template <>
inline constexpr uint32_t event_number<schedule_resumed> = 51;
template <>
inline constexpr uint32_t event_number<schedule_fired> = 52;
template <>
inline constexpr uint32_t event_number<schedule_skipped> = 53;
template <>
inline constexpr uint32_t event_number<schedule_buffered> = 54;
template <>
inline constexpr uint32_t event_number<schedule_child_ended> = 55;
template <>
inline constexpr uint32_t event_number<schedule_backfill_started> = 56;
template <>
inline constexpr uint32_t event_number<schedule_backfill_moved> = 57;
template <>
inline constexpr uint32_t event_number<schedule_completed> = 58;
template <>
inline constexpr uint32_t event_number<schedule_deleted> = 59;

template <class Archive, class T>
  requires(form_of<T, schedule_created> || form_of<T, schedule_updated>)
void fields(Archive& a, T& e) {
  a.message(1, e.spec);
  a.time(2, e.next_at);
}
template <class Archive, form_of<schedule_paused> T>
void fields(Archive& a, T& e) {
  a.text(1, e.note);
}
template <class Archive, form_of<schedule_resumed> T>
void fields(Archive& a, T& e) {
  a.text(1, e.note);
  a.time(2, e.next_at);
}
template <class Archive, form_of<schedule_fired> T>
void fields(Archive& a, T& e) {
  a.time(1, e.at);
  a.choice(2, e.kind, fire_kind::backfill, fire_kind::scheduled);
  a.number(3, e.series);
  a.id(4, e.child);
  a.number(5, e.followed, true);
  a.number(6, e.turn);
  a.time(7, e.next_at);
  a.message(8, e.message, no_scheduled_message);
}
template <class Archive, form_of<schedule_skipped> T>
void fields(Archive& a, T& e) {
  a.time(1, e.at);
  a.choice(2, e.reason, skip_reason::buffer, skip_reason::misfire);
  a.number(3, e.count, uint64_t{1});
  a.number(4, e.turn);
  a.time(5, e.next_at);
}
template <class Archive, form_of<schedule_buffered> T>
void fields(Archive& a, T& e) {
  a.message(1, e.fire);
  a.number(2, e.turn);
  a.time(3, e.next_at);
  a.number(4, e.replaces);
}
template <class Archive, form_of<schedule_child_ended> T>
void fields(Archive& a, T& e) {
  a.id(1, e.child);
  a.number(2, e.run, 1U);
  a.choice(3, e.outcome, child_outcome::cancelled, child_outcome::succeeded);
}
template <class Archive, form_of<schedule_backfill_started> T>
void fields(Archive& a, T& e) {
  a.message(1, e.range);
}
template <class Archive, form_of<schedule_backfill_moved> T>
void fields(Archive& a, T& e) {
  a.time(1, e.next);
}

}  // namespace orrery::codec::detail
