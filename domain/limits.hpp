#pragma once
/// The limits of design section 12. Every door checks them; none is checked twice with other numbers.

#include "base/time.hpp"

#include <cstddef>
#include <cstdint>

namespace orrery::limits {

inline constexpr size_t payload_bytes = 256 * 1024;
inline constexpr size_t result_bytes = 256 * 1024;
inline constexpr size_t text_bytes = 4 * 1024;  ///< description, reason, error message
inline constexpr size_t name_bytes = 128;       ///< kind, queue, tag, flow, product, keys
inline constexpr size_t reference_bytes = 512;
inline constexpr size_t tags = 32;
inline constexpr size_t metadata_bytes = 16 * 1024;
inline constexpr size_t schedule_recent = 50;      ///< fires kept with a schedule
inline constexpr size_t schedule_buffer = 1'000;   ///< fires that wait for the end of another
inline constexpr size_t schedule_running = 1'000;  ///< beside each other
inline constexpr size_t schedule_backfills = 10;
inline constexpr size_t schedule_pauses = 100;  ///< with fires that are still due from before them
inline constexpr size_t batch_items = 10'000;
inline constexpr size_t batch_bytes = 16 * 1024 * 1024;
inline constexpr size_t json_depth = 64;
inline constexpr size_t json_keys = 10'000;
inline constexpr size_t cursor_bytes = 16 * 1024;    ///< what a worker leaves for the next attempt
inline constexpr size_t output_bytes = 1024 * 1024;  ///< captured per attempt, oldest dropped
inline constexpr uint32_t attempts = 1'000;
inline constexpr uint32_t runs = 100;
inline constexpr size_t orphans = 4;        ///< late results kept per task, oldest dropped
inline constexpr int32_t priority_min = 1;  ///< most urgent
inline constexpr int32_t priority_max = 5;
inline constexpr int32_t priority_default = 3;
inline constexpr duration ttl_min = 1ms;
inline constexpr duration ttl_max = 24h * 30;
inline constexpr duration ttl_default = 15min;
inline constexpr duration delay_max = 24h * 3650;  ///< runAt, deadline, expiresIn: ten years ahead
inline constexpr int64_t quantity_max = 1'000'000;
inline constexpr int64_t stock_max = 1'000'000'000'000;  ///< units of one product
inline constexpr size_t list_items = 1'000;
inline constexpr size_t children_at_once =
    1'000;  ///< Started by one decision; also open at a time.
inline constexpr size_t flow_steps = 10'000;

}  // namespace orrery::limits
