/// Folding the events of an order.

#include "base/check.hpp"
#include "domain/order.hpp"

#include <algorithm>

namespace orrery {

namespace {

using enum order_status;

struct folder {
  order& o;
  time_point at;

  void move(order_status to) {
    CHECK(can_move(o.status, to), "an event makes a legal move");
    o.status = to;
    if (is_final(to))
      o.finished_at = at;
  }
  /// Whatever runs is to end; what has been told to already goes on so.
  void stop_all() {
    for (auto& step : o.steps)
      if (step.status == step_status::running)
        step.status = step_status::stopping;
  }
  void operator()(const order_created&) { CHECK(false, "an order is created once"); }
  void operator()(const order_confirmed&) { move(confirmed); }
  void operator()(const order_rejected& e) {
    move(rejected);
    o.reason = e.reason;
  }
  void operator()(const order_fulfilment_started&) { move(fulfilling); }
  void operator()(const order_completed&) { move(completed); }
  void operator()(const order_cancelled& e) {
    move(cancelled);
    o.reason = e.reason;
    for (auto& step : o.steps)  // open only where it was killed
      if (step.status == step_status::running || step.status == step_status::undoing)
        step.status = step_status::stopping;
  }
  void operator()(const order_expired&) { move(expired); }
  void operator()(const order_compensation_started& e) {
    move(compensating);
    o.reason = e.reason;
    o.aim = e.aim;
    stop_all();
  }
  void operator()(const order_failed& e) {
    move(failed);
    o.reason = e.reason;
  }
  void operator()(const order_compensation_failed& e) {
    move(compensation_failed);
    o.reason = e.reason;
  }
  void operator()(const order_flow_begun& e) {
    o.plan = e.plan;
    o.steps.assign(e.plan->steps.size(), {});
  }
  order_step& step_at(uint32_t number) {
    CHECK(number < o.steps.size(), "an event names a step of the flow");
    return o.steps[number];
  }
  void operator()(const order_step_started& e) {
    auto& step = step_at(e.step);
    if (!e.undo) {
      uint32_t last = 0;
      for (const auto& other : o.steps)
        last = std::max(last, other.begun);
      step.begun = last + 1;
      step.result.clear();
      step.error.clear();
      step.error_code.clear();
    }
    step.status = e.undo ? step_status::undoing : step_status::running;
    ++step.round;
    step.heard = 0;
    step.skip = false;
    step.child = e.child;
    step.started_at = at;
    step.ended_at = never;
  }
  void operator()(const order_step_ended& e) {
    using enum step_status;
    auto& step = step_at(e.step);
    const bool good = e.end.outcome == child_outcome::succeeded;
    step.heard = e.end.run;
    step.ended_at = at;
    step.error = e.end.error;
    step.error_code = e.end.error_code;
    if (step.status == undoing || step.status == undo_failed) {
      step.status = good ? undone : undo_failed;
      return;
    }
    step.result = e.end.result;
    if (step.status == stopping && step.skip) {
      step.status = skipped;
    } else if (step.status == stopping && !e.end.began) {
      step.status = pending;
      step.begun = 0;
    } else {
      step.status = good ? succeeded : step_status::failed;
      if (!good && !e.end.began)
        step.begun = 0;  // nothing was done, so nothing is undone
    }
  }
  void operator()(const order_step_skipped& e) {
    using enum step_status;
    auto& step = step_at(e.step);
    if (step.status == running) {
      step.status = stopping;
      step.skip = true;
    } else {
      step.status = step.status == pending ? skipped : undone;
    }
    step.error = e.reason;
  }
  void operator()(const order_compensation_resumed&) {
    move(compensating);
    o.finished_at = never;
    for (auto& step : o.steps)
      if (step.status == step_status::undo_failed)
        step.status = step_status::failed;
  }
  void operator()(const order_submission_refused&) {}
  void operator()(const order_erased&) {}
  void operator()(const order_resumed& e) {
    move(fulfilling);
    o.finished_at = never;
    o.reason.clear();
    for (const auto number : e.steps) {
      auto& step = step_at(number);
      step.status = step_status::pending;
      step.begun = 0;
    }
  }
};

}  // namespace

void evolve(std::optional<order>& state, entity_id id, const order_event& event, time_point at) {
  if (const auto* born = std::get_if<order_created>(&event)) {
    CHECK(!state, "an order is created once");
    auto& o = state.emplace();
    o.id = id;
    o.spec = born->spec;
    o.created_at = at;
  } else {
    CHECK(state, "only a submission makes an order");
    std::visit(folder{*state, at}, event);
  }
  state->updated_at = at;
  ++state->version;
}

}  // namespace orrery
