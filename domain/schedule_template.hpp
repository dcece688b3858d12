#pragma once
/// Templates of what a schedule starts: `{{name}}`, `{{scheduleId}}`, `{{scheduledAt}}`, `{{firedAt}}`,
/// `{{localTime}}` (in the schedule's zone), `{{fireNumber}}`, `{{kind}}`. Values are plain text that needs
/// no escaping in JSON.

#include "domain/schedule.hpp"

namespace orrery {

/// The values of one fire.
struct fire_values {
  std::string schedule_id;
  std::string name;
  std::string scheduled_at;
  std::string fired_at;
  std::string local_time;
  std::string fire_number;
  std::string_view kind;
};

/// `invalid` with the character of a mark that is not known or not closed.
result<void> check_template(std::string_view text);
/// A checked template, filled in.
std::string fill_template(std::string_view text, const fire_values& values);

/// How large it may become by being filled in.
size_t filled_bytes_max(std::string_view text) noexcept;

/// The same fire always has the same id: of the child that it starts, or of its message.
entity_id id_of_fire(const schedule& s, time_point at, fire_kind kind, uint64_t series);
/// What a fire publishes, where the schedule's action is a message.
message_template message_of(const schedule& s, const fire_times& times, time_point at,
                            fire_kind kind, time_point now);
/// The child that a fire starts. Not where the action is a message.
child_start start_of(const schedule& s, const fire_times& times, time_point at, fire_kind kind,
                     uint64_t series, time_point now);
/// Whether the end of what a schedule starts is followed: an order without a flow has none, a message
/// neither.
bool is_followed(const schedule_spec& spec) noexcept;

}  // namespace orrery
