#pragma once
/// Protocol Buffers' wire format by hand: a writer that appends to a string, and a reader that never
/// looks beyond its slice. Both offer the same verbs, so that one description of a message's fields
/// (codec/detail/stored_fields.hpp) serves both directions.

#include "base/shared_value.hpp"
#include "base/time.hpp"
#include "domain/ids.hpp"

#include <bit>
#include <cmath>
#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace orrery::codec::detail {

enum class wire_type : uint8_t { varint = 0, fixed64 = 1, bytes = 2, fixed32 = 5 };

/// Small numbers of either sign become small unsigned ones.
constexpr uint64_t zigzag(uint64_t difference) noexcept {
  return (difference << 1) ^ (0 - (difference >> 63));
}
constexpr uint64_t unzigzag(uint64_t coded) noexcept { return (coded >> 1) ^ (0 - (coded & 1)); }

constexpr uint64_t bits(time_point at) noexcept { return static_cast<uint64_t>(micros(at)); }
constexpr time_point time_of_bits(uint64_t value) noexcept {
  return from_micros(static_cast<int64_t>(value));
}

/// Appends fields. What equals its default is left out; the reader starts from the same defaults.
class wire_writer {
public:
  explicit wire_writer(std::string& out) : out_(out) {}

  void varint(uint64_t value) {
    char coded[10];
    size_t length = 0;
    while (value >= 0x80) {
      coded[length++] = static_cast<char>(value | 0x80);
      value >>= 7;
    }
    coded[length++] = static_cast<char>(value);
    out_.append(coded, length);
  }
  void tag(uint32_t field, wire_type type) {
    varint(uint64_t{field} << 3 | static_cast<uint64_t>(type));
  }
  void bytes(uint32_t field, std::string_view value) {
    tag(field, wire_type::bytes);
    varint(value.size());
    out_.append(value);
  }
  void scalar(uint32_t field, uint64_t value) {
    tag(field, wire_type::varint);
    varint(value);
  }

  void text(uint32_t field, const std::string& value, std::string_view otherwise = {}) {
    if (value != otherwise)
      bytes(field, value);
  }
  template <std::integral Number>
  void number(uint32_t field, Number value, Number otherwise = 0) {
    if (value != otherwise)
      scalar(field, static_cast<uint64_t>(value));
  }
  template <class Enum>
  void choice(uint32_t field, Enum value, Enum /*last*/, Enum otherwise) {
    if (value != otherwise)
      scalar(field, static_cast<uint64_t>(value));
  }
  void flag(uint32_t field, bool value) {
    if (value)
      scalar(field, 1);
  }
  void span(uint32_t field, duration value, duration otherwise = {}) {
    number(field, value.count(), otherwise.count());
  }
  void time(uint32_t field, time_point value) { number(field, micros(value)); }
  /// As the difference to `base`, which must be written before it.
  void time_since(uint32_t field, time_point value, time_point base) {
    if (value != never)
      scalar(field, zigzag(bits(value) - bits(base)));
  }
  void real(uint32_t field, double value, double otherwise) {
    const auto word = std::bit_cast<uint64_t>(value);
    if (word == std::bit_cast<uint64_t>(otherwise))
      return;
    tag(field, wire_type::fixed64);
    char coded[8];
    for (size_t i = 0; i < 8; ++i)
      coded[i] = static_cast<char>(word >> (8 * i));
    out_.append(coded, sizeof coded);
  }
  void list(uint32_t field, const std::vector<std::string>& values) {
    for (const auto& value : values)
      bytes(field, value);
  }
  void id(uint32_t field, entity_id value) {
    const auto coded = to_bytes(value.value);
    bytes(field, {reinterpret_cast<const char*>(coded.data()), coded.size()});
  }
  /// Left out where nil.
  void optional_id(uint32_t field, entity_id value) {
    if (!value.is_nil())
      id(field, value);
  }
  void numbers(uint32_t field, const std::vector<uint32_t>& values) {
    for (const auto value : values)
      scalar(field, value);
  }
  template <class Message>
  void messages(uint32_t field, const std::vector<Message>& values) {
    for (const auto& value : values)
      message(field, value);
  }
  template <class Message>
  void message(uint32_t field, const shared_value<Message>& value) {
    message(field, *value);
  }
  template <class Message>
  void message(uint32_t field, const Message& value) {
    nested(field, [&] { fields(*this, value); });
  }
  template <class Message>
  void message(uint32_t field, const Message& value, const Message& otherwise) {
    if (value != otherwise)
      message(field, value);
  }

