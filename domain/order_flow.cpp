#include "domain/order_flow.hpp"

#include "domain/flow_template.hpp"

#include <algorithm>

namespace orrery::detail {

namespace {

using enum order_status;

bool is_done(const order_step& s) {
  return s.status == step_status::succeeded || s.status == step_status::skipped;
}
bool is_open(const order_step& s) {
  return s.status == step_status::running || s.status == step_status::stopping ||
         s.status == step_status::undoing;
}

failure refused(const order& o, std::string_view wish) {
  return {errc::rejected,
          "cannot " + std::string(wish) + ": the order is " + std::string(to_string(o.status))};
}

/// Decides on a copy that it moves on event by event.
class flow_run {
public:
  flow_run(const order& o, time_point now) : state_(o), now_(now) {}

  using outcome = result<decision<order_event>>;

  outcome operator()(const begin_flow& c) {
    if (o().plan->steps.empty())
      note(order_flow_begun{c.plan});
    go_on();
    return take();
  }
  outcome operator()(const children_ended& c);
  outcome operator()(const cancel_order& c);
  outcome operator()(const wake_order&);
  outcome operator()(const resume_order& c);
  outcome operator()(const skip_step& c);
  outcome operator()(const submit_order& c) {
    if (!c.spec.request_hash.empty() && !o().spec->request_hash.empty() &&
        c.spec.request_hash != o().spec->request_hash)
      note(order_submission_refused{refused_submission});
    return take();
  }
  outcome operator()(const auto&) {
    return failure{errc::rejected, "the order is moved by its flow " + o().plan->name};
  }

private:
  const order& o() const { return *state_; }
  outcome take() { return std::move(out_); }
  void note(order_event event) {
    evolve(state_, o().id, event, now_);
    out_.events.push_back(std::move(event));
  }
  bool any(bool (*holds)(const order_step&)) const {
    return std::any_of(o().steps.begin(), o().steps.end(), holds);
  }
  std::optional<uint32_t> step_named(std::string_view name) const;

  void go_on();
  void reserve_first();
  void start_ready(bool (*may)(const flow_step&));
  void start(uint32_t step, bool undo);
  void stop(uint32_t step, const std::string& text, bool kill);
  bool is_ready(size_t step) const;
  void unwind();
  void give_up(std::string reason, order_status aim);
  void finish(order_status aim);
  /// The first step that failed, where one has.
  std::optional<size_t> failed_step() const;

