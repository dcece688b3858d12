#include "http/topics.hpp"

namespace orrery::http {

std::span<const topic> topics() {
  static const std::vector<topic> all = {
      {"order_topic",
       true,
       "New orders and commands for orders; what is durable here takes effect exactly once.",
       {{"OrderSubmission", "Submit an order"}, {"OrderCommand", "Command for an order"}}},
      {"task_topic",
       true,
       "New tasks and commands for tasks; what is durable here takes effect exactly once.",
       {{"TaskSubmission", "Submit a task"}, {"TaskCommand", "Command for a task"}}},
      {"order_status_topic",
       false,
       "What became of orders: after the commit, in order per order.",
       {{"OrderStatusEvent", "An order's status has changed"}}},
      {"task_status_topic",
       false,
       "What became of tasks: after the commit, in order per task.",
       {{"TaskStatusEvent", "A task's status has changed"}}},
      {"schedule_status_topic",
       false,
       "What became of schedules: after the commit, in order per schedule.",
       {{"ScheduleStatusEvent", "A schedule's status has changed"}}},
  };
  return all;
}

}  // namespace orrery::http
