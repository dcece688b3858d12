#pragma once
/// An order: something a customer asked for, fulfilled by a flow of tasks or moved by hand.
///
/// Pure, as domain/task.hpp. Diagram: docs/states.md.

#include "base/shared_value.hpp"
#include "domain/children.hpp"
#include "domain/flow.hpp"
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

/// Where one step of an order's flow stands.
enum class step_status : uint8_t {
  pending = 0,  ///< Has not begun.
  running,
  stopping,  ///< Its task was told to stop and has not ended yet.
  succeeded,
  failed,
  skipped,  ///< By an operator.
  undoing,  ///< Its compensation runs.
  undone,   ///< Compensated, or said to be by an operator.
  undo_failed,
};
inline constexpr size_t step_statuses = 9;
std::string_view to_string(step_status status) noexcept;

struct order_step {
  step_status status = step_status::pending;
  uint32_t round = 0;  ///< Tasks made for it so far, compensations included.
  uint32_t begun = 0;  ///< Its place among the steps that have begun, from 1; 0 = has not.
  uint32_t heard = 0;  ///< Newest run of `child` whose end is known.
  entity_id child;     ///< Its newest task, or that of its compensation.
  bool skip = false;   ///< When it has stopped it counts as skipped.
  time_point started_at{};
  time_point ended_at{};
  std::string result;  ///< JSON text.
  std::string error;
  std::string error_code;

  friend bool operator==(const order_step&, const order_step&) = default;
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
  shared_value<flow> plan;  ///< Of the flow, in the version it began with; no steps = none yet.
  std::vector<order_step> steps;  ///< One per step of `plan`.
  /// COMPENSATING: the end it leads to.
  order_status aim = order_status::failed;

  friend bool operator==(const order&, const order&) = default;
  time_point expires_at() const noexcept;
  /// When its own clock ends it, or `never`: a timer of the shard while the order waits.
  time_point alarm_at() const noexcept;
  /// The next instant at which the shard must look at this order, or `never`: what recovery loads by.
  time_point wake_at() const noexcept;
  /// Names a flow that it has not begun.
  bool awaits_flow() const noexcept;
  /// Tasks of it are under way, or are looked at after a crash.
  bool waits_for_children() const noexcept;
  std::vector<child_watch> watches() const;
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
  order_status aim = order_status::failed;  ///< The end it leads to.
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

/// The flow is pinned; its steps begin.
struct order_flow_begun {
  shared_value<flow> plan;
  friend bool operator==(const order_flow_begun&, const order_flow_begun&) = default;
};
/// A task was made for a step or (`undo`) its compensation.
struct order_step_started {
  uint32_t step = 0;
  entity_id child;
  bool undo = false;
  friend bool operator==(const order_step_started&, const order_step_started&) = default;
};
/// That task has ended. A cancelled one that never began leaves its step pending.
struct order_step_ended {
  uint32_t step = 0;
  child_end end;
  friend bool operator==(const order_step_ended&, const order_step_ended&) = default;
};
/// By an operator: the step, or its compensation, is taken as done.
struct order_step_skipped {
  uint32_t step = 0;
  std::string reason;
  friend bool operator==(const order_step_skipped&, const order_step_skipped&) = default;
};
/// By an operator: compensations that failed are tried again.
struct order_compensation_resumed {
  friend bool operator==(const order_compensation_resumed&,
                         const order_compensation_resumed&) = default;
};
/// By an operator: FAILED, and goes on; these steps are pending again.
struct order_resumed {
  std::vector<uint32_t> steps;
  friend bool operator==(const order_resumed&, const order_resumed&) = default;
};
/// As for tasks.
struct order_submission_refused {
  std::string reason;
  friend bool operator==(const order_submission_refused&,
                         const order_submission_refused&) = default;
};
/// As for tasks.
struct order_erased {
  friend bool operator==(const order_erased&, const order_erased&) = default;
};

using order_event =
    std::variant<order_created, order_confirmed, order_rejected, order_fulfilment_started,
                 order_completed, order_cancelled, order_expired, order_compensation_started,
                 order_failed, order_compensation_failed, order_flow_begun, order_step_started,
                 order_step_ended, order_step_skipped, order_compensation_resumed, order_resumed,
                 order_submission_refused, order_erased>;
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
/// With a flow under way: its steps are compensated first, unless `kill`: then tasks are killed and
/// nothing is compensated.
struct cancel_order {
  std::string reason;
  bool kill = false;
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
/// From the order's own actor, which has looked the flow up.
struct begin_flow {
  shared_value<flow> plan;
};
/// FAILED: the named step (empty = the first that is not done), all that depend on it and all that were
/// compensated begin again. COMPENSATION_FAILED: compensations that failed are tried again.
struct resume_order {
  std::string step;
};
/// The step, or its compensation that failed, is taken as done.
struct skip_step {
  std::string step;
  std::string reason;
};

using order_command =
    std::variant<submit_order, confirm_order, reject_order, begin_fulfilment, complete_order,
                 cancel_order, wake_order, begin_compensation, fail_order, fail_compensation,
                 begin_flow, children_ended, resume_order, skip_step>;
std::string_view name_of(const order_command& command) noexcept;

result<void> validate(const order_spec& spec);

/// As for tasks: no events and no failure = already so.
result<decision<order_event>> decide(const std::optional<order>& state,
                                     const order_command& command, time_point now);
/// What a cancellation now would undo, in that order: names of steps.
std::vector<std::string> compensation_plan(const order& o);
void evolve(std::optional<order>& state, entity_id id, const order_event& event, time_point at);
bool can_move(order_status from, order_status to) noexcept;

}  // namespace orrery
