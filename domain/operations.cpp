#include "domain/ports/operations.hpp"

#include <array>

namespace orrery {

namespace {

constexpr std::array<std::string_view, 8> action_names = {"cancel", "kill",       "pause", "resume",
                                                          "rerun",  "reschedule", "pin",   "unpin"};
constexpr std::array<std::string_view, 3> operation_state_names = {"RUNNING", "DONE", "STOPPED"};

bool filters(const entity_query& q) {
  return !q.statuses.empty() || !q.task_kind.empty() || !q.queue.empty() || !q.reference.empty() ||
         !q.tag.empty() || !q.unique_key.empty() || !q.text.empty() || q.created_from != never ||
         q.created_to != never;
}

}  // namespace

std::string_view to_string(bulk_action action) noexcept {
  return action_names[static_cast<size_t>(action)];
}
std::optional<bulk_action> parse_bulk_action(std::string_view text) noexcept {
  for (size_t i = 0; i < action_names.size(); ++i)
    if (action_names[i] == text)
      return static_cast<bulk_action>(i);
  return std::nullopt;
}
std::string_view to_string(operation_state state) noexcept {
  return operation_state_names[static_cast<size_t>(state)];
}
std::optional<operation_state> parse_operation_state(std::string_view text) noexcept {
  for (size_t i = 0; i < operation_state_names.size(); ++i)
    if (operation_state_names[i] == text)
      return static_cast<operation_state>(i);
  return std::nullopt;
}

task_command command_of(const bulk_wish& wish) {
  switch (wish.action) {
    case bulk_action::cancel: return cancel_task{wish.reason, false};
    case bulk_action::kill: return cancel_task{wish.reason, true};
    case bulk_action::pause: return pause_task{wish.reason};
    case bulk_action::resume: return resume_task{};
    case bulk_action::rerun: return rerun_task{wish.payload};
    case bulk_action::reschedule: return reschedule_task{wish.run_at};
    case bulk_action::pin: return pin_task{true};
    case bulk_action::unpin: return pin_task{false};
  }
  return wake_task{};
}

result<void> validate(const bulk_wish& wish) {
  if (filters(wish.filter) == wish.all)
    return failure{errc::invalid,
                   wish.all ? "cannot be given together with a filter"
                            : "is empty: name what is meant, or say that all tasks are",
                   wish.all ? "all" : "filter"};
  if (wish.rate != 0 && !(wish.rate >= 0.1 && wish.rate <= 100'000))
    return failure{errc::invalid, "must lie between 0.1 and 100000, or be 0 for no limit", "rate"};
  if (!wish.payload.empty() && wish.action != bulk_action::rerun)
    return failure{errc::invalid, "is for rerun only", "payload"};
  if (wish.run_at != never && wish.action != bulk_action::reschedule)
    return failure{errc::invalid, "is for reschedule only", "runAt"};
  return {};
}

}  // namespace orrery
