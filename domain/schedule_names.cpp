/// The words of schedules, and the checks of what a person wishes.

#include "domain/limits.hpp"
#include "domain/order.hpp"
#include "domain/schedule.hpp"
#include "domain/schedule_template.hpp"

#include <algorithm>
#include <array>

namespace orrery {

namespace {

constexpr std::array<std::string_view, 3> actions = {"task", "order", "message"};
constexpr std::array<std::string_view, 5> overlaps = {"skip", "buffer_one", "buffer_all",
                                                      "cancel_other", "allow"};
constexpr std::array<std::string_view, 3> misfires = {"once_now", "skip", "all"};
constexpr std::array<std::string_view, schedule_statuses> statuses = {"ACTIVE", "PAUSED",
                                                                      "COMPLETED", "DELETED"};
constexpr std::array<std::string_view, 4> kinds = {"scheduled", "catch-up", "triggered",
                                                   "backfill"};
constexpr std::array<std::string_view, 6> outcomes = {"running", "started", "succeeded",
                                                      "failed",  "expired", "cancelled"};
constexpr std::array<std::string_view, 4> reasons = {"misfire", "catchup-window", "overlap",
                                                     "buffer"};

template <class Enum, size_t Size>
std::optional<Enum> find(const std::array<std::string_view, Size>& names, std::string_view text) {
  const auto found = std::find(names.begin(), names.end(), text);
  if (found == names.end())
    return std::nullopt;
  return static_cast<Enum>(found - names.begin());
}

failure bad(std::string field, std::string detail) {
  return {errc::invalid, std::move(detail), std::move(field)};
}

bool is_name(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-' || c == ':';
  });
}

result<void> check_mark(const std::string& field, std::string_view text) {
  auto ok = check_template(text);
  if (!ok)
    return bad(field, ok.error().detail);
  return {};
}

result<void> under(const char* place, result<void> checked) {
  if (checked)
    return checked;
  auto why = std::move(checked).error();
  why.field = std::string(place) + (why.field.empty() ? "" : "." + why.field);
  return why;
}

result<void> validate_action(const schedule_spec& spec) {
  switch (spec.action) {
    case schedule_action::task:
      if (auto ok = under("task", validate(spec.task)); !ok)
        return ok;
      if (!spec.task.unique_key.empty())
        return bad("task.uniqueKey", "a schedule's task has none: its overlap policy does this");
      if (spec.task.run_at != never || spec.task.deadline != never)
        return bad("task.runAt", "runAt and deadline are not for schedules");
      if (auto ok = check_mark("task.payload", spec.task.payload); !ok)
        return ok;
      return check_mark("task.description", spec.task.description);
    case schedule_action::order:
      if (auto ok = under("order", validate(spec.order)); !ok)
        return ok;
      return check_mark("order.metadata", spec.order.metadata);
    case schedule_action::message: break;
  }
  const auto& m = spec.message;
  if (m.topic.empty() || m.topic.size() > 249 || !is_name(m.topic) ||
      m.topic.find(':') != m.topic.npos)
    return bad("message.topic", "must be the name of a topic");
  if (m.key.size() > limits::reference_bytes)
    return bad("message.key", "must have at most 512 bytes");
  if (m.key.find_first_of("\"\\") != m.key.npos ||
      std::any_of(m.key.begin(), m.key.end(), [](char c) { return c >= 0 && c < ' '; }))
    return bad("message.key", "must not hold quotes, backslashes or control characters");
  if (m.value.empty())
    return bad("message.value", "is missing");
  if (m.value.size() > limits::payload_bytes / 2)
    return bad("message.value", "must have at most 128 KiB");
  if (auto ok = check_mark("message.key", m.key); !ok)
    return ok;
  if (auto ok = check_mark("message.value", m.value); !ok)
    return ok;
  // A message that no broker takes would be found out only by each fire.
  if (filled_bytes_max(m.key) > 4 * limits::reference_bytes)
    return bad("message.key", "may become longer than 2048 bytes by what is filled in");
  if (filled_bytes_max(m.value) > limits::payload_bytes)
    return bad("message.value", "may become larger than 256 KiB by what is filled in");
  return {};
}

}  // namespace

