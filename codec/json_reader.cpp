#include "codec/detail/json_reader.hpp"

#include <cstring>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>

namespace orrery::codec::detail {

namespace {

/// Walks over the text and tells where it stands, which the SAX interface itself does not.
class tracking_iterator {
public:
  using iterator_category = std::input_iterator_tag;
  using value_type = char;
  using difference_type = std::ptrdiff_t;
  using pointer = const char*;
  using reference = const char&;

  tracking_iterator(const char* at, const char** told) : at_(at), told_(told) {}
  reference operator*() const noexcept { return *at_; }
  tracking_iterator& operator++() noexcept {
    *told_ = ++at_;
    return *this;
  }
  tracking_iterator operator++(int) noexcept {
    auto before = *this;
    ++*this;
    return before;
  }
  friend bool operator==(const tracking_iterator& a, const tracking_iterator& b) noexcept {
    return a.at_ == b.at_;
  }

private:
  const char* at_;
  const char** told_;
};

/// The handler that nlohmann_json calls. Names and signatures are its SAX interface.
class member_handler {
public:
  member_handler(std::string_view text, outermost expected, const on_member& each, size_t keys_max)
      : text_(text), expected_(expected), each_(each), keys_max_(keys_max) {}

  const char** position() noexcept { return &at_; }
  std::optional<failure>& error() noexcept { return error_; }

  bool null() {
    json_value v;
    return scalar(v);
  }
  bool boolean(bool flag) {
    json_value v{.is = json_value::form::boolean, .flag = flag};
    return scalar(v);
  }
  bool number_integer(int64_t number) {
    json_value v{
        .is = json_value::form::integer, .integer = number, .real = static_cast<double>(number)};
    return scalar(v);
  }
  bool number_unsigned(uint64_t number) {
    if (number <= static_cast<uint64_t>(std::numeric_limits<int64_t>::max()))
      return number_integer(static_cast<int64_t>(number));
    return number_float(static_cast<double>(number), {});
  }
  bool number_float(double number, const std::string&) {
    json_value v{.is = json_value::form::real, .real = number};
    return scalar(v);
  }
  bool string(std::string& text) {
    if (text.find('\0') != std::string::npos)
      return refuse("holds a NUL character");
    json_value v{.is = json_value::form::string, .text = &text};
    return scalar(v);
  }
  // Never called: JSON has no binary values.
  bool binary(nlohmann::json::binary_t&) { return false; }

  bool start_object(size_t) { return open(outermost::object); }
  bool start_array(size_t) { return open(outermost::array); }
  bool end_object() { return close(json_value::form::object); }
  bool end_array() { return close(json_value::form::array); }

  bool key(std::string& name) {
    if (++keys_ > keys_max_)
      return refuse("has more than " + std::to_string(keys_max_) + " keys");
    if (name.find('\0') != std::string::npos)
      return refuse("holds a NUL character");
    if (depth_ == 1) {
      key_.swap(name);
      key_end_ = at_;
    }
    return true;
  }

  bool parse_error(size_t, const std::string&, const nlohmann::json::exception& why) {
    const bool encoding = std::strstr(why.what(), "UTF-8") != nullptr;
    return refuse(encoding ? "is not valid UTF-8" : "is not valid JSON");
  }

private:
  bool refuse(std::string sentence) {
    if (!error_)
      error_ = failure{errc::invalid, std::move(sentence) + " (near byte " +
                                          std::to_string(at_ - text_.data()) + ")"};
    return false;
  }
  bool tell(json_value& value) { return !each_ || each_(key_, value); }

  bool scalar(json_value& value) {
    if (depth_ == 0 && expected_ != outermost::any)
      return refuse_outermost();
    if (depth_ != 1)
      return true;
    if (key_end_ != nullptr)
      value.raw = scalar_text(value.is);
    return tell(value);
  }
  /// The scalar behind the key just read. Behind a string the parser stands exactly; behind a number it
  /// may have read one character ahead.
  std::string_view scalar_text(json_value::form what) const {
    const char* start = key_end_;
    while (*start == ' ' || *start == '\n' || *start == '\r' || *start == '\t' || *start == ':')
      ++start;
    const char* end = at_;
    if (what != json_value::form::string)
      while (!is_scalar_character(end[-1]))
        --end;
    return {start, static_cast<size_t>(end - start)};
  }
  static bool is_scalar_character(char c) noexcept {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z');
  }
  bool open(outermost what) {
    if (depth_ == 0 && expected_ != outermost::any && expected_ != what)
      return refuse_outermost();
    if (++depth_ > limits::json_depth)
      return refuse("is nested deeper than " + std::to_string(limits::json_depth) + " levels");
    if (depth_ == 2)
      raw_ = at_ - 1;
    return true;
  }
  bool close(json_value::form what) {
    if (--depth_ != 1)
      return true;
    json_value v{.is = what, .raw = {raw_, static_cast<size_t>(at_ - raw_)}};
    return tell(v);
  }
  bool refuse_outermost() {
    if (!error_)
      error_ = failure{errc::invalid, expected_ == outermost::object ? "must be a JSON object"
                                                                     : "must be a JSON array"};
    return false;
  }

  std::string_view text_;
  outermost expected_;
  const on_member& each_;
  size_t keys_max_;
  const char* at_ = text_.data();
  const char* raw_ = nullptr;
  const char* key_end_ = nullptr;
  size_t depth_ = 0;
  size_t keys_ = 0;
  std::string key_;
  std::optional<failure> error_;
};

}  // namespace

result<void> read_json(std::string_view text, outermost expected, const on_member& each,
                       size_t keys_max) {
  // The parser takes a NUL byte for the end of the input.
  if (const auto nul = text.find('\0'); nul != std::string_view::npos)
    return failure{errc::invalid, "holds a NUL byte (near byte " + std::to_string(nul) + ")"};
  member_handler handler(text, expected, each, keys_max);
  const tracking_iterator begin(text.data(), handler.position());
  const tracking_iterator end(text.data() + text.size(), handler.position());
  nlohmann::json::sax_parse(begin, end, &handler);
  if (auto& error = handler.error())
    return std::move(*error);
  return {};
}

}  // namespace orrery::codec::detail
