/// Checking text against a schema in one pass, without building a tree: a request pays about a
/// microsecond, and a batch of ten thousand no memory.

#include "codec/detail/schema_scalar.hpp"
#include "codec/schema.hpp"

#include "domain/limits.hpp"

#include <charconv>

namespace orrery::codec {

namespace {

using namespace detail;

bool is_space(char c) noexcept { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

/// Thrown where the text is no JSON: it is for the reader behind to say so.
struct not_json {};

class checker {
public:
  explicit checker(std::string_view text) : text_(text) {}

  /// Whether the next value is fine; where not, `why` says what is wrong with it.
  bool value(const schema_node& schema, const std::string& path);
  void skip();
  void space() noexcept {
    while (at_ < text_.size() && is_space(text_[at_]))
      ++at_;
  }
  bool ended() noexcept {
    space();
    return at_ == text_.size();
  }
  char peek() const {
    if (at_ >= text_.size())
      throw not_json{};
    return text_[at_];
  }
  size_t at() const noexcept { return at_; }
  void go_to(size_t at) noexcept { at_ = at; }
  bool array(const schema_node& schema, const std::string& path);
  std::string_view string_slice();
  void expect(char c) {
    if (peek() != c)
      throw not_json{};
    ++at_;
  }

  failure why{errc::invalid, {}, {}};

private:
  bool refuse(const std::string& path, std::string sentence) {
    why = {errc::invalid, std::move(sentence), path};
    return false;
  }
  bool any(const schema_node& schema, const std::string& path);
  bool string(const schema_node& schema, const std::string& path);
  bool number(const schema_node& schema, const std::string& path);
  bool object(const schema_node& schema, const std::string& path);
  bool member(const schema_node& schema, std::string_view name, const std::string& path,
              uint64_t& seen);
  bool word(const schema_node& schema, const std::string& path);
  bool is_null_ahead() const noexcept { return text_.substr(at_, 4) == "null"; }

  std::string_view text_;
  size_t at_ = 0;
  size_t depth_ = 0;
};

std::string joined(const std::string& path, std::string_view name) {
  std::string out = path;
  if (!out.empty())
    out += '.';
  // What a stranger called it comes back to him shortened.
  out += name.substr(0, 64);
  return out;
}

std::string_view checker::string_slice() {
  expect('"');
  const auto start = at_;
  for (; at_ < text_.size(); ++at_) {
    if (text_[at_] == '\\')
      ++at_;
    else if (text_[at_] == '"')
      return text_.substr(start, at_++ - start);
  }
  throw not_json{};
}

void checker::skip() {
  size_t open = 0;
  do {
    space();
    const char c = peek();
    if (c == '"') {
      string_slice();
    } else if (c == '{' || c == '[') {
      ++open;
      ++at_;
    } else if (c == '}' || c == ']') {
      if (open == 0)
        throw not_json{};
      --open;
      ++at_;
    } else if (c == ',' || c == ':') {
      if (open == 0)
        throw not_json{};
      ++at_;
      continue;
    } else {
      while (at_ < text_.size() && !is_space(text_[at_]) &&
             std::string_view(",:]}[{\"").find(text_[at_]) == std::string_view::npos)
        ++at_;
    }
  } while (open > 0);
}

bool checker::value(const schema_node& schema, const std::string& path) {
  if (schema.target != nullptr)
    return value(*schema.target, path);
  space();
  if (!schema.any_of.empty())
    return any(schema, path);
  switch (peek()) {
    case '"': return string(schema, path);
    case '{': return object(schema, path);
    case '[': return array(schema, path);
    case 't':
    case 'f':
    case 'n': return word(schema, path);
    default: return number(schema, path);
  }
}

bool checker::any(const schema_node& schema, const std::string& path) {
  const auto start = at_;
  const auto depth = depth_;
  for (const auto* one : schema.any_of) {
    at_ = start;
    depth_ = depth;
    if (value(*one, path))
      return true;
  }
  return false;  // with the sentence of the last one
}

bool checker::string(const schema_node& schema, const std::string& path) {
  const auto slice = string_slice();
  if (schema.types != 0 && (schema.types & schema_node::is_string) == 0)
    return refuse(path, type_sentence(schema.types));
  // An escape in a choice or a time is legal and rare; the reader behind decodes and checks it.
  if (slice.find('\\') != std::string_view::npos &&
      (!schema.choices.empty() || schema.format != text_format::any))
    return true;
  if (auto ok = check_text(schema, slice, path); !ok) {
    why = std::move(ok).error();
    return false;
  }
  return true;
}

bool checker::word(const schema_node& schema, const std::string& path) {
  const auto start = at_;
  skip();
  const auto text = text_.substr(start, at_ - start);
  if (text != "true" && text != "false" && text != "null")
    throw not_json{};
  const auto bit = text == "null" ? schema_node::is_null : schema_node::is_boolean;
  if (schema.types != 0 && (schema.types & bit) == 0)
    return refuse(path, type_sentence(schema.types));
  return true;
}

bool checker::number(const schema_node& schema, const std::string& path) {
  const auto start = at_;
  skip();
  double number = 0;
  const auto* end = text_.data() + at_;
  const auto [last, error] = std::from_chars(text_.data() + start, end, number);
  if (last != end || error == std::errc::invalid_argument)
    throw not_json{};
  if (auto ok = check_number(schema, number, path); !ok) {
    why = std::move(ok).error();
    return false;
  }
  return true;
}

bool checker::array(const schema_node& schema, const std::string& path) {
  if (schema.types != 0 && (schema.types & schema_node::is_array) == 0)
    return refuse(path, type_sentence(schema.types));
  if (++depth_ > limits::json_depth)
    throw not_json{};
  expect('[');
  space();
  size_t count = 0;
  while (peek() != ']') {
    if (count > 0)
      expect(',');
    if (schema.items == nullptr)
      skip();
    else if (!value(*schema.items, path + "[" + std::to_string(count) + "]"))
      return false;
    ++count;
    space();
  }
  ++at_;
  --depth_;
  if (count < schema.count_min)
    return refuse(path, "must have at least " + std::to_string(schema.count_min) + " elements");
  if (count > schema.count_max)
    return refuse(path, "must have at most " + std::to_string(schema.count_max) + " elements");
  return true;
}

bool checker::member(const schema_node& schema, std::string_view name, const std::string& path,
                     uint64_t& seen) {
  for (size_t i = 0; i < schema.properties.size(); ++i) {
    const auto& property = schema.properties[i];
    if (property.name != name)
      continue;
    if (is_null_ahead()) {
      at_ += 4;  // counts as missing
      return true;
    }
    if (i < 64)
      seen |= uint64_t{1} << i;
    if (property.node->read_only)
      return refuse(joined(path, name), "is set by the server");
    return value(*property.node, joined(path, name));
  }
  if (schema.closed)
    return refuse(joined(path, name), "is not known here");
  skip();
  return true;
}

bool checker::object(const schema_node& schema, const std::string& path) {
  if (schema.types != 0 && (schema.types & schema_node::is_object) == 0)
    return refuse(path, type_sentence(schema.types));
  if (++depth_ > limits::json_depth)
    throw not_json{};
  expect('{');
  space();
  uint64_t seen = 0;
  for (bool first = true; peek() != '}'; first = false) {
    if (!first) {
      expect(',');
      space();
    }
    const auto name = string_slice();
    space();
    expect(':');
    space();
    if (!member(schema, name, path, seen))
      return false;
    space();
  }
  ++at_;
  --depth_;
  for (size_t i = 0; i < schema.properties.size() && i < 64; ++i)
    if (schema.properties[i].required && (seen >> i & 1) == 0)
      return refuse(joined(path, schema.properties[i].name), "is missing");
  return true;
}

/// Whether the object ahead has a member `items`: then it is a whole batch.
bool has_items(checker& text) {
  const auto start = text.at();
  bool found = false;
  text.expect('{');
  text.space();
  for (bool first = true; text.peek() != '}' && !found; first = false) {
    if (!first) {
      text.expect(',');
      text.space();
    }
    found = text.string_slice() == "items";
    text.space();
    text.expect(':');
    if (!found)
      text.skip();
    text.space();
  }
  text.go_to(start);
  return found;
}

}  // namespace

result<void> check_value(const schema_node& schema, std::string_view json, std::string_view path) {
  checker check(json);
  try {
    if (!check.value(schema, std::string(path)))
      return std::move(check.why);
  } catch (const not_json&) {
  }
  return {};
}

result<void> check_batch(const schema_node& item, std::string_view body) {
  checker check(body);
  schema_node list;
  list.types = schema_node::is_array;
  list.items = &item;
  list.count_max = limits::batch_items;
  schema_node whole;
  whole.types = schema_node::is_object;
  whole.properties.push_back({"items", &list, true});
  try {
    check.space();
    if (!check.ended() && check.peek() == '[')
      return check.array(list, "items") ? result<void>{} : std::move(check.why);
    if (!check.ended() && check.peek() == '{' && has_items(check))
      return check.value(whole, {}) ? result<void>{} : std::move(check.why);
    for (size_t n = 0; !check.ended(); ++n)
      if (!check.value(item, "items[" + std::to_string(n) + "]"))
        return std::move(check.why);
  } catch (const not_json&) {
  }
  return {};
}

}  // namespace orrery::codec
