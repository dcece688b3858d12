#include "domain/order.hpp"

#include "domain/order_flow.hpp"
#include "domain/wake.hpp"

#include <algorithm>
#include <array>

namespace orrery {

namespace {

constexpr std::array<std::string_view, order_statuses> status_names = {
    "CREATED",  "CONFIRMED", "FULFILLING", "COMPENSATING", "COMPLETED",
    "REJECTED", "CANCELLED", "EXPIRED",    "FAILED",       "COMPENSATION_FAILED"};

constexpr uint16_t bit(order_status s) {
  return static_cast<uint16_t>(1U << static_cast<unsigned>(s));
}

using enum order_status;

constexpr std::array<uint16_t, order_statuses> moves = [] {
  std::array<uint16_t, order_statuses> table{};
  const auto allow = [&](order_status from, std::initializer_list<order_status> to) {
    for (const auto s : to)
      table[static_cast<size_t>(from)] |= bit(s);
  };
  allow(created, {confirmed, rejected, compensating, cancelled, expired});
  allow(confirmed, {fulfilling, cancelled, expired});
  allow(fulfilling, {completed, compensating, cancelled, expired});
  allow(compensating, {failed, rejected, cancelled, expired, compensation_failed});
  // Only by an operator, and only of orders with a flow.
  allow(failed, {fulfilling});
  allow(compensation_failed, {compensating});
  return table;
}();

failure refused(const order& o, std::string_view wish) {
  return {errc::rejected,
          "cannot " + std::string(wish) + ": the order is " + std::string(to_string(o.status))};
}

using events = std::vector<order_event>;
using detail::refused_submission;
using outcome = result<decision<order_event>>;

/// Decides for an order that has no flow under way.
struct decider {
  const order& o;
  time_point now;

  static outcome with(events list) { return decision<order_event>{std::move(list), {}, {}}; }

  /// `event` where the move is legal, nothing where the order is there already, else a refusal.
  template <class Event>
  outcome move(order_status to, std::string_view wish, Event event) const {
    if (o.status == to)
      return with({});
    if (is_final(o.status) || !can_move(o.status, to))
      return refused(o, wish);
    return with(events{std::move(event)});
  }

