/// What every program has that dies at no crash point.

#include "base/crash_point.hpp"

namespace orrery {

bool has_crash_points() noexcept { return false; }
void reach(crash_point /*point*/) noexcept {}

}  // namespace orrery
