#pragma once
/// Wall-clock instants and durations, both in microseconds, and their text forms.

#include "base/result.hpp"

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace orrery {

/// Microseconds. Wide enough for 292,000 years.
using duration = std::chrono::microseconds;
/// UTC instant with microseconds since the Unix epoch. A default one means "never" or "not yet".
using time_point = std::chrono::sys_time<duration>;

using std::chrono_literals::operator""us;
using std::chrono_literals::operator""ms;
using std::chrono_literals::operator""s;
using std::chrono_literals::operator""min;
using std::chrono_literals::operator""h;

inline constexpr time_point never{};

/// Microseconds since the Unix epoch.
constexpr int64_t micros(time_point at) noexcept { return at.time_since_epoch().count(); }
constexpr time_point from_micros(int64_t value) noexcept { return time_point{duration{value}}; }

/// RFC 3339 in UTC with microseconds: `2026-11-21T10:15:00.000000Z`. Always 27 characters for
/// years 0000 to 9999; instants beyond are shown as the nearest of those.
std::string format_time(time_point at);
void append_time(std::string& out, time_point at);

/// RFC 3339 with any offset and zero to nine digits of fraction (cut to microseconds).
/// Years 1970 to 9999. Leap second 60 is read as the following second.
result<time_point> parse_time(std::string_view text);

/// ISO 8601: `PT30S`, `PT1H30M`, `PT0.25S`, `P2DT3H`. Negative ones as `-PT5S`.
std::string format_duration(duration length);

/// ISO 8601 (weeks, days, hours, minutes, seconds; no years or months, whose length varies), or the
/// short form `250ms`, `30s`, `5m`, `2h`, `1d`, also combined: `1h30m`. Never negative.
result<duration> parse_duration(std::string_view text);

}  // namespace orrery
