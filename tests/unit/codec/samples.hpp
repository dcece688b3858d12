#pragma once
/// Entities, events and texts of every kind, for round trips: as nasty as the formats allow.

#include "domain/messages.hpp"

#include <rapidcheck.h>

namespace orrery::test {

/// A number of the range, each alike: rapidcheck's own ranges begin small and grow with the size.
template <class T>
T pick(T from, T below) {
  return *rc::gen::resize(rc::kNominalSize, rc::gen::inRange(from, below));
}

template <class T>
T one_of(std::initializer_list<T> values) {
  return *rc::gen::elementOf(std::vector<T>(values));
}

template <class Enum>
Enum any_upto(Enum last) {
  return static_cast<Enum>(pick(0, static_cast<int>(last) + 1));
}

/// Valid UTF-8 without NUL: quotes, escapes, control characters, sequences of every length.
inline std::string nasty_text(int pieces_max = 6) {
  std::string text;
  const int pieces = pick(0, pieces_max + 1);
  for (int i = 0; i < pieces; ++i)
    text += one_of<std::string>({"a",
                                 "Order",
                                 " ",
                                 "\"",
                                 "\\",
                                 "/",
                                 "\n",
                                 "\r\n",
                                 "\t",
                                 "\b\f",
                                 "\x01",
                                 "\x1f",
                                 "\x7f",
                                 "\xc3\xa9",
                                 "\xe2\x80\xa8",
                                 "\xf0\x9d\x84\x9e",
                                 "\xef\xbf\xbd",
                                 "</script>",
                                 "\\u0041",
                                 "{}",
                                 "null",
                                 "'",
                                 "\xed\x9f\xbf",
                                 "\xf4\x8f\xbf\xbf",
                                 "\xc2\x80"});
  return text;
}

inline std::string nasty_name() { return "n" + nasty_text(3); }

/// Any JSON text on one line, or none.
inline std::string any_json() {
  return one_of<std::string>({"", "0", "-1", "1.5", "1e300", "true", "false", R"("")",
                              R"("a\"b\\c\u00e9")", "[]", "{}", R"({"a":[1,{"b":"]}\""}],"a":2})",
                              R"([[[[[]]]],null,"x y"])", R"({"url":"https://x/?a=b&c=d"})",
                              "12345678901234567890", R"(["\ud834\udd1e"])"});
}

inline std::string any_object() {
  return one_of<std::string>({"", "{}", R"({"a":1})", R"({"note":"ring } \" twice","n":[1,2]})"});
}

