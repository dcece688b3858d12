#pragma once
/// The spans of orders and tasks: one for each attempt, one for each run of a task, one for an order. They are
/// made with the decision that ends what they are of, ride in its effect, and are told when that is durable.

#include "actors/context.hpp"
#include "actors/messages.hpp"

namespace orrery::actors {

/// The order has come to rest: it is final, or nothing moves it further.
void note_order_span(const node_context& context, const order& after, time_point at,
                     entity_effect& effect);

/// Whether spans of an entity with this context are made.
inline bool is_traced(const node_context& context, std::string_view traceparent) {
  return context.spans != nullptr && is_sampled(traceparent);
}

/// What the `folder` of one event is told: durations and spans of what it ends.
template <class Entity>
class ending_watch;

template <>
class ending_watch<task> {
public:
  explicit ending_watch(const std::optional<task>& before) {
    if (before && before->status == task_status::running) {
      since_ = before->started_at;
      token_ = before->token();
    }
    was_final_ = before && is_final(before->status);
    run_ = before ? before->run : 0;
  }
  void look(const node_context& context, const task& after, time_point at, entity_effect& effect) {
    const bool ran = since_ != never;
    const bool runs = after.status == task_status::running && after.token() == token_;
    if (ran && !runs) {
      effect.attempt_time = std::max(at - since_, duration{});
      if (after.reason != end_reason::succeeded)
        log_failure(after);
    }
    const bool ends = is_final(after.status) && (!was_final_ || after.run != run_);
    if (((ran && !runs) || ends) && is_traced(context, after.spec->traceparent))
      tell(context, after, at, effect, ran && !runs, ends);
  }

private:
  void log_failure(const task& after) const;
  void tell(const node_context& context, const task& after, time_point at, entity_effect& effect,
            bool attempt, bool run) const;

  time_point since_ = never;
  attempt_token token_;
  bool was_final_ = false;
  uint32_t run_ = 0;
};

template <>
class ending_watch<order> {
public:
  explicit ending_watch(const std::optional<order>& before) : before_(rests(before)) {}
  void look(const node_context& context, const order& after, time_point at, entity_effect& effect) {
    if (is_traced(context, after.spec->traceparent) && rests(after) != before_ && rests(after))
      note_order_span(context, after, at, effect);
  }

private:
  static bool rests(const std::optional<order>& o) {
    return o &&
           (is_final(o->status) || (o->spec->flow.empty() && o->status == order_status::created));
  }
  bool before_ = false;
};

template <>
class ending_watch<schedule> {
public:
  explicit ending_watch(const std::optional<schedule>&) {}
  void look(const node_context&, const schedule&, time_point, entity_effect&) {}
};

}  // namespace orrery::actors
