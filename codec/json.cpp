#include "codec/json.hpp"

#include "codec/detail/json_reader.hpp"

#include <array>
#include <charconv>
#include <cmath>

namespace orrery::codec {

namespace {

/// 0: stands for itself, 1: must be escaped, 2: begins or continues a sequence of several bytes.
constexpr std::array<uint8_t, 256> classes = [] {
  std::array<uint8_t, 256> table{};
  for (size_t c = 0; c < 256; ++c)
    table[c] = c < 0x20 || c == '"' || c == '\\' || c == 0x7f ? 1 : c >= 0x80 ? 2 : 0;
  return table;
}();

/// Length of the UTF-8 sequence at `at`; 0 where it is not one (RFC 3629).
size_t sequence_length(std::string_view text, size_t at) noexcept {
  const auto byte = [&](size_t i) -> unsigned {
    return at + i < text.size() ? static_cast<uint8_t>(text[at + i]) : 0U;
  };
  const auto follows = [&](size_t i) { return (byte(i) & 0xc0) == 0x80; };
  const unsigned lead = byte(0);
  if (lead >= 0xc2 && lead <= 0xdf)
    return follows(1) ? 2 : 0;
  if (lead >= 0xe0 && lead <= 0xef) {
    const bool overlong = lead == 0xe0 && byte(1) < 0xa0;
    const bool surrogate = lead == 0xed && byte(1) >= 0xa0;
    return !overlong && !surrogate && follows(1) && follows(2) ? 3 : 0;
  }
  if (lead >= 0xf0 && lead <= 0xf4) {
    const bool overlong = lead == 0xf0 && byte(1) < 0x90;
    const bool beyond = lead == 0xf4 && byte(1) >= 0x90;
    return !overlong && !beyond && follows(1) && follows(2) && follows(3) ? 4 : 0;
  }
  return 0;
}

void append_escaped(std::string& out, char c) {
  static constexpr char digits[] = "0123456789abcdef";
  switch (c) {
    case '"': out += "\\\""; return;
    case '\\': out += "\\\\"; return;
    case '\n': out += "\\n"; return;
    case '\r': out += "\\r"; return;
    case '\t': out += "\\t"; return;
    case '\b': out += "\\b"; return;
    case '\f': out += "\\f"; return;
    default:
      out += "\\u00";
      out += digits[static_cast<uint8_t>(c) >> 4];
      out += digits[static_cast<uint8_t>(c) & 15];
  }
}

template <class Number>
void append_number(std::string& out, Number number) {
  std::array<char, 32> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number);
  out.append(digits.data(), static_cast<size_t>(end.ptr - digits.data()));
}

}  // namespace

void append_string(std::string& out, std::string_view text) {
  out += '"';
  size_t copied = 0;
  size_t at = 0;
  const auto copy_upto = [&](size_t end) { out.append(text, copied, end - copied); };
  while (at < text.size()) {
    const auto kind = classes[static_cast<uint8_t>(text[at])];
    if (kind == 0) {
      ++at;
      continue;
    }
    if (kind == 2) {
      if (const auto length = sequence_length(text, at); length != 0) {
        at += length;
        continue;
      }
    }
    copy_upto(at);
    if (kind == 1)
      append_escaped(out, text[at]);
    else
      out += "\xef\xbf\xbd";
    copied = ++at;
  }
  copy_upto(at);
  out += '"';
}

void append_minified(std::string& out, std::string_view json) {
  size_t copied = 0;
  for (size_t at = 0; at < json.size(); ++at) {
    const char c = json[at];
    if (c == '"') {
      for (++at; at < json.size() && json[at] != '"'; ++at)
        if (json[at] == '\\')
          ++at;
    } else if (c == ' ' || c == '\n' || c == '\r' || c == '\t') {
      out.append(json, copied, at - copied);
      copied = at + 1;
    }
  }
  out.append(json, copied);
}

void json_writer::separate() {
  if (after_key_)
    after_key_ = false;
  else if (!first_)
    out_ += ',';
  first_ = false;
}

json_writer& json_writer::open(char c) {
  separate();
  out_ += c;
  first_ = true;
  return *this;
}

json_writer& json_writer::close(char c) {
  out_ += c;
  first_ = false;
  return *this;
}

json_writer& json_writer::key(std::string_view name) {
  separate();
  append_string(out_, name);
  out_ += ':';
  after_key_ = true;
  return *this;
}

json_writer& json_writer::value(std::string_view text) {
  separate();
  append_string(out_, text);
  return *this;
}

json_writer& json_writer::value(int64_t number) {
  separate();
  append_number(out_, number);
  return *this;
}

json_writer& json_writer::value(uint64_t number) {
  separate();
  append_number(out_, number);
  return *this;
}

json_writer& json_writer::value(double number) {
  if (!std::isfinite(number))
    return null();
  separate();
  append_number(out_, number);
  return *this;
}

json_writer& json_writer::value(bool flag) { return raw(flag ? "true" : "false"); }

json_writer& json_writer::value(time_point at) {
  if (at == never)
    return null();
  separate();
  out_ += '"';
  append_time(out_, at);
  out_ += '"';
  return *this;
}

json_writer& json_writer::value(const uuid& id) {
  separate();
  out_ += '"';
  append_uuid(out_, id);
  out_ += '"';
  return *this;
}

json_writer& json_writer::null() { return raw("null"); }

json_writer& json_writer::raw(std::string_view json) {
  separate();
  out_ += json;
  return *this;
}

result<void> check_json(std::string_view text) {
  return detail::read_json(text, detail::outermost::any, {});
}

}  // namespace orrery::codec
