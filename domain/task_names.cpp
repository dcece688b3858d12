#include "domain/task.hpp"

#include <array>

/// The words of a task: how statuses, reasons, choices, events and commands are called in text.

namespace orrery {

namespace {

template <class Enum, size_t N>
std::optional<Enum> parse_enum(const std::array<std::string_view, N>& names,
                               std::string_view text) {
  for (size_t i = 0; i < N; ++i)
    if (names[i] == text)
      return static_cast<Enum>(i);
  return std::nullopt;
}

constexpr std::array<std::string_view, task_statuses> status_names = {
    "SCHEDULED", "QUEUED", "RUNNING", "RETRYING", "PAUSED",
    "SUCCEEDED", "FAILED", "EXPIRED", "CANCELLED"};
constexpr std::array<std::string_view, end_reasons> reason_names = {
    "none",       "succeeded", "failed", "ttl",         "queue-ttl", "total-ttl", "heartbeat",
    "lease-lost", "cancelled", "killed", "interrupted", "snoozed",   "duplicate"};
constexpr std::array<std::string_view, 2> delivery_names = {"at-least-once", "at-most-once"};
constexpr std::array<std::string_view, 2> timeout_names = {"fail", "retry"};
constexpr std::array<std::string_view, 3> backoff_names = {"exponential", "fixed", "linear"};
constexpr std::array<std::string_view, 2> exhausted_names = {"dead", "pause"};
constexpr std::array<std::string_view, 5> unique_names = {"until-done", "until-start", "window",
                                                          "debounce", "latest"};
constexpr std::array<std::string_view, 3> running_names = {"use-existing", "fail", "replace"};
constexpr std::array<std::string_view, 3> ended_names = {"return-existing", "allow-new",
                                                         "allow-if-failed"};

}  // namespace

std::string_view to_string(task_status s) noexcept { return status_names[static_cast<size_t>(s)]; }
std::string_view to_string(end_reason r) noexcept { return reason_names[static_cast<size_t>(r)]; }
std::string_view to_string(delivery_mode m) noexcept {
  return delivery_names[static_cast<size_t>(m)];
}
std::string_view to_string(timeout_action a) noexcept {
  return timeout_names[static_cast<size_t>(a)];
}
std::string_view to_string(backoff_kind k) noexcept {
  return backoff_names[static_cast<size_t>(k)];
}
std::string_view to_string(exhausted_action a) noexcept {
  return exhausted_names[static_cast<size_t>(a)];
}
std::optional<task_status> parse_task_status(std::string_view text) noexcept {
  return parse_enum<task_status>(status_names, text);
}
std::optional<end_reason> parse_end_reason(std::string_view text) noexcept {
  return parse_enum<end_reason>(reason_names, text);
}
std::optional<delivery_mode> parse_delivery_mode(std::string_view text) noexcept {
  return parse_enum<delivery_mode>(delivery_names, text);
}
std::optional<timeout_action> parse_timeout_action(std::string_view text) noexcept {
  return parse_enum<timeout_action>(timeout_names, text);
}
std::optional<backoff_kind> parse_backoff_kind(std::string_view text) noexcept {
  return parse_enum<backoff_kind>(backoff_names, text);
}
std::optional<exhausted_action> parse_exhausted_action(std::string_view text) noexcept {
  return parse_enum<exhausted_action>(exhausted_names, text);
}

std::string_view to_string(unique_mode m) noexcept { return unique_names[static_cast<size_t>(m)]; }
std::string_view to_string(on_running c) noexcept { return running_names[static_cast<size_t>(c)]; }
std::string_view to_string(on_ended c) noexcept { return ended_names[static_cast<size_t>(c)]; }
std::optional<unique_mode> parse_unique_mode(std::string_view text) noexcept {
  return parse_enum<unique_mode>(unique_names, text);
}
std::optional<on_running> parse_on_running(std::string_view text) noexcept {
  return parse_enum<on_running>(running_names, text);
}
std::optional<on_ended> parse_on_ended(std::string_view text) noexcept {
  return parse_enum<on_ended>(ended_names, text);
}

std::string_view name_of(const task_event& event) noexcept {
  struct namer {
    std::string_view operator()(const task_submitted&) const { return "TaskSubmitted"; }
    std::string_view operator()(const task_queued&) const { return "TaskQueued"; }
    std::string_view operator()(const task_started&) const { return "TaskStarted"; }
    std::string_view operator()(const task_succeeded&) const { return "TaskSucceeded"; }
    std::string_view operator()(const task_retry_scheduled&) const { return "TaskRetryScheduled"; }
    std::string_view operator()(const task_interrupted&) const { return "TaskInterrupted"; }
    std::string_view operator()(const task_failed&) const { return "TaskFailed"; }
    std::string_view operator()(const task_expired&) const { return "TaskExpired"; }
    std::string_view operator()(const task_cancelled&) const { return "TaskCancelled"; }
    std::string_view operator()(const task_paused&) const { return "TaskPaused"; }
    std::string_view operator()(const task_resumed&) const { return "TaskResumed"; }
    std::string_view operator()(const task_rerun&) const { return "TaskRerun"; }
    std::string_view operator()(const task_progressed&) const { return "TaskProgressed"; }
    std::string_view operator()(const task_snoozed&) const { return "TaskSnoozed"; }
    std::string_view operator()(const task_result_orphaned&) const { return "TaskResultOrphaned"; }
    std::string_view operator()(const task_result_adopted&) const { return "TaskResultAdopted"; }
    std::string_view operator()(const task_rescheduled&) const { return "TaskRescheduled"; }
    std::string_view operator()(const task_replaced&) const { return "TaskReplaced"; }
    std::string_view operator()(const task_followed&) const { return "TaskFollowed"; }
    std::string_view operator()(const task_pause_requested&) const { return "TaskPauseRequested"; }
    std::string_view operator()(const task_pinned&) const { return "TaskPinned"; }
    std::string_view operator()(const task_submission_refused&) const {
      return "TaskSubmissionRefused";
    }
    std::string_view operator()(const task_erased&) const { return "TaskErased"; }
  };
  return std::visit(namer{}, event);
}

std::string_view name_of(const task_command& command) noexcept {
  static constexpr std::array<std::string_view, std::variant_size_v<task_command>> names = {
      "submit",    "wake",      "start",  "complete",   "fail",   "expire",
      "lose",      "interrupt", "cancel", "pause",      "resume", "rerun",
      "heartbeat", "snooze",    "adopt",  "reschedule", "follow", "pin"};
  return names[command.index()];
}

}  // namespace orrery
