#include "codec/detail/member.hpp"

#include "codec/json.hpp"

#include <limits>

namespace orrery::codec::detail {

namespace {

constexpr bool is_space(char c) noexcept { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }

std::string longer_than(size_t bytes_max) {
  return "is longer than " + std::to_string(bytes_max) + " bytes";
}

}  // namespace

bool member::refuse(std::string_view sentence) const {
  error_ = failure{errc::invalid, std::string(sentence), std::string(prefix_) + std::string(key_)};
  return false;
}

bool member::text(std::string& into, size_t bytes_max) const {
  if (is_null())
    return true;
  if (!is(json_value::form::string))
    return refuse("must be a text");
  if (value_.text->size() > bytes_max)
    return refuse(longer_than(bytes_max));
  into = std::move(*value_.text);
  return true;
}

bool member::flag(bool& into) const {
  if (is_null())
    return true;
  if (!is(json_value::form::boolean))
    return refuse("must be true or false");
  into = value_.flag;
  return true;
}

template <class Number>
bool member::whole_of(Number& into) const {
  if (is_null())
    return true;
  if (!is(json_value::form::integer))
    return refuse("must be a whole number");
  if (!std::in_range<Number>(value_.integer))
    return refuse("is out of range");
  into = static_cast<Number>(value_.integer);
  return true;
}

bool member::whole(int64_t& into) const { return whole_of(into); }
bool member::whole(int32_t& into) const { return whole_of(into); }
bool member::whole(uint32_t& into) const { return whole_of(into); }

bool member::real(double& into) const {
  if (is_null())
    return true;
  if (!is(json_value::form::integer) && !is(json_value::form::real))
    return refuse("must be a number");
  into = value_.real;
  return true;
}

bool member::length(duration& into) const {
  if (is_null())
    return true;
  auto parsed =
      is(json_value::form::string) ? parse_duration(*value_.text) : result<duration>(failure{});
  if (!parsed)
    return refuse("must be a duration, like \"PT30S\" or \"30s\"");
  into = *parsed;
  return true;
}

bool member::time(time_point& into) const {
  if (is_null())
    return true;
  auto parsed =
      is(json_value::form::string) ? parse_time(*value_.text) : result<time_point>(failure{});
  if (!parsed)
    return refuse("must be a time of RFC 3339, like \"2026-11-21T10:15:00Z\"");
  into = *parsed;
  return true;
}

bool member::texts(std::vector<std::string>& into, size_t items_max) const {
  if (is_null())
    return true;
  if (!is(json_value::form::array))
    return refuse("must be a list of texts");
  into.clear();
  bool good = true;
  const auto told = read_json(value_.raw, outermost::array, [&](std::string_view, json_value& one) {
    if (one.is != json_value::form::string)
      good = refuse("must be a list of texts");
    else if (into.size() == items_max)
      good = refuse("has more than " + std::to_string(items_max) + " entries");
    else
      into.push_back(std::move(*one.text));
    return good;
  });
  return good && told;
}

bool member::json(std::string& into, size_t bytes_max) const {
  into.clear();
  if (is_null())
    return true;
  append_minified(into, value_.raw);
  return into.size() <= bytes_max || refuse(longer_than(bytes_max));
}

bool member::object(std::string& into, size_t bytes_max) const {
  if (!is_null() && !is(json_value::form::object))
    return refuse("must be a JSON object");
  return json(into, bytes_max);
}

bool member::each(const on_member& one) const {
  if (is_null())
    return true;
  if (!is(json_value::form::object))
    return refuse("must be a JSON object");
  bool good = true;
  const auto told =
      read_json(value_.raw, outermost::object,
                [&](std::string_view key, json_value& value) { return good = one(key, value); });
  return good && told;
}

std::string_view trimmed(std::string_view text) noexcept {
  while (!text.empty() && is_space(text.front()))
    text.remove_prefix(1);
  while (!text.empty() && is_space(text.back()))
    text.remove_suffix(1);
  return text;
}

size_t end_of_value(std::string_view text, size_t start) noexcept {
  size_t depth = 0;
  for (size_t at = start; at < text.size(); ++at) {
    switch (text[at]) {
      case '"':
        for (++at; at < text.size() && text[at] != '"'; ++at)
          if (text[at] == '\\')
            ++at;
        break;
      case '{':
      case '[': ++depth; break;
      case '}':
      case ']':
        if (depth <= 1)
          return depth == 0 ? std::string_view::npos : at + 1;
        --depth;
        break;
      default: break;
    }
  }
  return std::string_view::npos;
}

result<std::vector<std::string_view>> split_array(std::string_view text, size_t items_max) {
  text = trimmed(text);
  if (text.size() < 2 || text.front() != '[' || text.back() != ']')
    return failure{errc::invalid, "is not a JSON array"};
  text = trimmed(text.substr(1, text.size() - 2));
  std::vector<std::string_view> items;
  while (!text.empty()) {
    if (items.size() == items_max)
      return failure{errc::invalid, "has more than " + std::to_string(items_max) + " items"};
    // Items are objects; what is none ends at the comma and is refused when it is parsed.
    const bool opens = text.front() == '{' || text.front() == '[';
    const size_t end = opens ? end_of_value(text, 0) : text.find(',');
    items.push_back(trimmed(text.substr(0, end)));
    if (end == std::string_view::npos)
      break;
    text = trimmed(text.substr(end));
    if (text.empty())
      break;
    if (text.front() != ',')
      return failure{errc::invalid,
                     "is not valid JSON after item " + std::to_string(items.size() - 1)};
    text = trimmed(text.substr(1));
    if (text.empty())
      return failure{errc::invalid, "is not valid JSON: it ends with a comma"};
  }
  return items;
}

}  // namespace orrery::codec::detail
