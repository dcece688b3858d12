#pragma once
/// Writing JSON quickly, and the limits under which we read it. nlohmann_json stays behind codec/.

#include "base/result.hpp"
#include "base/time.hpp"
#include "base/uuid.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace orrery::codec {

/// Appends `text` as a JSON string with its quotes; valid UTF-8 stays as it is, control characters are
/// escaped. Bytes that are not valid UTF-8 (text that did not enter through a parser, such as the output
/// of a program) become U+FFFD, so that the result is always valid JSON.
void append_string(std::string& out, std::string_view text);

/// Appends valid JSON without the white space between its tokens, all else as it is: so it fits on one
/// line, as NDJSON and server-sent events need it.
void append_minified(std::string& out, std::string_view json);

/// Builds one JSON object or array into a string: `begin('{')`, fields, `end('}')`. No checks beyond
/// commas; the caller keeps the form right.
class json_writer {
public:
  explicit json_writer(std::string& out) : out_(out) {}

  json_writer& begin_object() { return open('{'); }
  json_writer& end_object() { return close('}'); }
  json_writer& begin_array() { return open('['); }
  json_writer& end_array() { return close(']'); }
  json_writer& key(std::string_view name);
  json_writer& value(std::string_view text);
  json_writer& value(const char* text) { return value(std::string_view(text)); }
  json_writer& value(const std::string& text) { return value(std::string_view(text)); }
  json_writer& value(int64_t number);
  json_writer& value(uint64_t number);
  json_writer& value(int32_t number) { return value(static_cast<int64_t>(number)); }
  json_writer& value(uint32_t number) { return value(static_cast<uint64_t>(number)); }
  json_writer& value(double number);
  json_writer& value(bool flag);
  json_writer& value(time_point at);  ///< RFC 3339; `never` as null.
  json_writer& value(const uuid& id);
  json_writer& null();
  /// Already JSON; put in as it is.
  json_writer& raw(std::string_view json);

  /// `key` and `value` in one.
  template <class T>
  json_writer& field(std::string_view name, const T& v) {
    return key(name).value(v);
  }
  /// Left out when empty.
  json_writer& optional_field(std::string_view name, std::string_view text) {
    return text.empty() ? *this : key(name).value(text);
  }

private:
  json_writer& open(char c);
  json_writer& close(char c);
  void separate();

  std::string& out_;
  bool first_ = true;
  bool after_key_ = false;
};

/// Whether `text` is one valid JSON value within the limits of domain/limits.hpp on depth and keys, in
/// valid UTF-8 and without NUL characters (also not as `\u0000`, which PostgreSQL cannot hold). The
/// failure says what and at which byte.
result<void> check_json(std::string_view text);

}  // namespace orrery::codec
