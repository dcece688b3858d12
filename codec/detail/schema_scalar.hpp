#pragma once
/// Checks of single values that are known as text or number.

#include "base/result.hpp"
#include "codec/detail/schema_node.hpp"

#include <string>
#include <string_view>

namespace orrery::codec::detail {

/// "must be a string or null"
std::string type_sentence(uint8_t types);
/// Choices, length and format. `text` may hold JSON escapes; each counts as one character.
result<void> check_text(const schema_node& schema, std::string_view text, const std::string& path);
result<void> check_number(const schema_node& schema, double number, const std::string& path);

}  // namespace orrery::codec::detail
