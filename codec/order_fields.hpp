#pragma once
/// What of an order's metadata can be searched.

#include <string>
#include <string_view>
#include <vector>

namespace orrery::codec {

/// Of each order these can be searched at most; and in one question these.
inline constexpr size_t searched_fields_max = 32;
inline constexpr size_t searched_key_bytes = 64;
inline constexpr size_t searched_value_bytes = 256;
inline constexpr size_t asked_fields_max = 8;

/// A key that can be asked for: 1 to 64 of A-Z a-z 0-9 _ . -
bool is_field_key(std::string_view key) noexcept;

/// Each field at the top of a metadata object whose key and value allow it, as `KEY=VALUE`: texts of at
/// most 256 bytes, numbers as they were written, `true`, `false`, `null`. The first 32 of them, sorted; of
/// a key that comes twice the last value. What is no object has none.
std::vector<std::string> searched_fields(const std::string& metadata);

}  // namespace orrery::codec
