#pragma once
/// Reading JSON without building a tree: one pass tells the members of the outermost object or array,
/// and values that are objects or arrays themselves come as the slice of text they stand in.
///
/// nlohmann_json's SAX parser does the parsing; it is compiled in json_reader.cpp alone. Kept on the
/// way: depth, number of keys, valid UTF-8, no NUL character anywhere. Of a key that comes twice, both
/// values are told, so the last one counts.

#include "base/result.hpp"
#include "domain/limits.hpp"

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace orrery::codec::detail {

/// One value, valid during the call that tells it.
struct json_value {
  enum class form { null, boolean, integer, real, string, object, array };
  form is = form::null;
  bool flag = false;
  int64_t integer = 0;
  double real = 0;  ///< Also set for an integer. Whole numbers beyond 64 bits are reals.
  std::string* text = nullptr;  ///< Strings: decoded, to be moved from.
  /// As it came, byte for byte: every member of an object; of an array only objects and arrays.
  std::string_view raw = {};
};

/// Told once for each member; `key` is empty for elements of an array. False stops the reading, and
/// the caller knows why.
using on_member = std::function<bool(std::string_view key, json_value& value)>;

enum class outermost { object, array, any };

/// Reads all of `text`. Failures are `invalid`; where `each` stopped, the result is a success.
result<void> read_json(std::string_view text, outermost expected, const on_member& each,
                       size_t keys_max = limits::json_keys);

}  // namespace orrery::codec::detail