  /// A part that few have: left out where it was never set.
  template <class Message>
  void part(uint32_t field, const shared_value<Message>& value) {
    if (value.is_set())
      message(field, *value);
  }

  /// A length-delimited field that holds what `write` appends.
  template <class Write>
  void nested(uint32_t field, Write write) {
    tag(field, wire_type::bytes);
    const size_t start = out_.size();
    out_.push_back('\0');  // the length, where it fits in one byte; most do
    write();
    const size_t length = out_.size() - start - 1;
    if (length < 0x80) {
      out_[start] = static_cast<char>(length);
      return;
    }
    std::string coded;
    wire_writer(coded).varint(length);
    out_.replace(start, 1, coded);
  }

private:
  std::string& out_;
};

/// One field as it stands in the bytes.
struct wire_field {
  uint32_t number = 0;
  wire_type type = wire_type::varint;
  uint64_t scalar = 0;     ///< varint, fixed64, fixed32
  std::string_view bytes;  ///< bytes
};

/// Cuts a slice into fields.
class wire_reader {
public:
  explicit wire_reader(std::string_view bytes) : rest_(bytes) {}

  bool at_end() const noexcept { return rest_.empty(); }
  bool broken() const noexcept { return broken_; }
  /// The next byte, not taken; only where not at the end.
  char peek() const noexcept { return rest_.front(); }
  void skip_byte() noexcept { rest_.remove_prefix(1); }

  /// False at the end and where the bytes are broken.
  bool next(wire_field& field) {
    if (rest_.empty() || broken_)
      return false;
    uint64_t key = 0;
    if (!varint(key) || key >> 3 == 0 || key >> 3 > 0x1fffffff)
      return fail();
    field.number = static_cast<uint32_t>(key >> 3);
    field.type = static_cast<wire_type>(key & 7);
    switch (field.type) {
      case wire_type::varint: return varint(field.scalar) || fail();
      case wire_type::fixed64: return fixed(field.scalar, 8) || fail();
      case wire_type::fixed32: return fixed(field.scalar, 4) || fail();
      case wire_type::bytes: {
        uint64_t length = 0;
        if (!varint(length) || length > rest_.size())
          return fail();
        field.bytes = rest_.substr(0, length);
        rest_.remove_prefix(length);
        return true;
      }
    }
    return fail();
  }

private:
  bool fail() noexcept {
    broken_ = true;
    return false;
  }
  bool varint(uint64_t& value) noexcept {
    value = 0;
    for (size_t i = 0; i < rest_.size() && i < 10; ++i) {
      const auto byte = static_cast<uint8_t>(rest_[i]);
      if (i == 9 && byte > 1)
        return false;
      value |= static_cast<uint64_t>(byte & 0x7f) << (7 * i);
      if (byte < 0x80) {
        rest_.remove_prefix(i + 1);
        return true;
      }
    }
    return false;
  }
  bool fixed(uint64_t& value, size_t width) noexcept {
    if (rest_.size() < width)
      return false;
    value = 0;
    for (size_t i = 0; i < width; ++i)
      value |= static_cast<uint64_t>(static_cast<uint8_t>(rest_[i])) << (8 * i);
    rest_.remove_prefix(width);
    return true;
  }

  std::string_view rest_;
  bool broken_ = false;
};

template <class Message>
bool read_message(std::string_view bytes, Message& into);

/// Takes one field into the member that the description names for its number; others pass by.
class field_reader {
public:
  explicit field_reader(const wire_field& field) : field_(field) {}

