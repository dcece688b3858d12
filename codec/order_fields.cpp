#include "codec/order_fields.hpp"

#include "codec/json_tree.hpp"

#include <algorithm>
#include <map>

namespace orrery::codec {

bool is_field_key(std::string_view key) noexcept {
  return !key.empty() && key.size() <= searched_key_bytes &&
         std::all_of(key.begin(), key.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '_' || c == '.' || c == '-';
         });
}

std::vector<std::string> searched_fields(const std::string& metadata) {
  std::vector<std::string> fields;
  if (metadata.empty())
    return fields;
  const auto tree = json_tree::read(metadata);
  if (!tree)
    return fields;
  std::map<std::string_view, std::string_view> last;
  for (const auto& [key, value] : tree->members) {
    last.erase(key);
    // A zero byte is text that no database column holds.
    const bool fits = value.is_scalar() && value.scalar.size() <= searched_value_bytes &&
                      value.scalar.find('\0') == std::string::npos;
    if (fits && is_field_key(key) && last.size() < searched_fields_max)
      last[key] = value.is == json_tree::form::null ? "null" : std::string_view(value.scalar);
  }
  for (const auto& [key, value] : last)
    fields.push_back(std::string(key) + '=' + std::string(value));
  std::sort(fields.begin(), fields.end());
  return fields;
}

}  // namespace orrery::codec
