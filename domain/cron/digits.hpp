#pragma once
/// What the readers of cron and of intervals take for a digit, in any locale.

namespace orrery {

constexpr bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }

}  // namespace orrery
