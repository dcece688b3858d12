#pragma once
/// What a person wishes of a schedule.

#include "domain/children.hpp"
#include "domain/cron/fire_times.hpp"

#include <string>

namespace orrery {

/// What a fire starts.
enum class schedule_action : uint8_t { task = 0, order, message };
/// What becomes of a fire while something that an earlier one started is under way.
enum class overlap_policy : uint8_t {
  skip = 0,    ///< It is left out, and counted.
  buffer_one,  ///< One waits for the end; others are left out, and counted.
  buffer_all,  ///< All wait, up to `limits::schedule_buffer`; what is beyond is dropped, and counted.
  cancel_other,  ///< What runs is cancelled; this one begins when that has ended.
  allow,         ///< It begins beside the other.
};
/// What becomes of fires that were not made within `misfire_after` of their time.
enum class misfire_policy : uint8_t {
  once_now = 0,  ///< All that were missed become one fire, now.
  skip,          ///< None is made up for.
  all,           ///< Each is made up for, oldest first.
};
std::string_view to_string(schedule_action action) noexcept;
std::string_view to_string(overlap_policy policy) noexcept;
std::string_view to_string(misfire_policy policy) noexcept;
std::optional<schedule_action> parse_schedule_action(std::string_view text) noexcept;
std::optional<overlap_policy> parse_overlap_policy(std::string_view text) noexcept;
std::optional<misfire_policy> parse_misfire_policy(std::string_view text) noexcept;

/// A record for a topic of the log's broker.
struct message_template {
  std::string topic;
  std::string key;
  std::string value;

  friend bool operator==(const message_template&, const message_template&) = default;
};

struct schedule_spec {
  std::string name;  ///< Names it among all; its id follows from it.
  std::string description;
  fire_times_spec times;
  schedule_action action = schedule_action::task;
  task_spec task;            ///< For `task`; payload and description are templates.
  order_spec order;          ///< For `order`; metadata is a template.
  message_template message;  ///< For `message`; key and value are templates.
  overlap_policy overlap = overlap_policy::skip;
  misfire_policy misfire = misfire_policy::once_now;
  duration misfire_after = 60s;
  duration catchup_window = 24h * 365;  ///< What is later than this is not made up for.
  duration jitter{};                    ///< Each fire is late by a fixed part of this; 0 = none.
  uint64_t limit = 0;                   ///< Fires in all; 0 = without end.
  bool pause_on_failure = false;
  entity_id parent;  ///< Always nil: nothing starts schedules.

  friend bool operator==(const schedule_spec&, const schedule_spec&) = default;
};

/// Checks everything but the times, which need zones; the failure names the field as the JSON does.
result<void> validate(const schedule_spec& spec);

/// The id of the schedule of a name; its shard follows from the name as well.
entity_id id_of_schedule(std::string_view name, uint32_t shards);

}  // namespace orrery
