/// The routes of orders and tasks.

#include "http/handlers.hpp"
#include "http/routes.hpp"

#include <array>

namespace orrery::http {

namespace {

using enum method;
constexpr auto orders = entity_kind::order;
constexpr auto tasks = entity_kind::task;

constexpr route command(entity_kind kind, std::string_view pattern, std::string_view name,
                        permission needs, std::string_view body, std::string_view description) {
  const bool order = kind == entity_kind::order;
  return {.verb = post,
          .pattern = pattern,
          .handle = handlers::run_command,
          .needs = needs,
          .name = name,
          .group = order ? "orders" : "tasks",
          .description = description,
          .kind = kind,
          .body = body_kind::single,
          .request = body,
          .answer = order ? "Order" : "Task",
          .parameters = "id",
          .errors = "409"};
}

constexpr std::array table{
    route{.verb = post,
          .pattern = "/api/orders",
          .handle = handlers::submit_one,
          .needs = permission::submit,
          .name = "submitOrder",
          .group = "orders",
          .description = "Submits an order; 200 once the intake is durable.",
          .kind = orders,
          .body = body_kind::single,
          .submits = true,
          .request = "OrderSubmission",
          .answer = "OrderAccepted"},
    route{.verb = post,
          .pattern = "/api/tasks",
          .handle = handlers::submit_one,
          .needs = permission::submit,
          .name = "submitTask",
          .group = "tasks",
          .description = "Submits a task; 200 once the intake is durable.",
          .kind = tasks,
          .body = body_kind::single,
          .submits = true,
          .request = "TaskSubmission",
          .answer = "TaskAccepted"},
    route{.verb = post,
          .pattern = "/api/orders/batch",
          .handle = handlers::submit_batch,
          .needs = permission::submit,
          .name = "submitOrders",
          .group = "orders",
          .description = "Submits many orders, all or none: an array, {\"items\":[]} or NDJSON.",
          .kind = orders,
          .body = body_kind::batch,
          .submits = true,
          .request = "OrderSubmission",
          .answer = "OrdersAccepted"},
    route{.verb = post,
          .pattern = "/api/tasks/batch",
          .handle = handlers::submit_batch,
          .needs = permission::submit,
          .name = "submitTasks",
          .group = "tasks",
          .description = "Submits many tasks, all or none: an array, {\"items\":[]} or NDJSON.",
          .kind = tasks,
          .body = body_kind::batch,
          .submits = true,
          .request = "TaskSubmission",
          .answer = "TasksAccepted"},
    route{.pattern = "/api/orders/{id}",
          .handle = handlers::get_one,
          .name = "getOrder",
          .group = "orders",
          .description = "One order, by its id or reference.",
          .kind = orders,
          .answer = "Order",
          .parameters = "id"},
    route{.pattern = "/api/tasks/{id}",
          .handle = handlers::get_one,
          .name = "getTask",
          .group = "tasks",
          .description = "One task, by its id or reference.",
          .kind = tasks,
          .answer = "Task",
          .parameters = "id"},
    route{.pattern = "/api/orders",
          .handle = handlers::list,
          .name = "listOrders",
          .group = "orders",
          .description = "Orders, filtered, by time of creation.",
          .kind = orders,
          .answer = "OrderList",
          .parameters = "orderStatus product customer reference createdFrom createdTo order cursor "
                        "limit"},
    route{.pattern = "/api/tasks",
          .handle = handlers::list,
          .name = "listTasks",
          .group = "tasks",
          .description = "Tasks, filtered, by time of creation.",
          .kind = tasks,
          .answer = "TaskList",
          .parameters = "taskStatus kind queue tag reference createdFrom createdTo order cursor "
                        "limit"},
    route{.pattern = "/api/orders/{id}/events",
          .handle = handlers::history,
          .name = "listOrderEvents",
          .group = "orders",
          .description = "The events of an order, oldest first; as a stream that goes on "
                         "where `Accept: text/event-stream` asks for it.",
          .kind = orders,
          .answer = "EventList",
          .parameters = "id LastEventId"},
    route{.pattern = "/api/events",
          .handle = handlers::events,
          .name = "streamEvents",
          .group = "events",
          .description =
              "Events of all entities as they are committed, on whatever node. A frame's `data` is "
              "an "
              "Event, its `id` a place to come back to; each event comes once, and in order within "
              "its shard. A frame `end` says why the stream ends; a comment is sent when nothing "
              "else was for 15 s.",
          .answers = media::events,
          .parameters = "eventKind eventNames eventAfter LastEventId",
          .errors = "429"},
    route{.pattern = "/api/tasks/{id}/events",
          .handle = handlers::history,
          .name = "listTaskEvents",
          .group = "tasks",
          .description = "The events of a task, oldest first; as a stream that goes on "
                         "where `Accept: text/event-stream` asks for it.",
          .kind = tasks,
          .answer = "EventList",
          .parameters = "id LastEventId"},
    command(orders, "/api/orders/{id}/confirm", "confirmOrder", permission::operate, "Nothing",
            "Confirms an order that rests in CREATED."),
    command(orders, "/api/orders/{id}/reject", "rejectOrder", permission::operate, "Reason",
            "Rejects an order that rests in CREATED."),
    command(orders, "/api/orders/{id}/begin-fulfilment", "beginFulfilment", permission::operate,
            "Nothing", "Begins to fulfil a confirmed order."),
    command(orders, "/api/orders/{id}/complete", "completeOrder", permission::operate, "Nothing",
            "Completes an order."),
    command(orders, "/api/orders/{id}/cancel", "cancelOrder", permission::operate, "Reason",
            "Cancels an order that is not completed."),
    command(tasks, "/api/tasks/{id}/cancel", "cancelTask", permission::operate, "Reason",
            "Cancels a task; work that runs is asked to stop, then killed."),
    command(tasks, "/api/tasks/{id}/kill", "killTask", permission::operate, "Reason",
            "Cancels a task; work that runs is killed at once."),
    command(
        tasks, "/api/tasks/{id}/pause", "pauseTask", permission::operate, "Reason",
        "Pauses a task that waits; one that runs is held when its attempt ends without success."),
    command(tasks, "/api/tasks/{id}/resume", "resumeTask", permission::operate, "Nothing",
            "Lets a paused task go on."),
    command(tasks, "/api/tasks/{id}/rerun", "rerunTask", permission::operate, "TaskRerun",
            "Starts the next run of a task that has ended."),
    command(tasks, "/api/tasks/{id}/reschedule", "rescheduleTask", permission::operate,
            "TaskReschedule", "Moves a task that waits to another time."),
    command(tasks, "/api/tasks/{id}/adopt", "adoptTaskResult", permission::operate, "TaskAttempt",
            "Takes the late result of an attempt for the task's: SUCCEEDED."),
    command(tasks, "/api/tasks/{id}/pin", "pinTask", permission::operate, "Nothing",
            "Keeps a task from retention."),
    command(tasks, "/api/tasks/{id}/unpin", "unpinTask", permission::operate, "Nothing",
            "Gives a task back to retention."),
    command(tasks, "/api/tasks/{id}/heartbeat", "heartbeatTask", permission::work, "TaskHeartbeat",
            "Says that an attempt is alive: progress, a message, a cursor, more time."),
    command(tasks, "/api/tasks/{id}/snooze", "snoozeTask", permission::work, "TaskSnooze",
            "Gives an attempt back for a while; it is not counted."),
    command(tasks, "/api/tasks/{id}/complete", "completeTask", permission::work, "TaskComplete",
            "Ends an attempt with a result."),
    command(tasks, "/api/tasks/{id}/fail", "failTask", permission::work, "TaskFail",
            "Ends an attempt with an error."),
};

}  // namespace

std::span<const route> work_routes() noexcept { return table; }

}  // namespace orrery::http
