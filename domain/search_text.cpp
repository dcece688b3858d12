#include "domain/search_text.hpp"

namespace orrery {

std::optional<std::pair<entity_id, entity_id>> ids_beginning_with(std::string_view text) {
  constexpr std::string_view least = "00000000-0000-0000-0000-000000000000";
  constexpr std::string_view greatest = "ffffffff-ffff-ffff-ffff-ffffffffffff";
  if (text.empty() || text.size() > least.size())
    return std::nullopt;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const bool digit = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
    if (least[i] == '-' ? c != '-' : !digit)
      return std::nullopt;
  }
  const auto completed = [&](std::string_view rest) {
    return parse_uuid(std::string(text) + std::string(rest.substr(text.size())));
  };
  const auto from = completed(least);
  const auto to = completed(greatest);
  if (!from || !to)
    return std::nullopt;
  return std::pair{entity_id{*from}, entity_id{*to}};
}

std::string like_pattern(std::string_view text) {
  std::string pattern = "%";
  for (const char c : text) {
    if (c == '%' || c == '_' || c == '\\')
      pattern += '\\';
    pattern += c;
  }
  return pattern + '%';
}

}  // namespace orrery
