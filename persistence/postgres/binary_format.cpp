#include "persistence/postgres/binary_format.hpp"

#include <algorithm>

namespace orrery::postgres {

namespace {

/// PostgreSQL counts from 2000-01-01.
constexpr int64_t epoch_shift = 946'684'800'000'000;
/// What its calendar can hold: 4713 BC to 294276 AD.
constexpr int64_t instant_min = -210'866'803'200'000'000 - epoch_shift;
constexpr int64_t instant_max = 9'223'371'331'199'999'999 - epoch_shift;

constexpr size_t array_header_bytes = 20;

/// Length of the valid UTF-8 character that begins `text`, or 0.
size_t character_length(std::string_view text) noexcept {
  const auto at = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  const auto follows = [&](size_t i, unsigned low, unsigned high) {
    return i < text.size() && at(i) >= low && at(i) <= high;
  };
  const unsigned first = at(0);
  if (first < 0x80)
    return 1;
  if (first >= 0xc2 && first <= 0xdf)
    return follows(1, 0x80, 0xbf) ? 2 : 0;
  if (first >= 0xe0 && first <= 0xef) {
    const unsigned low = first == 0xe0 ? 0xa0 : 0x80;
    const unsigned high = first == 0xed ? 0x9f : 0xbf;
    return follows(1, low, high) && follows(2, 0x80, 0xbf) ? 3 : 0;
  }
  if (first >= 0xf0 && first <= 0xf4) {
    const unsigned low = first == 0xf0 ? 0x90 : 0x80;
    const unsigned high = first == 0xf4 ? 0x8f : 0xbf;
    return follows(1, low, high) && follows(2, 0x80, 0xbf) && follows(3, 0x80, 0xbf) ? 4 : 0;
  }
  return 0;
}

bool is_plain(std::string_view text) noexcept {
  return std::all_of(text.begin(), text.end(), [](char c) { return c > 0; });
}

}  // namespace

std::string column_text(std::string_view text, size_t limit) {
  if (text.size() <= limit && is_plain(text))
    return std::string(text);
  std::string out;
  out.reserve(std::min(text.size(), limit));
  while (!text.empty()) {
    const auto length = character_length(text);
    std::string_view piece = text.substr(0, length);
    if (length == 0)
      piece = "\xef\xbf\xbd";
    else if (text.front() == '\0')
      piece = "\xe2\x90\x80";
    if (out.size() + piece.size() > limit)
      break;
    out.append(piece);
    text.remove_prefix(std::max<size_t>(length, 1));
  }
  return out;
}

void binary_writer::id(const uuid& v) {
  raw32(16);
  raw64(static_cast<int64_t>(v.high));
  raw64(static_cast<int64_t>(v.low));
}

void binary_writer::bytes(std::string_view v) {
  raw32(static_cast<int32_t>(v.size()));
  out_.append(v);
}

void binary_writer::text(std::string_view v) {
  if (v.size() <= 1000 && is_plain(v))
    bytes(v);
  else
    bytes(column_text(v));
}

void binary_writer::instant(time_point at) {
  // Subtracting could overflow for instants that no calendar here knows; they become its ends.
  const auto unix = std::max(micros(at), instant_min + epoch_shift);
  int8(std::clamp(unix - epoch_shift, instant_min, instant_max));
}

void binary_writer::texts_or_null(const std::vector<std::string>& list) {
  if (list.empty())
    return null();
  binary_array array(type_oid::text);
  for (const auto& one : list)
    array.add().text(one);
  bytes(array.finish());
}

binary_array::binary_array(type_oid element) : element_(element) { begin(); }

void binary_array::begin() {
  binary_writer header(bytes_);
  header.raw32(1);  // dimensions
  header.raw32(1);  // may hold nulls
  header.raw32(static_cast<int32_t>(element_));
  header.raw32(0);  // length, known at the end
  header.raw32(1);  // first index
}

const std::string& binary_array::finish() {
  std::string length;
  binary_writer(length).raw32(count_);
  bytes_.replace(12, 4, length);
  return bytes_;
}

void binary_array::clear() {
  count_ = 0;
  bytes_.resize(array_header_bytes);
}

std::string_view copy_header() noexcept { return {"PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0", 19}; }

std::string_view copy_trailer() noexcept { return {"\377\377", 2}; }

}  // namespace orrery::postgres
