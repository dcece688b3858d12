#pragma once
/// An order: something a customer asked for, fulfilled by a flow of tasks or moved by hand.
///
/// Pure, as domain/task.hpp. Diagram: docs/states.md.

#include "base/shared_value.hpp"
#include "domain/ids.hpp"
#include "domain/limits.hpp"

#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace orrery {

enum class order_status : uint8_t {
  created = 0,
  confirmed,
  fulfilling,
  compensating,
  completed,
  rejected,  ///< No stock, or refused by an operator.
  cancelled,
  expired,
  failed,               ///< A step failed; everything was compensated.
  compensation_failed,  ///< A step failed and so did a compensation: a person must look.
};
inline constexpr size_t order_statuses = 10;
std::string_view to_string(order_status status) noexcept;
std::optional<order_status> parse_order_status(std::string_view text) noexcept;
constexpr bool is_final(order_status s) noexcept { return s >= order_status::completed; }

struct order_spec {
  std::string product;
  int64_t quantity = 1;
  std::string customer;
  std::string flow;       ///< Empty = none.
  duration expires_in{};  ///< 0 = never expires.
  std::string metadata;   ///< A JSON object as text; empty = none.
  std::string reference;
  std::string traceparent;
  std::string request_hash;

  friend bool operator==(const order_spec&, const order_spec&) = default;
};

struct order {
  entity_id id;
  shared_value<order_spec> spec;
  order_status status = order_status::created;
  uint64_t version = 0;
  time_point created_at{};
  time_point updated_at{};
  time_point finished_at{};
  std::string reason;

  friend bool operator==(const order&, const order&) = default;
  time_point expires_at() const noexcept;
  /// The next instant at which the shard must look at this order, or `never`.
  time_point wake_at() const noexcept;
};

struct order_created {
  shared_value<order_spec> spec;
  friend bool operator==(const order_created&, const order_created&) = default;
};
struct order_confirmed {
  friend bool operator==(const order_confirmed&, const order_confirmed&) = default;
};
struct order_rejected {
  std::string reason;
  friend bool operator==(const order_rejected&, const order_rejected&) = default;
};
struct order_fulfilment_started {
  friend bool operator==(const order_fulfilment_started&,
                         const order_fulfilment_started&) = default;
};
struct order_completed {
  friend bool operator==(const order_completed&, const order_completed&) = default;
};
struct order_cancelled {
  std::string reason;
  friend bool operator==(const order_cancelled&, const order_cancelled&) = default;
};
struct order_expired {
  friend bool operator==(const order_expired&, const order_expired&) = default;
};
struct order_compensation_started {
  std::string reason;
  friend bool operator==(const order_compensation_started&,
                         const order_compensation_started&) = default;
};
struct order_failed {
  std::string reason;
  friend bool operator==(const order_failed&, const order_failed&) = default;
};
struct order_compensation_failed {
  std::string reason;
  friend bool operator==(const order_compensation_failed&,
                         const order_compensation_failed&) = default;
};

using order_event =
    std::variant<order_created, order_confirmed, order_rejected, order_fulfilment_started,
                 order_completed, order_cancelled, order_expired, order_compensation_started,
                 order_failed, order_compensation_failed>;
/// `OrderCreated`, `OrderConfirmed`, …
std::string_view name_of(const order_event& event) noexcept;

struct submit_order {
  order_spec spec;
};
struct confirm_order {};
struct reject_order {
  std::string reason;
};
struct begin_fulfilment {};
struct complete_order {};
struct cancel_order {
  std::string reason;
};
/// A timer of the order came due.
struct wake_order {};
struct begin_compensation {
  std::string reason;
};
struct fail_order {
  std::string reason;
};
struct fail_compensation {
  std::string reason;
};

using order_command =
    std::variant<submit_order, confirm_order, reject_order, begin_fulfilment, complete_order,
                 cancel_order, wake_order, begin_compensation, fail_order, fail_compensation>;
std::string_view name_of(const order_command& command) noexcept;

result<void> validate(const order_spec& spec);

/// As for tasks: no events and no failure = already so.
result<std::vector<order_event>> decide(const std::optional<order>& state,
                                        const order_command& command, time_point now);
void evolve(std::optional<order>& state, entity_id id, const order_event& event, time_point at);
bool can_move(order_status from, order_status to) noexcept;

}  // namespace orrery
