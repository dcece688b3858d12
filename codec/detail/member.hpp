#pragma once
/// Takes one member of a JSON object into a variable, or says in a sentence what was expected.

#include "codec/detail/json_reader.hpp"

#include "base/time.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace orrery::codec::detail {

inline failure invalid(std::string_view field, std::string sentence) {
  return {errc::invalid, std::move(sentence), std::string(field)};
}

/// Every verb leaves the variable alone where the value is `null`, and is false where the value is not
/// what it must be; `error` then says so.
class member {
public:
  member(std::string_view key, json_value& value, failure& error, std::string_view prefix = {})
      : key_(key), value_(value), error_(error), prefix_(prefix) {}

  bool text(std::string& into, size_t bytes_max = limits::payload_bytes) const;
  bool flag(bool& into) const;
  bool whole(int64_t& into) const;
  bool whole(int32_t& into) const;
  bool whole(uint32_t& into) const;
  bool real(double& into) const;
  bool length(duration& into) const;
  bool time(time_point& into) const;
  bool texts(std::vector<std::string>& into, size_t items_max) const;
  /// Any JSON value, as text on one line: as it came (numbers, escapes, the order of keys), but for
  /// the white space between its tokens.
  bool json(std::string& into, size_t bytes_max) const;
  /// A JSON object, as text.
  bool object(std::string& into, size_t bytes_max) const;
  /// The members of an object, each told with its own reader.
  bool each(const on_member& one) const;
  template <class Enum>
  bool choice(Enum& into, std::optional<Enum> (*parse)(std::string_view) noexcept,
              std::string_view expected) const {
    if (is_null())
      return true;
    const auto parsed = is(json_value::form::string) ? parse(*value_.text) : std::nullopt;
    if (!parsed)
      return refuse(expected);
    into = *parsed;
    return true;
  }

  bool refuse(std::string_view sentence) const;

private:
  bool is(json_value::form what) const noexcept { return value_.is == what; }
  bool is_null() const noexcept { return is(json_value::form::null); }
  template <class Number>
  bool whole_of(Number& into) const;

  std::string_view key_;
  json_value& value_;
  failure& error_;
  std::string_view prefix_;
};

/// `text` cut to whole values: the elements of a JSON array between its brackets. Their inside is not
/// looked at but for brackets and strings, so each must still be parsed.
result<std::vector<std::string_view>> split_array(std::string_view text, size_t items_max);
/// Where the object or array that begins at `start` ends (behind its bracket), or npos.
size_t end_of_value(std::string_view text, size_t start) noexcept;
std::string_view trimmed(std::string_view text) noexcept;

}  // namespace orrery::codec::detail