  /// The field was known, but its type or value was not what it must be.
  bool bad() const noexcept { return bad_; }

  void text(uint32_t field, std::string& into, std::string_view = {}) {
    if (is(field, wire_type::bytes))
      into.assign(field_.bytes);
  }
  template <std::integral Number>
  void number(uint32_t field, Number& into, std::type_identity_t<Number> = 0) {
    if (!is(field, wire_type::varint))
      return;
    into = static_cast<Number>(field_.scalar);
    bad_ = static_cast<uint64_t>(into) != field_.scalar;
  }
  template <class Enum>
  void choice(uint32_t field, Enum& into, Enum last, Enum) {
    if (!is(field, wire_type::varint))
      return;
    bad_ = field_.scalar > static_cast<uint64_t>(last);
    if (!bad_)
      into = static_cast<Enum>(field_.scalar);
  }
  void flag(uint32_t field, bool& into) {
    if (!is(field, wire_type::varint))
      return;
    into = field_.scalar != 0;
    bad_ = field_.scalar > 1;
  }
  void span(uint32_t field, duration& into, duration = {}) {
    if (is(field, wire_type::varint))
      into = duration{static_cast<int64_t>(field_.scalar)};
  }
  void time(uint32_t field, time_point& into) {
    if (is(field, wire_type::varint))
      into = time_of_bits(field_.scalar);
  }
  void time_since(uint32_t field, time_point& into, time_point base) {
    if (is(field, wire_type::varint))
      into = time_of_bits(unzigzag(field_.scalar) + bits(base));
  }
  void real(uint32_t field, double& into, double) {
    if (!is(field, wire_type::fixed64))
      return;
    into = std::bit_cast<double>(field_.scalar);
    bad_ = !std::isfinite(into);  // nothing of ours is, and NaN would differ from itself
  }
  void list(uint32_t field, std::vector<std::string>& into) {
    if (is(field, wire_type::bytes))
      into.emplace_back(field_.bytes);
  }
  void id(uint32_t field, entity_id& into) {
    if (!is(field, wire_type::bytes))
      return;
    bad_ = field_.bytes.size() != 16;
    if (!bad_)
      into = entity_id{uuid_from_bytes(reinterpret_cast<const uint8_t*>(field_.bytes.data()))};
  }
  void optional_id(uint32_t field, entity_id& into) { id(field, into); }
  void numbers(uint32_t field, std::vector<uint32_t>& into) {
    if (!is(field, wire_type::varint))
      return;
    bad_ = field_.scalar > UINT32_MAX;
    into.push_back(static_cast<uint32_t>(field_.scalar));
  }
  template <class Message>
  void messages(uint32_t field, std::vector<Message>& into) {
    if (is(field, wire_type::bytes))
      bad_ = !read_message(field_.bytes, into.emplace_back());
  }
  template <class Message>
  void message(uint32_t field, shared_value<Message>& into) {
    if (!is(field, wire_type::bytes))
      return;
    Message value;
    bad_ = !read_message(field_.bytes, value);
    into = std::move(value);
  }
  template <class Message>
  void message(uint32_t field, Message& into) {
    if (is(field, wire_type::bytes))
      bad_ = !read_message(field_.bytes, into);
  }
  template <class Message>
  void message(uint32_t field, Message& into, const Message&) {
    message(field, into);
  }

  template <class Message>
  void part(uint32_t field, shared_value<Message>& into) {
    message(field, into);
  }

private:
  bool is(uint32_t field, wire_type type) noexcept {
    if (field != field_.number)
      return false;
    bad_ = field_.type != type;
    return !bad_;
  }

  const wire_field& field_;
  bool bad_ = false;
};

/// Reads a message whose members are described by `fields`. Unknown fields are skipped.
template <class Message>
bool read_message(std::string_view bytes, Message& into) {
  wire_reader reader(bytes);
  wire_field field;
  while (reader.next(field)) {
    field_reader taker(field);
    fields(taker, into);
    if (taker.bad())
      return false;
  }
  return !reader.broken();
}

}  // namespace orrery::codec::detail
