#include "codec/detail/schema_scalar.hpp"

#include "codec/schema.hpp"

#include "base/time.hpp"
#include "base/uuid.hpp"

#include <charconv>
#include <cmath>

namespace orrery::codec {

namespace detail {

namespace {

/// The number of characters, with each escape as one.
size_t length_of(std::string_view slice) noexcept {
  size_t n = 0;
  for (size_t i = 0; i < slice.size(); ++i) {
    if (slice[i] == '\\')
      i += i + 1 < slice.size() && slice[i + 1] == 'u' ? 5 : 1;
    else if ((static_cast<unsigned char>(slice[i]) & 0xc0) == 0x80)
      continue;
    ++n;
  }
  return n;
}

std::string_view format_sentence(text_format format, std::string_view text) {
  switch (format) {
    case text_format::date_time: return parse_time(text) ? "" : "must be a time as in RFC 3339";
    case text_format::duration:
      return parse_duration(text) ? "" : "must be a duration, as PT30S or 30s";
    case text_format::uuid: return parse_uuid(text) ? "" : "must be a UUID";
    case text_format::any: break;
  }
  return {};
}

bool is_whole(double number) noexcept { return std::floor(number) == number; }

}  // namespace

std::string type_sentence(uint8_t types) {
  static constexpr std::pair<uint8_t, const char*> names[] = {
      {schema_node::is_string, "a string"},
      {schema_node::is_integer, "a whole number"},
      {schema_node::is_number, "a number"},
      {schema_node::is_boolean, "true or false"},
      {schema_node::is_object, "a JSON object"},
      {schema_node::is_array, "a list"},
      {schema_node::is_null, "null"}};
  std::string out = "must be ";
  bool first = true;
  for (const auto& [bit, name] : names)
    if ((types & bit) != 0) {
      out.append(first ? "" : " or ").append(name);
      first = false;
    }
  return out;
}

result<void> check_text(const schema_node& schema, std::string_view text, const std::string& path) {
  if (!schema.choices.empty()) {
    std::string sentence = "must be one of";
    for (const auto& choice : schema.choices) {
      if (choice == text)
        return {};
      sentence += (sentence.back() == 'f' ? " " : ", ") + choice;
    }
    return failure{errc::invalid, sentence, path};
  }
  if (schema.length_min > 0 || schema.length_max < text.size()) {
    const auto length = length_of(text);
    if (length < schema.length_min)
      return failure{
          errc::invalid,
          length == 0 ? "is empty"
                      : "must have at least " + std::to_string(schema.length_min) + " characters",
          path};
    if (length > schema.length_max)
      return failure{errc::invalid,
                     "must have at most " + std::to_string(schema.length_max) + " characters",
                     path};
  }
  if (const auto sentence = format_sentence(schema.format, text); !sentence.empty())
    return failure{errc::invalid, std::string(sentence), path};
  return {};
}

result<void> check_number(const schema_node& schema, double number, const std::string& path) {
  const bool fits = schema.types == 0 || (schema.types & schema_node::is_number) != 0 ||
                    ((schema.types & schema_node::is_integer) != 0 && is_whole(number));
  if (!fits)
    return failure{errc::invalid, type_sentence(schema.types), path};
  const auto text = [](double bound) {
    return is_whole(bound) && std::abs(bound) < 1e15 ? std::to_string(static_cast<int64_t>(bound))
                                                     : std::to_string(bound);
  };
  if (number < schema.minimum)
    return failure{errc::invalid, "must be at least " + text(schema.minimum), path};
  if (number > schema.maximum)
    return failure{errc::invalid, "must be at most " + text(schema.maximum), path};
  return {};
}

}  // namespace detail

using namespace detail;

result<void> check_parameter(const schema_node& schema, std::string_view text,
                             std::string_view name) {
  const auto& node = schema.target != nullptr ? *schema.target : schema;
  const std::string path(name);
  if ((node.types & schema_node::is_array) != 0 && node.items != nullptr) {
    for (;;) {
      const auto comma = text.find(',');
      if (auto ok = check_parameter(*node.items, text.substr(0, comma), name); !ok)
        return ok;
      if (comma == std::string_view::npos)
        return {};
      text.remove_prefix(comma + 1);
    }
  }
  if ((node.types & (schema_node::is_integer | schema_node::is_number)) != 0) {
    double number = 0;
    const auto* end = text.data() + text.size();
    const auto [last, error] = std::from_chars(text.data(), end, number);
    if (error != std::errc{} || last != end)
      return failure{errc::invalid, type_sentence(node.types), path};
    return check_number(node, number, path);
  }
  if ((node.types & schema_node::is_boolean) != 0)
    return text == "true" || text == "false"
               ? result<void>{}
               : failure{errc::invalid, "must be true or false", path};
  return check_text(node, text, path);
}

}  // namespace orrery::codec
