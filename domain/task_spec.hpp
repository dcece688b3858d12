#pragma once
/// What a submitter may wish of a task, and the words for how it can go.

#include "base/shared_value.hpp"
#include "domain/ids.hpp"
#include "domain/limits.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace orrery {

/// Why an attempt ended. Every attempt ends with exactly one of these.
enum class end_reason : uint8_t {
  none = 0,  ///< Has not ended, or ended while no attempt was under way.
  succeeded,
  failed,
  ttl,         ///< One attempt took longer than `ttl`.
  queue_ttl,   ///< Waited for a slot longer than `queue_ttl`.
  total_ttl,   ///< The whole life passed `total_ttl` or `deadline`.
  heartbeat,   ///< The worker was silent for too long.
  lease_lost,  ///< The node or worker that ran it is gone.
  cancelled,
  killed,
  interrupted,  ///< The node was shut down; costs no attempt.
  snoozed,      ///< The worker asked for a later time; costs no attempt.
  duplicate,    ///< Of a task that never began: its unique key was held by another.
};
inline constexpr size_t end_reasons = 13;
std::string_view to_string(end_reason reason) noexcept;
std::optional<end_reason> parse_end_reason(std::string_view text) noexcept;

enum class delivery_mode : uint8_t { at_least_once = 0, at_most_once };
enum class timeout_action : uint8_t { fail = 0, retry };
enum class backoff_kind : uint8_t { exponential = 0, fixed, linear };
enum class exhausted_action : uint8_t { dead = 0, pause };
std::string_view to_string(delivery_mode mode) noexcept;
std::string_view to_string(timeout_action action) noexcept;
std::string_view to_string(backoff_kind kind) noexcept;
std::string_view to_string(exhausted_action action) noexcept;
std::optional<delivery_mode> parse_delivery_mode(std::string_view text) noexcept;
std::optional<timeout_action> parse_timeout_action(std::string_view text) noexcept;
std::optional<backoff_kind> parse_backoff_kind(std::string_view text) noexcept;
std::optional<exhausted_action> parse_exhausted_action(std::string_view text) noexcept;

struct retry_policy {
  uint32_t max_attempts = 10;
  backoff_kind kind = backoff_kind::exponential;
  exhausted_action on_exhausted = exhausted_action::dead;
  duration initial = 1s;
  double factor = 2.0;
  duration max = 5min;
  double jitter = 0.2;                     ///< The delay is spread over ± this share of itself.
  std::vector<std::string> non_retryable;  ///< Error codes after which no retry is made.

  friend bool operator==(const retry_policy&, const retry_policy&) = default;
};

/// Delay before attempt `attempt + 1`. Deterministic: the jitter follows from the id, run and attempt.
duration retry_delay(const retry_policy& policy, entity_id id, attempt_token failed);

/// How long a unique key is held by the task that has it, and what a second submission means meanwhile.
enum class unique_mode : uint8_t {
  until_done = 0,  ///< Held until the task has ended, however. A second one is a duplicate.
  until_start,     ///< Held until the first attempt begins.
  window,          ///< Held for `unique_window` from submission; a bad end releases it at once.
  debounce,        ///< Starts `unique_window` after the last submission, with its payload.
  latest,          ///< One runs, the newest waits: it is the next run of the same task.
};
/// A submission whose id (idempotency key, or the client's own) is known, and has not ended.
enum class on_running : uint8_t { use_existing = 0, fail, replace };
/// The same, and has ended.
enum class on_ended : uint8_t { return_existing = 0, allow_new, allow_if_failed };
std::string_view to_string(unique_mode mode) noexcept;
std::string_view to_string(on_running choice) noexcept;
std::string_view to_string(on_ended choice) noexcept;
std::optional<unique_mode> parse_unique_mode(std::string_view text) noexcept;
std::optional<on_running> parse_on_running(std::string_view text) noexcept;
std::optional<on_ended> parse_on_ended(std::string_view text) noexcept;

/// What few submitters ask for: apart, so that the many who do not pay a null pointer for it.
struct task_options {
  std::vector<std::string> labels;  ///< A worker must have all of them.
  unique_mode unique = unique_mode::until_done;
  duration unique_window{};  ///< `window` and `debounce`.
  on_running if_running = on_running::use_existing;
  on_ended if_ended = on_ended::return_existing;
  std::string limit_key;  ///< Limits of the queue count by it; empty = none.
  double weight = 1;      ///< Of the key, where slots are shared between keys.
  duration delay{};       ///< Until whoever takes the submission makes it `run_at`; then 0.

  friend bool operator==(const task_options&, const task_options&) = default;
};

/// What the submitter wished. Fixed for the life of the task, but for the payload at a rerun,
/// and where a later submission of the same key replaces it.
struct task_spec {
  std::string kind;
  std::string description;
  std::string payload;  ///< JSON text as it came; empty = none.
  std::string queue = "default";
  int32_t priority = limits::priority_default;
  delivery_mode delivery = delivery_mode::at_least_once;
  timeout_action on_timeout = timeout_action::fail;
  duration ttl = limits::ttl_default;
  duration queue_ttl{};   ///< 0 = none.
  duration total_ttl{};   ///< 0 = none.
  duration heartbeat{};   ///< 0 = none.
  time_point deadline{};  ///< `never` = none.
  time_point run_at{};    ///< `never` = at once.
  retry_policy retry;
  std::string unique_key;  ///< Counts among the tasks with the same `limit_key`.
  std::vector<std::string> tags;
  std::string reference;     ///< The submitter's own id where it is not ours.
  std::string traceparent;   ///< W3C trace context, passed on.
  std::string request_hash;  ///< Of the body, where it came with an idempotency key.
  entity_id parent;          ///< The entity that started it; nil = none. Never taken from outside.
  shared_value<task_options> options;

  friend bool operator==(const task_spec&, const task_spec&) = default;
};

/// Makes a `delay` the `run_at` that it means for a submission of this instant.
void settle_delay(task_spec& spec, time_point submitted_at);

/// Checks a spec against the limits; the failure names the field as the JSON calls it.
result<void> validate(const task_spec& spec);

}  // namespace orrery
