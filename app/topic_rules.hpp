#pragma once
/// Which topics schedules may publish to: those of `schedule.topics`, and none of Orrery's own, where a
/// schedule that writes what another node reads as a command would be a loop.

#include "base/result.hpp"

#include <string>
#include <vector>

namespace orrery::app {

/// Whether a topic is among the patterns: a name, or the beginning of one and `*`.
bool is_among(const std::vector<std::string>& patterns, const std::string& topic);

/// `invalid` with a sentence where schedules may not publish to it. `prefix` is that of our own topics.
result<void> check_topic(const std::vector<std::string>& patterns, const std::string& prefix,
                         const std::string& topic);

/// The names among the patterns: what can be created.
std::vector<std::string> names_among(const std::vector<std::string>& patterns);

}  // namespace orrery::app