inline time_point any_time() {
  return from_micros(*rc::gen::oneOf(
      rc::gen::just(int64_t{0}), rc::gen::inRange<int64_t>(0, 253'402'300'800'000'000),
      rc::gen::inRange<int64_t>(1'799'999'999'000'000, 1'800'000'001'000'000)));
}

inline duration any_length(duration most = limits::ttl_max) {
  return duration{*rc::gen::oneOf(rc::gen::just(int64_t{1000}),
                                  rc::gen::inRange<int64_t>(1000, most.count() + 1))};
}

inline entity_id any_id() {
  return new_entity_id(any_time(), shard_id{pick<uint16_t>(0, 4096)},
                       *rc::gen::arbitrary<uint64_t>());
}

inline bool maybe() { return pick(0, 3) == 0; }

inline std::vector<std::string> names() {
  std::vector<std::string> list;
  const int count = pick(0, 4);
  for (int i = 0; i < count; ++i)
    list.push_back(nasty_name());
  return list;
}

inline retry_policy any_retry() {
  retry_policy r;
  if (maybe())
    r.max_attempts = pick(1U, 1001U);
  if (maybe())
    r.kind = any_upto(backoff_kind::linear);
  if (maybe())
    r.initial = any_length();
  if (maybe())
    r.factor = one_of({1.0, 1.5, 2.25, 99.9, 1.1});
  if (maybe())
    r.max = any_length();
  if (maybe())
    r.jitter = one_of({0.0, 0.1, 1.0 / 3.0, 1.0});
  if (maybe())
    r.non_retryable = names();
  if (maybe())
    r.on_exhausted = exhausted_action::pause;
  return r;
}

inline task_options any_options(const task_spec& of) {
  task_options o;
  if (maybe())
    o.labels = names();
  if (!of.unique_key.empty() && maybe()) {
    o.unique = any_upto(unique_mode::latest);
    o.unique_window = any_length();
  }
  if (maybe())
    o.if_running = any_upto(on_running::replace);
  if (maybe())
    o.if_ended = any_upto(on_ended::allow_if_failed);
  if (of.run_at == never && maybe())
    o.delay = any_length();
  return o;
}

/// Passes `validate`. Without what travels in headers.
inline task_spec any_task_spec() {
  task_spec s;
  s.kind = nasty_name();
  if (maybe())
    s.description = nasty_text();
  if (maybe())
    s.payload = any_json();
  if (maybe())
    s.queue = nasty_name();
  if (maybe())
    s.priority = pick(1, 6);
  if (maybe())
    s.ttl = any_length();
  if (maybe())
    s.queue_ttl = any_length();
  if (maybe())
    s.total_ttl = any_length();
  if (maybe())
    s.heartbeat = any_length();
  if (maybe())
    s.deadline = any_time();
  if (maybe())
    s.run_at = any_time();
  if (maybe())
    s.delivery = delivery_mode::at_most_once;
  if (maybe())
    s.on_timeout = timeout_action::retry;
  if (maybe())
    s.retry = any_retry();
  if (maybe())
    s.unique_key = nasty_text();
  if (maybe())
    s.tags = names();
  if (maybe())
    s.options = any_options(s);
  return s;
}

inline order_spec any_order_spec() {
  order_spec s;
  s.product = nasty_name();
  if (maybe())
    s.quantity = pick<int64_t>(1, limits::quantity_max + 1);
  if (maybe())
    s.customer = nasty_text();
  if (maybe())
    s.flow = nasty_text();
  if (maybe())
    s.expires_in = any_length(limits::delay_max);
  if (maybe())
    s.metadata = any_object();
  return s;
}

inline flow any_flow() {
  flow f;
  f.name = nasty_name();
  f.version = pick(1U, 9U);
  f.description = nasty_text();
  for (uint32_t i = 0, n = pick(1U, 4U); i < n; ++i) {
    flow_step step;
    step.name = nasty_name();
    for (uint32_t before = 0; before < i; ++before)
      if (maybe())
        step.depends_on.push_back(before);
    step.task = any_task_spec();
    if (maybe())
      step.compensate = any_task_spec();
    f.steps.push_back(std::move(step));
  }
  return f;
}

inline child_end any_end() {
  return {any_id(),     pick(1U, 9U), any_upto(child_outcome::cancelled), maybe(), any_json(),
          nasty_text(), nasty_text()};
}

inline order_step any_step() {
  order_step s;
  s.status = any_upto(step_status::undo_failed);
  s.round = pick(0U, 5U);
  s.begun = pick(0U, 5U);
  s.heard = pick(0U, 5U);
  if (maybe())
    s.child = any_id();
  s.skip = maybe();
  s.started_at = any_time();
  s.ended_at = any_time();
  s.result = any_json();
  s.error = nasty_text();
  s.error_code = nasty_text();
  return s;
}

template <class Spec>
Spec with_headers(Spec s) {
  if (maybe())
    s.reference = nasty_name();
  if (maybe())
    s.traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  if (maybe())
    s.request_hash = nasty_text();
  if (maybe())
    s.parent = any_id();
  return s;
}

inline task_extra any_extra() {
  task_extra e;
  e.progress = one_of({-1.0, 0.0, 0.25, 1.0});
  e.message = nasty_text();
  e.cursor = any_json();
  e.ends_at = any_time();
  e.snoozes = pick(0U, 9U);
  if (maybe())
    e.follow_up = any_task_spec();
  for (int i = pick(0, 3); i > 0; --i)
    e.orphans.push_back({{pick(1U, 9U), pick(1U, 9U)}, any_time(), any_json()});
  return e;
}

inline task any_task() {
  task t;
  t.id = any_id();
  t.spec = with_headers(any_task_spec());
  t.status = any_upto(task_status::cancelled);
  t.paused_from = any_upto(task_status::cancelled);
  t.run = pick(1U, 101U);
  t.attempt = pick(0U, 2000U);
  t.uncounted = pick(0U, 10U);
  t.version = *rc::gen::arbitrary<uint64_t>();
  t.created_at = any_time();
  for (auto* at :
       {&t.updated_at, &t.life_from, &t.queued_at, &t.started_at, &t.finished_at, &t.next_at})
    *at = maybe() ? t.created_at : any_time();
  t.reason = any_upto(end_reason::duplicate);
  t.reason_text = nasty_text();
  t.result = any_json();
  t.error = nasty_text();
  t.error_code = nasty_text();
  t.worker = nasty_text();
  t.hold = maybe();
  t.pinned = maybe();
  if (maybe())
    t.extra = any_extra();
  return t;
}

inline order any_order() {
  order o;
  o.id = any_id();
  o.spec = with_headers(any_order_spec());
  o.status = any_upto(order_status::compensation_failed);
  o.version = *rc::gen::arbitrary<uint64_t>();
  o.created_at = any_time();
  o.updated_at = any_time();
  o.finished_at = any_time();
  o.reason = nasty_text();
  if (maybe()) {
    o.plan = any_flow();
    for (size_t i = 0; i < o.plan->steps.size(); ++i)
      o.steps.push_back(any_step());
    o.aim = any_upto(order_status::compensation_failed);
  }
  return o;
}

inline entity any_entity() { return maybe() ? entity{any_order()} : entity{any_task()}; }

inline task_event any_task_event() {
  const auto reason = any_upto(end_reason::duplicate);
  switch (pick(0, 23)) {
    case 22: return task_erased{};
    case 12: return task_progressed{0.5, nasty_text(), any_json(), any_time()};
    case 13: return task_snoozed{any_time(), nasty_text()};
    case 14: return task_result_orphaned{{pick(0U, 9U), pick(0U, 9U)}, any_json()};
    case 15: return task_result_adopted{{pick(0U, 9U), pick(0U, 9U)}};
    case 16: return task_rescheduled{any_time()};
    case 17: return task_replaced{with_headers(any_task_spec())};
    case 18: return task_followed{with_headers(any_task_spec())};
    case 19: return task_pause_requested{nasty_text()};
    case 20: return task_pinned{maybe()};
    case 21: return task_submission_refused{nasty_text()};
    case 0: return task_submitted{with_headers(any_task_spec())};
    case 1: return task_queued{};
    case 2: return task_started{{pick(0U, 9U), pick(0U, 9U)}, nasty_text()};
    case 3: return task_succeeded{any_json()};
    case 4: return task_retry_scheduled{reason, nasty_text(), nasty_text(), any_time()};
    case 5: return task_interrupted{};
    case 6: return task_failed{reason, nasty_text(), nasty_text()};
    case 7: return task_expired{reason};
    case 8: return task_cancelled{reason, nasty_text()};
    case 9: return task_paused{nasty_text(), reason, nasty_text(), nasty_text()};
    case 10: return task_resumed{};
    default: return task_rerun{any_json()};
  }
}

inline order_event any_order_event() {
  switch (pick(0, 18)) {
    case 17: return order_erased{};
    case 16: return order_submission_refused{nasty_text()};
    case 10: return order_flow_begun{any_flow()};
    case 11: return order_step_started{pick(0U, 9U), any_id(), maybe()};
    case 12: return order_step_ended{pick(0U, 9U), any_end()};
    case 13: return order_step_skipped{pick(0U, 9U), nasty_text()};
    case 14: return order_compensation_resumed{};
    case 15: return order_resumed{{pick(0U, 9U), pick(0U, 9U)}};
    case 0: return order_created{with_headers(any_order_spec())};
    case 1: return order_confirmed{};
    case 2: return order_rejected{nasty_text()};
    case 3: return order_fulfilment_started{};
    case 4: return order_completed{};
    case 5: return order_cancelled{nasty_text()};
    case 6: return order_expired{};
    case 7:
      return order_compensation_started{nasty_text(), any_upto(order_status::compensation_failed)};
    case 8: return order_failed{nasty_text()};
    default: return order_compensation_failed{nasty_text()};
  }
}

/// Records of a few entities, mixed; positions and times in any order.
inline std::vector<event_record> any_records() {
  const std::vector<entity_id> ids = {any_id(), any_id(), any_id()};
  std::vector<event_record> list;
  const int count = pick(0, 12);
  int64_t position = pick<int64_t>(0, int64_t{1} << 50);
  for (int i = 0; i < count; ++i) {
    position = maybe() ? pick<int64_t>(1, int64_t{1} << 60) : position + 1;
    list.push_back({position_t{position}, *rc::gen::elementOf(ids), any_time(),
                    maybe() ? entity_event{any_order_event()} : entity_event{any_task_event()}});
  }
  return list;
}

/// `valid` as damage leaves it: cut, bits turned, bytes put in, pieces of `other` put in.
inline std::string damaged(std::string valid, std::string_view other, uint64_t random) {
  const auto next = [&random](size_t below) {
    random = random * 6364136223846793005ULL + 1442695040888963407ULL;
    return below == 0 ? size_t{0} : static_cast<size_t>(random >> 33) % below;
  };
  for (size_t i = 1 + next(4); i > 0 && !valid.empty(); --i) {
    const auto at = next(valid.size());
    switch (next(5)) {
      case 0: valid.resize(at); break;
      case 1: valid[at] = static_cast<char>(valid[at] ^ (1 << next(8))); break;
      case 2: valid.insert(at, 1, static_cast<char>(next(256))); break;
      case 3: valid.erase(at, 1 + next(8)); break;
      default: {
        const auto from = next(other.size());
        valid.insert(at, other.substr(from, next(16)));
      }
    }
  }
  return valid;
}

}  // namespace orrery::test
