/// The routes of schedules.

#include "http/handlers.hpp"
#include "http/routes.hpp"

#include <array>

namespace orrery::http {

namespace {

using enum method;
constexpr auto schedules = entity_kind::schedule;

constexpr route schedule_command(std::string_view pattern, std::string_view name,
                                 std::string_view body, std::string_view description) {
  return {.verb = post,
          .pattern = pattern,
          .handle = handlers::run_command,
          .needs = permission::operate,
          .name = name,
          .group = "schedules",
          .description = description,
          .kind = schedules,
          .body = body_kind::single,
          .request = body,
          .answer = "Schedule",
          .parameters = "id IfMatch",
          .errors = "409 412"};
}

constexpr std::array schedule_table{
    route{.verb = post,
          .pattern = "/api/schedules",
          .handle = handlers::create_schedule,
          .needs = permission::operate,
          .name = "createSchedule",
          .group = "schedules",
          .description = "Makes a schedule; 201 once it is durable. The same name with the same "
                         "definition is the same schedule; with another definition 409.",
          .kind = schedules,
          .body = body_kind::single,
          .request = "ScheduleDefinition",
          .answer = "Schedule",
          .status = 201,
          .errors = "409"},
    route{.pattern = "/api/schedules",
          .handle = handlers::list,
          .name = "listSchedules",
          .group = "schedules",
          .description = "Schedules, filtered, by time of creation.",
          .kind = schedules,
          .answer = "ScheduleList",
          .parameters = "scheduleStatus scheduleName createdFrom createdTo order cursor limit"},
    route{.pattern = "/api/schedules/{id}",
          .handle = handlers::get_one,
          .name = "getSchedule",
          .group = "schedules",
          .description = "One schedule, by its id or name, with its newest fires and counters.",
          .kind = schedules,
          .answer = "Schedule",
          .parameters = "id"},
    route{.verb = put,
          .pattern = "/api/schedules/{id}",
          .handle = handlers::update_schedule,
          .needs = permission::operate,
          .name = "updateSchedule",
          .group = "schedules",
          .description = "Replaces the definition. With `definition` (the number that was seen) "
                         "409 where somebody else changed it since.",
          .kind = schedules,
          .body = body_kind::single,
          .request = "ScheduleUpdate",
          .answer = "Schedule",
          .parameters = "id IfMatch",
          .errors = "409 412"},
    route{.verb = erase,
          .pattern = "/api/schedules/{id}",
          .handle = handlers::delete_schedule,
          .needs = permission::operate,
          .name = "deleteSchedule",
          .group = "schedules",
          .description = "Ends a schedule for good; what it started goes on. The name is free.",
          .kind = schedules,
          .answer = "Schedule",
          .parameters = "id IfMatch",
          .errors = "409 412"},
    route{.pattern = "/api/schedules/{id}/events",
          .handle = handlers::history,
          .name = "listScheduleEvents",
          .group = "schedules",
          .description =
              "What was done to a schedule, oldest first; its fires are in `history`. As a "
              "stream that goes on where `Accept: text/event-stream` asks for it.",
          .kind = schedules,
          .answer = "EventList",
          .parameters = "id LastEventId"},
    route{.pattern = "/api/schedules/{id}/history",
          .handle = handlers::schedule_history,
          .name = "listScheduleFires",
          .group = "schedules",
          .description =
              "The fires, newest first, with their lateness. Without `cursor` the newest 50 "
              "and all that run; `next` goes on through all that there ever were, from the "
              "journal. A page there may be short, or even empty, before `next` is null.",
          .kind = schedules,
          .answer = "FireList",
          .parameters = "id cursor limit"},
    route{.pattern = "/api/schedules/{id}/preview",
          .handle = handlers::preview_schedule,
          .name = "previewSchedule",
          .group = "schedules",
          .description = "Fire times of a range (a year from now where none is given), with the "
                         "changes of the clocks.",
          .kind = schedules,
          .answer = "FirePreview",
          .parameters = "id from to limit"},
    schedule_command("/api/schedules/{id}/pause", "pauseSchedule", "ScheduleNote",
                     "Pauses a schedule: nothing is fired until it is resumed."),
    schedule_command(
        "/api/schedules/{id}/resume", "resumeSchedule", "ScheduleNote",
        "Resumes a schedule with the next time after now; what was paused is not made up for."),
    schedule_command("/api/schedules/{id}/trigger", "triggerSchedule", "ScheduleTrigger",
                     "Fires now, beside the plan, also while paused."),
    schedule_command("/api/schedules/{id}/backfill", "backfillSchedule", "ScheduleBackfill",
                     "Fires every time of a range, both ends included, one after the other."),
};

}  // namespace

std::span<const route> schedule_routes() noexcept { return schedule_table; }

}  // namespace orrery::http