std::string_view to_string(schedule_action action) noexcept {
  return actions[static_cast<size_t>(action)];
}
std::string_view to_string(overlap_policy policy) noexcept {
  return overlaps[static_cast<size_t>(policy)];
}
std::string_view to_string(misfire_policy policy) noexcept {
  return misfires[static_cast<size_t>(policy)];
}
std::string_view to_string(schedule_status status) noexcept {
  return statuses[static_cast<size_t>(status)];
}
std::string_view to_string(fire_kind kind) noexcept { return kinds[static_cast<size_t>(kind)]; }
std::string_view to_string(fire_outcome outcome) noexcept {
  return outcomes[static_cast<size_t>(outcome)];
}
std::string_view to_string(skip_reason reason) noexcept {
  return reasons[static_cast<size_t>(reason)];
}
std::optional<schedule_action> parse_schedule_action(std::string_view text) noexcept {
  return find<schedule_action>(actions, text);
}
std::optional<overlap_policy> parse_overlap_policy(std::string_view text) noexcept {
  return find<overlap_policy>(overlaps, text);
}
std::optional<misfire_policy> parse_misfire_policy(std::string_view text) noexcept {
  return find<misfire_policy>(misfires, text);
}
std::optional<schedule_status> parse_schedule_status(std::string_view text) noexcept {
  return find<schedule_status>(statuses, text);
}

std::string_view name_of(const schedule_event& event) noexcept {
  constexpr std::string_view names[] = {
      "ScheduleCreated",         "ScheduleUpdated",       "SchedulePaused",    "ScheduleResumed",
      "ScheduleFired",           "ScheduleFireSkipped",   "ScheduleBuffered",  "ScheduleChildEnded",
      "ScheduleBackfillStarted", "ScheduleBackfillMoved", "ScheduleCompleted", "ScheduleDeleted"};
  static_assert(std::size(names) == std::variant_size_v<schedule_event>);
  return names[event.index()];
}

std::string_view name_of(const schedule_command& command) noexcept {
  constexpr std::string_view names[] = {"submit",   "update", "pause", "resume",        "trigger",
                                        "backfill", "delete", "wake",  "children ended"};
  static_assert(std::size(names) == std::variant_size_v<schedule_command>);
  return names[command.index()];
}

bool is_kept_in_history(const schedule_event& event) noexcept {
  return !std::holds_alternative<schedule_fired>(event) &&
         !std::holds_alternative<schedule_skipped>(event) &&
         !std::holds_alternative<schedule_buffered>(event) &&
         !std::holds_alternative<schedule_child_ended>(event) &&
         !std::holds_alternative<schedule_backfill_moved>(event);
}

result<void> validate(const schedule_spec& spec) {
  if (spec.name.empty())
    return bad("name", "is missing");
  if (spec.name.size() > limits::name_bytes || !is_name(spec.name))
    return bad("name", "must be at most 128 letters, digits, dots, colons, dashes and underscores");
  if (spec.description.size() > limits::text_bytes)
    return bad("description", "must have at most 4096 bytes");
  if (spec.misfire_after < 1s || spec.misfire_after > 24h)
    return bad("misfireAfter", "must lie between a second and a day");
  if (spec.catchup_window < 10s || spec.catchup_window > 24h * 3650)
    return bad("catchupWindow", "must lie between ten seconds and ten years");
  if (spec.jitter < duration{} || spec.jitter > 24h)
    return bad("jitter", "must be at most a day");
  return validate_action(spec);
}

entity_id id_of_schedule(std::string_view name, uint32_t shards) {
  return id_of_idempotency_key("schedules", "", name, shards);
}

}  // namespace orrery
