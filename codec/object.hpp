#pragma once
/// Small JSON objects as they come in requests, tokens and stored records.

#include "base/result.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace orrery::codec {

/// The members of one object. A question for a member that is missing, `null` or of another type answers
/// nothing.
class json_object {
public:
  /// `invalid` where it is no object. `strict` also refuses a member that comes twice, as two readers
  /// may believe different ones.
  static result<json_object> read(std::string_view text, bool strict = false);

  bool has(std::string_view name) const { return members_.find(name) != members_.end(); }
  std::optional<std::string> text(std::string_view name) const;
  std::optional<int64_t> whole(std::string_view name) const;
  std::optional<bool> flag(std::string_view name) const;
  /// A list of strings.
  std::optional<std::vector<std::string>> texts(std::string_view name) const;
  /// A list of objects, each as text.
  std::optional<std::vector<std::string>> objects(std::string_view name) const;

private:
  enum class form : uint8_t { text, whole, flag, list, other };
  struct member {
    form is = form::other;
    std::string value;  ///< Decoded text, or JSON.
    int64_t number = 0;
  };
  const member* find(std::string_view name, form wanted) const;

  std::map<std::string, member, std::less<>> members_;
};

}  // namespace orrery::codec
