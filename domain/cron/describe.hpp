#pragma once
/// Expressions in words: "at 10:15 on the last Friday of every month".

#include "domain/cron/fire_times.hpp"

namespace orrery {

std::string describe(const cron_expression& expression);
std::string describe(const iso_interval& interval);
std::string describe(const fire_rule& rule);
/// All rules, the calendars, and the zone: "at 10:15 on every day, except …, in Europe/Warsaw".
std::string describe(const fire_times_spec& spec);

}  // namespace orrery
