#pragma once
/// What a message about a schedule may say, and how a schedule is written.

#include "codec/json.hpp"
#include "domain/events.hpp"

#include <optional>
#include <string_view>

namespace orrery::codec::detail {

/// The command that `verb` and the body make (submit, update, pause, resume, trigger, backfill, delete);
/// empty where there is no such verb. The spec is validated but for its times, which need zones.
result<std::optional<entity_command>> schedule_command_of(std::string_view verb,
                                                          std::string_view body);

void write_members(json_writer& out, const schedule_spec& spec);
void write_members(json_writer& out, const schedule_command& command);
void write_view(json_writer& out, const schedule& s);
void write_event(json_writer& out, const schedule_event& event);

}  // namespace orrery::codec::detail