  std::optional<order> state_;
  const time_point now_;
  decision<order_event> out_;
};

std::optional<uint32_t> flow_run::step_named(std::string_view name) const {
  for (uint32_t i = 0; i < o().steps.size(); ++i)
    if (o().plan->steps[i].name == name)
      return i;
  return std::nullopt;
}

std::optional<size_t> flow_run::failed_step() const {
  for (size_t i = 0; i < o().steps.size(); ++i)
    if (o().steps[i].status == step_status::failed)
      return i;
  return std::nullopt;
}

bool is_reservation(const flow_step& step) {
  return step.task->kind == kind_stock_reserve && step.depends_on.empty();
}

/// Whatever can be done now.
void flow_run::go_on() {
  if (o().status == compensating)
    return unwind();
  if (const auto failed = failed_step()) {
    const auto& step = o().steps[*failed];
    auto reason = "step " + o().plan->steps[*failed].name + " failed";
    if (!step.error.empty())
      reason += ": " + step.error;
    reason.resize(std::min(reason.size(), limits::text_bytes));
    return give_up(std::move(reason), o().status == created && step.error_code == code_no_stock
                                          ? order_status::rejected
                                          : order_status::failed);
  }
  if (o().status == created) {
    reserve_first();
    for (size_t i = 0; i < o().steps.size(); ++i)
      if (is_reservation(o().plan->steps[i]) && !is_done(o().steps[i]))
        return;  // confirmed once all of it is reserved
    note(order_confirmed{});
  }
  if (o().status == confirmed)
    note(order_fulfilment_started{});
  start_ready([](const flow_step&) { return true; });
  if (std::all_of(o().steps.begin(), o().steps.end(), is_done))
    note(order_completed{});
}

void flow_run::reserve_first() { start_ready(is_reservation); }

bool flow_run::is_ready(size_t step) const {
  const auto& before = o().plan->steps[step].depends_on;
  return o().steps[step].status == step_status::pending &&
         std::all_of(before.begin(), before.end(),
                     [&](uint32_t other) { return is_done(o().steps[other]); });
}

void flow_run::start_ready(bool (*may)(const flow_step&)) {
  auto open = static_cast<size_t>(std::count_if(o().steps.begin(), o().steps.end(), is_open));
  for (uint32_t i = 0; i < o().steps.size() && open < limits::children_at_once; ++i)
    if (may(o().plan->steps[i]) && is_ready(i)) {
      start(i, false);
      ++open;
    }
}

void flow_run::start(uint32_t step, bool undo) {
  const auto& how = o().plan->steps[step];
  auto spec = undo ? *how.compensate : *how.task;
  spec.payload = fill_template(spec.payload, o(), how.name);
  if (undo && spec.kind == kind_stock_release && how.task->kind == kind_stock_reserve)
    spec.payload = with_member(spec.payload, "reservation", to_string(o().steps[step].child));
  spec.parent = o().id;
  spec.traceparent = o().spec->traceparent;
  if (spec.description.empty())
    spec.description = how.description;
  const auto child = id_of_child(o().id, (undo ? "undo/" : "step/") + how.name + '/' +
                                             std::to_string(o().steps[step].round + 1));
  out_.starts.push_back({child, shared_value<task_spec>(std::move(spec)), false});
  note(order_step_started{step, child, undo});
}

void flow_run::stop(uint32_t step, const std::string& text, bool kill) {
  out_.commands.push_back({o().steps[step].child, entity_kind::task, {text, kill}});
}

/// Stops what runs; then what has begun is undone, the last first.
void flow_run::give_up(std::string reason, order_status aim) {
  bool leads_back = any(is_open);
  for (size_t i = 0; i < o().steps.size() && !leads_back; ++i)
    leads_back = needs_undoing(o(), i);
  // What was never begun is not compensated, and says so at once.
  const bool at_once = !leads_back && (aim != order_status::failed || o().status != fulfilling);
  if (at_once && can_move(o().status, aim)) {
    state_->reason = reason;
    return finish(aim);
  }
  std::vector<uint32_t> running;
  for (uint32_t i = 0; i < o().steps.size(); ++i)
    if (o().steps[i].status == step_status::running)
      running.push_back(i);
  note(order_compensation_started{reason, aim});
  for (const auto i : running)
    stop(i, reason, false);
  unwind();
}

void flow_run::unwind() {
  if (any(is_open))
    return;
  std::optional<uint32_t> last;
  for (uint32_t i = 0; i < o().steps.size(); ++i) {
    if (o().steps[i].status == step_status::undo_failed)
      return note(order_compensation_failed{"the compensation of step " + o().plan->steps[i].name +
                                            " failed"});
    if (needs_undoing(o(), i) && (!last || o().steps[i].begun > o().steps[*last].begun))
      last = i;
  }
  if (last)
    return start(*last, true);
  finish(o().aim);
}

void flow_run::finish(order_status aim) {
  auto reason = o().reason;
  if (aim == order_status::cancelled)
    note(order_cancelled{std::move(reason)});
  else if (aim == order_status::expired)
    note(order_expired{});
  else if (aim == order_status::rejected)
    note(order_rejected{std::move(reason)});
  else
    note(order_failed{std::move(reason)});
}

flow_run::outcome flow_run::operator()(const children_ended& c) {
  bool moved = false;
  for (const auto& end : c.ends)
    for (uint32_t i = 0; i < o().steps.size(); ++i) {
      const auto& step = o().steps[i];
      if (step.child != end.id)
        continue;
      if (end.run > step.heard && (is_open(step) || step.status == step_status::undo_failed)) {
        note(order_step_ended{i, end});
        moved = true;
      }
      break;
    }
  if (!moved)
    return take();
  if (o().status == compensation_failed &&
      !any([](const order_step& s) { return s.status == step_status::undo_failed; }))
    note(order_compensation_resumed{});
  if (!is_final(o().status))
    go_on();
  return take();
}

flow_run::outcome flow_run::operator()(const cancel_order& c) {
  if (o().status == cancelled)
    return take();
  if (is_final(o().status))
    return refused(o(), "cancel");
  if (c.kill) {
    std::vector<uint32_t> open;
    for (uint32_t i = 0; i < o().steps.size(); ++i)
      if (is_open(o().steps[i]))
        open.push_back(i);
    note(order_cancelled{"killed, nothing was compensated" +
                         (c.reason.empty() ? std::string() : ": " + c.reason)});
    for (const auto i : open)
      stop(i, c.reason, true);
    return take();
  }
  if (o().status == compensating) {
    if (o().aim == cancelled)
      return take();
    return refused(o(), "cancel");
  }
  give_up(c.reason, cancelled);
  return take();
}

flow_run::outcome flow_run::operator()(const wake_order&) {
  const auto end = o().alarm_at();
  if (end != never && now_ >= end)
    give_up("its time is over", expired);
  return take();
}

flow_run::outcome flow_run::operator()(const resume_order& c) {
  std::optional<uint32_t> from;
  if (!c.step.empty() && !(from = step_named(c.step)))
    return failure{errc::invalid, "is not a step of the flow " + o().plan->name, "step"};
  if (o().status == compensation_failed) {
    note(order_compensation_resumed{});
    go_on();
    return take();
  }
  if (o().status != order_status::failed)
    return refused(o(), "resume");
  std::vector<bool> again(o().steps.size());
  for (size_t i = 0; i < again.size(); ++i)
    again[i] = !is_done(o().steps[i]) || from == i;
  // What depends on a step that runs again runs again, however far behind it stands.
  for (bool grew = from.has_value(); std::exchange(grew, false);)
    for (size_t i = 0; i < again.size(); ++i)
      if (const auto& before = o().plan->steps[i].depends_on;
          !again[i] && o().steps[i].status != step_status::skipped &&
          std::any_of(before.begin(), before.end(), [&](uint32_t b) { return again[b]; }))
        grew = again[i] = true;
  order_resumed event;
  for (uint32_t i = 0; i < again.size(); ++i)
    if (again[i])
      event.steps.push_back(i);
  note(std::move(event));
  go_on();
  return take();
}

flow_run::outcome flow_run::operator()(const skip_step& c) {
  const auto step = step_named(c.step);
  if (!step)
    return failure{errc::invalid, "is not a step of the flow " + o().plan->name, "step"};
  const auto status = o().steps[*step].status;
  const bool forward = o().status == created || o().status == confirmed || o().status == fulfilling;
  const bool back = o().status == compensating || o().status == compensation_failed;
  if (is_done(o().steps[*step]) && forward)
    return take();
  const bool can =
      (forward && (status == step_status::pending || status == step_status::running)) ||
      (back && (status == step_status::undo_failed || needs_undoing(o(), *step)));
  if (!can)
    return failure{errc::rejected, "cannot skip the step: it is " + std::string(to_string(status)) +
                                       " and the order is " + std::string(to_string(o().status))};
  note(order_step_skipped{*step, c.reason});
  if (status == step_status::running) {
    stop(*step, c.reason, false);
    return take();
  }
  if (o().status == compensation_failed) {
    if (any([](const order_step& s) { return s.status == step_status::undo_failed; }))
      return take();
    note(order_compensation_resumed{});
  }
  go_on();
  return take();
}

}  // namespace

bool needs_undoing(const order& o, size_t step) {
  const auto& s = o.steps[step];
  const auto& how = o.plan->steps[step];
  if (s.begun == 0 || !how.has_compensation())
    return false;
  if (s.status != step_status::succeeded && s.status != step_status::failed)
    return false;
  // A reservation that found too little has taken nothing.
  return !(s.status == step_status::failed && how.task->kind == kind_stock_reserve &&
           s.error_code == code_no_stock);
}

result<decision<order_event>> decide_with_flow(const order& o, const order_command& command,
                                               time_point now) {
  flow_run run(o, now);
  return std::visit(run, command);
}

result<decision<order_event>> begin(const order& o, const begin_flow& wish, time_point now) {
  flow_run run(o, now);
  return run(wish);
}

}  // namespace orrery::detail
