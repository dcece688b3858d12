#pragma once
/// The names of Orrery's own topics, without the prefix.

#include <array>
#include <string_view>

namespace orrery {

inline constexpr std::array<std::string_view, 9> own_topics = {
    "order_topic",          "task_topic",     "order_status_topic",    "task_status_topic",
    "order_topic.DLT",      "task_topic.DLT", "schedule_status_topic",
    "schedule_topic.DLT",    // what schedules published to a topic that does not take it
    "outbox_control_topic",  // carries committed offsets and no record
};

}  // namespace orrery
