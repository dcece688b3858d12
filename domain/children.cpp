#include "domain/children.hpp"

#include <array>

namespace orrery {

std::string_view to_string(child_outcome outcome) noexcept {
  static constexpr std::array<std::string_view, 4> names = {"succeeded", "failed", "expired",
                                                            "cancelled"};
  return names[static_cast<size_t>(outcome)];
}

entity_id id_of_child(entity_id parent, std::string_view name) {
  std::string text("child");
  text.push_back('\0');
  append_uuid(text, parent.value);
  text.push_back('\0');
  text.append(name);
  return entity_id{make_uuid_v8(text, parent.value.rand_a())};
}

}  // namespace orrery
