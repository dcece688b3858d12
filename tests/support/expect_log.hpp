#pragma once
/// Error lines fail the test that caused them, unless it said that it expects them.

#include <string>

namespace orrery::test {

/// Allows error lines whose event begins with `event`, until the present test ends.
void allow_log_error(std::string event);

}  // namespace orrery::test
