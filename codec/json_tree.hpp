#pragma once
/// A JSON text as a tree, for programs that look at answers and build requests: not for hot paths.

#include "base/result.hpp"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace orrery::codec {

/// One JSON value. Members keep their order. A member that comes twice stays twice; `find` gives the
/// first.
struct json_tree {
  enum class form : uint8_t { null, boolean, number, text, list, object };

  form is = form::null;
  std::string scalar = {};  ///< Decoded text; of numbers and booleans, as they are written.
  std::vector<json_tree> items = {};
  std::vector<std::pair<std::string, json_tree>> members = {};

  /// `invalid` says what is wrong and near which byte. Depth and keys are limited by domain/limits.hpp.
  static result<json_tree> read(std::string_view text);
  static json_tree of_text(std::string text) {
    return {.is = form::text, .scalar = std::move(text)};
  }
  static json_tree of_object() { return {.is = form::object}; }
  static json_tree of_list() { return {.is = form::list}; }

  /// A member of an object, by its path: `filter.kind`. Null where there is none.
  const json_tree* find(std::string_view path) const;
  /// Replaces the member, or adds it. Makes objects on the way. Only for objects.
  void set(std::string_view path, json_tree value);
  bool is_scalar() const noexcept { return is != form::list && is != form::object; }

  /// Appends JSON on one line, or indented by two spaces a level.
  void write(std::string& out, bool pretty = false) const;
};

}  // namespace orrery::codec
