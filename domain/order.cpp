#include "domain/order.hpp"

#include "base/check.hpp"

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
  allow(created, {confirmed, rejected, cancelled, expired});
  allow(confirmed, {fulfilling, cancelled, expired});
  allow(fulfilling, {completed, compensating, cancelled, expired});
  allow(compensating, {failed, cancelled, expired, compensation_failed});
  return table;
}();

failure refused(const order& o, std::string_view wish) {
  return {errc::rejected,
          "cannot " + std::string(wish) + ": the order is " + std::string(to_string(o.status))};
}

using events = std::vector<order_event>;

struct decider {
  const order& o;
  time_point now;

  /// `event` where the move is legal, nothing where the order is there already, else a refusal.
  template <class Event>
  result<events> move(order_status to, std::string_view wish, Event event) const {
    if (o.status == to)
      return events{};
    if (!can_move(o.status, to))
      return refused(o, wish);
    events list;
    list.emplace_back(std::move(event));
    return list;
  }

  result<events> operator()(const submit_order& c) const {
    if (!c.spec.request_hash.empty() && !o.spec->request_hash.empty() &&
        c.spec.request_hash != o.spec->request_hash)
      return failure{errc::conflict, "the same key was used before with another body"};
    return events{};
  }
  result<events> operator()(const confirm_order&) const {
    return move(confirmed, "confirm", order_confirmed{});
  }
  result<events> operator()(const reject_order& c) const {
    return move(rejected, "reject", order_rejected{c.reason});
  }
  result<events> operator()(const begin_fulfilment&) const {
    return move(fulfilling, "begin fulfilment", order_fulfilment_started{});
  }
  result<events> operator()(const complete_order&) const {
    if (o.status == confirmed) {  // moved by hand: both steps at once
      events list;
      list.emplace_back(order_fulfilment_started{});
      list.emplace_back(order_completed{});
      return list;
    }
    return move(completed, "complete", order_completed{});
  }
  result<events> operator()(const cancel_order& c) const {
    return move(cancelled, "cancel", order_cancelled{c.reason});
  }
  result<events> operator()(const wake_order&) const {
    const auto end = o.expires_at();
    if (end == never || now < end || is_final(o.status) || o.status == compensating)
      return events{};
    return move(expired, "expire", order_expired{});
  }
  result<events> operator()(const begin_compensation& c) const {
    return move(compensating, "compensate", order_compensation_started{c.reason});
  }
  result<events> operator()(const fail_order& c) const {
    return move(failed, "fail", order_failed{c.reason});
  }
  result<events> operator()(const fail_compensation& c) const {
    return move(compensation_failed, "fail the compensation", order_compensation_failed{c.reason});
  }
};

struct folder {
  order& o;
  time_point at;

  void move(order_status to) {
    CHECK(can_move(o.status, to), "an event makes a legal move");
    o.status = to;
    if (is_final(to))
      o.finished_at = at;
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
  }
  void operator()(const order_expired&) { move(expired); }
  void operator()(const order_compensation_started& e) {
    move(compensating);
    o.reason = e.reason;
  }
  void operator()(const order_failed& e) {
    move(failed);
    o.reason = e.reason;
  }
  void operator()(const order_compensation_failed& e) {
    move(compensation_failed);
    o.reason = e.reason;
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
      "OrderCreated",   "OrderConfirmed",         "OrderRejected", "OrderFulfilmentStarted",
      "OrderCompleted", "OrderCancelled",         "OrderExpired",  "OrderCompensationStarted",
      "OrderFailed",    "OrderCompensationFailed"};
  return names[event.index()];
}

std::string_view name_of(const order_command& command) noexcept {
  static constexpr std::array<std::string_view, std::variant_size_v<order_command>> names = {
      "submit", "confirm",    "reject", "begin-fulfilment", "complete", "cancel",
      "wake",   "compensate", "fail",   "fail-compensation"};
  return names[command.index()];
}

bool can_move(order_status from, order_status to) noexcept {
  return (moves[static_cast<size_t>(from)] & bit(to)) != 0;
}

time_point order::expires_at() const noexcept {
  return spec->expires_in > 0us ? created_at + spec->expires_in : never;
}

time_point order::wake_at() const noexcept {
  return is_final(status) || status == compensating ? never : expires_at();
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

result<std::vector<order_event>> decide(const std::optional<order>& state,
                                        const order_command& command, time_point now) {
  if (state)
    return std::visit(decider{*state, now}, command);
  const auto* submit = std::get_if<submit_order>(&command);
  if (submit == nullptr)
    return failure{errc::not_found, "there is no such order"};
  if (auto ok = validate(submit->spec); !ok)
    return std::move(ok).error();
  events list;
  list.emplace_back(order_created{submit->spec});
  return list;
}

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
