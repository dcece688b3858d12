#pragma once
/// The specs as JSON members, shared by intake messages and views.

#include "codec/json.hpp"
#include "domain/order.hpp"
#include "domain/task.hpp"

namespace orrery::codec::detail {

/// Whether members that equal their default are written.
enum class defaults { left_out, written };

void write_members(json_writer& out, const task_spec& spec, defaults mode);
void write_members(json_writer& out, const order_spec& spec);

/// A duration as ISO 8601; left out where zero.
void optional_length(json_writer& out, std::string_view name, duration length);
/// Left out where `never`.
void optional_time(json_writer& out, std::string_view name, time_point at);
/// JSON text put in as it is, or on one line where it has several; left out where empty.
void optional_raw(json_writer& out, std::string_view name, std::string_view json);

size_t size_hint(const task_spec& spec) noexcept;
size_t size_hint(const order_spec& spec) noexcept;

}  // namespace orrery::codec::detail
