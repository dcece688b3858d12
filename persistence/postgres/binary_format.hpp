#pragma once
/// PostgreSQL's binary forms: rows of COPY … (FORMAT binary) and one-dimensional arrays as
/// parameters.

#include "base/time.hpp"
#include "base/uuid.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace orrery::postgres {

/// Object ids of the built-in types, fixed for all servers.
enum class type_oid : uint32_t {
  bytea = 17,
  int8 = 20,
  int2 = 21,
  int4 = 23,
  text = 25,
  timestamptz = 1184,
  uuid = 2950,
};

/// What a text column can hold of `text`: NUL becomes U+2400, bytes that are no UTF-8 become
/// U+FFFD, and it ends after `limit` bytes at the latest, so that no index refuses it. The entity's
/// body keeps the truth. Filters pass through here too, so that they still find their row.
std::string column_text(std::string_view text, size_t limit = 1000);

/// Appends values, each after its length, as rows and arrays alike hold them.
class binary_writer {
public:
  explicit binary_writer(std::string& out) : out_(out) {}

  void raw16(int16_t v) { big_endian(static_cast<uint16_t>(v), 2); }
  void raw32(int32_t v) { big_endian(static_cast<uint32_t>(v), 4); }
  void raw64(int64_t v) { big_endian(static_cast<uint64_t>(v), 8); }

  void null() { raw32(-1); }
  void int2(int16_t v) { raw32(2), raw16(v); }
  void int4(int32_t v) { raw32(4), raw32(v); }
  void int8(int64_t v) { raw32(8), raw64(v); }
  void id(const uuid& v);
  void bytes(std::string_view v);
  /// Sanitized by `column_text`.
  void text(std::string_view v);
  /// `never` as null.
  void instant_or_null(time_point at) { at == never ? null() : instant(at); }
  void instant(time_point at);
  /// An array of texts; null where there are none.
  void texts_or_null(const std::vector<std::string>& list);

private:
  void big_endian(uint64_t v, int width) {
    for (int shift = (width - 1) * 8; shift >= 0; shift -= 8)
      out_.push_back(static_cast<char>(v >> shift & 0xff));
  }

  std::string& out_;
};

/// An array parameter that grows. Elements are written with the writer, one call each, counted by
/// `add`.
class binary_array {
public:
  explicit binary_array(type_oid element);
  /// Where to write the next element.
  binary_writer add() {
    ++count_;
    return binary_writer(bytes_);
  }
  size_t size() const noexcept { return static_cast<size_t>(count_); }
  size_t byte_count() const noexcept { return bytes_.size(); }
  /// The finished parameter; valid until the next `add` or `clear`.
  const std::string& finish();
  void clear();

private:
  void begin();

  type_oid element_;
  int32_t count_ = 0;
  std::string bytes_;
};

/// Header and trailer of a binary COPY.
std::string_view copy_header() noexcept;
std::string_view copy_trailer() noexcept;

}  // namespace orrery::postgres