  outcome operator()(const submit_order& c) const {
    if (!c.spec.request_hash.empty() && !o.spec->request_hash.empty() &&
        c.spec.request_hash != o.spec->request_hash)
      return with(events{order_submission_refused{refused_submission}});
    return with({});
  }
  outcome operator()(const confirm_order&) const {
    return move(confirmed, "confirm", order_confirmed{});
  }
  outcome operator()(const reject_order& c) const {
    return move(rejected, "reject", order_rejected{c.reason});
  }
  outcome operator()(const begin_fulfilment&) const {
    return move(fulfilling, "begin fulfilment", order_fulfilment_started{});
  }
  outcome operator()(const complete_order&) const {
    if (o.status == confirmed) {  // moved by hand: both steps at once
      return with(events{order_fulfilment_started{}, order_completed{}});
    }
    return move(completed, "complete", order_completed{});
  }
  outcome operator()(const cancel_order& c) const {
    return move(cancelled, "cancel", order_cancelled{c.reason});
  }
  outcome operator()(const wake_order&) const {
    const auto end = o.alarm_at();
    if (end == never || now < end)
      return with({});
    return move(expired, "expire", order_expired{});
  }
  outcome operator()(const begin_compensation& c) const {
    return o.status == created
               ? refused(o, "compensate")
               : move(compensating, "compensate", order_compensation_started{c.reason, failed});
  }
  outcome operator()(const fail_order& c) const {
    return move(failed, "fail", order_failed{c.reason});
  }
  outcome operator()(const fail_compensation& c) const {
    return move(compensation_failed, "fail the compensation", order_compensation_failed{c.reason});
  }
  outcome operator()(const begin_flow& c) const {
    if (!o.awaits_flow())
      return with({});
    return detail::begin(o, c, now);
  }
  outcome operator()(const children_ended&) const { return with({}); }
  outcome operator()(const resume_order&) const { return has_no_flow("resume"); }
  outcome operator()(const skip_step&) const { return has_no_flow("skip a step"); }
  outcome has_no_flow(std::string_view wish) const {
    return failure{errc::rejected, "cannot " + std::string(wish) + ": the order has no flow"};
  }
};

failure bad_field(std::string_view field, std::string sentence) {
  return {errc::invalid, std::move(sentence), std::string(field)};
}

}  // namespace

std::string_view to_string(order_status s) noexcept { return status_names[static_cast<size_t>(s)]; }

std::optional<order_status> parse_order_status(std::string_view text) noexcept {
  for (size_t i = 0; i < order_statuses; ++i)
    if (status_names[i] == text)
      return static_cast<order_status>(i);
  return std::nullopt;
}

std::string_view name_of(const order_event& event) noexcept {
  static constexpr std::array<std::string_view, std::variant_size_v<order_event>> names = {
      "OrderCreated",
      "OrderConfirmed",
      "OrderRejected",
      "OrderFulfilmentStarted",
      "OrderCompleted",
      "OrderCancelled",
      "OrderExpired",
      "OrderCompensationStarted",
      "OrderFailed",
      "OrderCompensationFailed",
      "OrderFlowBegun",
      "OrderStepStarted",
      "OrderStepEnded",
      "OrderStepSkipped",
      "OrderCompensationResumed",
      "OrderResumed",
      "OrderSubmissionRefused",
      "OrderErased"};
  return names[event.index()];
}

std::string_view name_of(const order_command& command) noexcept {
  static constexpr std::array<std::string_view, std::variant_size_v<order_command>> names = {
      "submit", "confirm",    "reject", "begin-fulfilment",  "complete",   "cancel",
      "wake",   "compensate", "fail",   "fail-compensation", "begin-flow", "children-ended",
      "resume", "skip-step"};
  return names[command.index()];
}

bool can_move(order_status from, order_status to) noexcept {
  return (moves[static_cast<size_t>(from)] & bit(to)) != 0;
}

std::string_view to_string(step_status status) noexcept {
  static constexpr std::array<std::string_view, step_statuses> names = {
      "PENDING", "RUNNING", "STOPPING", "SUCCEEDED",  "FAILED",
      "SKIPPED", "UNDOING", "UNDONE",   "UNDO_FAILED"};
  return names[static_cast<size_t>(status)];
}

time_point order::expires_at() const noexcept {
  const auto length = spec->expires_in > 0us ? spec->expires_in : plan->expires_in;
  return length > 0us ? created_at + length : never;
}

time_point order::alarm_at() const noexcept {
  return is_final(status) || status == compensating ? never : expires_at();
}

bool order::awaits_flow() const noexcept {
  return status == created && !spec->flow.empty() && plan->steps.empty();
}

bool order::waits_for_children() const noexcept {
  return std::any_of(steps.begin(), steps.end(), [](const order_step& s) {
    return s.status == step_status::running || s.status == step_status::stopping ||
           s.status == step_status::undoing || s.status == step_status::undo_failed;
  });
}

std::vector<child_watch> order::watches() const {
  std::vector<child_watch> list;
  for (const auto& step : steps) {
    child_watch watch{step.child, step.heard, {}};
    if (step.status == step_status::stopping)
      watch.wish = child_command{step.child, entity_kind::task, {reason, is_final(status)}};
    else if (step.status != step_status::running && step.status != step_status::undoing &&
             step.status != step_status::undo_failed)
      continue;
    list.push_back(std::move(watch));
  }
  return list;
}

time_point order::wake_at() const noexcept {
  return awaits_flow() || waits_for_children() ? at_once : alarm_at();
}

std::vector<std::string> compensation_plan(const order& o) {
  std::vector<std::pair<uint32_t, std::string>> list;
  for (size_t i = 0; i < o.steps.size(); ++i) {
    const auto& step = o.steps[i];
    const bool runs =
        step.status == step_status::running || (step.status == step_status::stopping && !step.skip);
    const bool open =
        step.status == step_status::undoing || step.status == step_status::undo_failed;
    if (detail::needs_undoing(o, i) || open || (runs && o.plan->steps[i].has_compensation()))
      list.emplace_back(step.begun, o.plan->steps[i].name);
  }
  std::sort(list.begin(), list.end(), std::greater<>());
  std::vector<std::string> names;
  for (auto& [begun, name] : list)
    names.push_back(std::move(name));
  return names;
}

result<void> validate(const order_spec& s) {
  if (s.product.empty())
    return bad_field("product", "is missing");
  if (s.product.size() > limits::name_bytes)
    return bad_field("product", "is longer than 128 bytes");
  if (s.quantity < 1 || s.quantity > limits::quantity_max)
    return bad_field("quantity", "must lie between 1 and 1000000");
  if (s.customer.size() > limits::name_bytes)
    return bad_field("customer", "is longer than 128 bytes");
  if (s.flow.size() > limits::name_bytes)
    return bad_field("flow", "is longer than 128 bytes");
  if (s.expires_in < 0us || s.expires_in > limits::delay_max)
    return bad_field("expiresIn", "must lie between 0 and ten years");
  if (s.metadata.size() > limits::metadata_bytes)
    return bad_field("metadata", "is larger than 16 KiB");
  if (s.reference.size() > limits::reference_bytes)
    return bad_field("orderId", "is longer than 512 bytes");
  return {};
}

result<decision<order_event>> decide(const std::optional<order>& state,
                                     const order_command& command, time_point now) {
  if (state && !state->plan->steps.empty())
    return detail::decide_with_flow(*state, command, now);
  if (state)
    return std::visit(decider{*state, now}, command);
  const auto* submit = std::get_if<submit_order>(&command);
  if (submit == nullptr)
    return failure{errc::not_found, "there is no such order"};
  if (auto ok = validate(submit->spec); !ok)
    return std::move(ok).error();
  decision<order_event> born;
  born.events.emplace_back(order_created{submit->spec});
  return born;
}

}  // namespace orrery
