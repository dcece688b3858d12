#include "app/feed_cursor.hpp"

#include <charconv>

namespace orrery::app {

namespace {

constexpr char version_letter = 'a';
constexpr std::string_view digits =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

failure unreadable() {
  return {errc::invalid, "is not the id of an event of this stream", "Last-Event-ID"};
}

std::string to_base64url(std::string_view bytes) {
  std::string out;
  out.reserve(bytes.size() * 4 / 3 + 3);
  uint32_t bits = 0;
  int held = 0;
  for (const char c : bytes) {
    bits = bits << 8 | static_cast<unsigned char>(c);
    for (held += 8; held >= 6; held -= 6)
      out += digits[bits >> (held - 6) & 63];
  }
  if (held > 0)
    out += digits[bits << (6 - held) & 63];
  return out;
}

result<std::string> from_base64url(std::string_view text) {
  std::string out;
  uint32_t bits = 0;
  int held = 0;
  for (const char c : text) {
    const auto value = digits.find(c);
    if (value == std::string_view::npos)
      return unreadable();
    bits = bits << 6 | static_cast<uint32_t>(value);
    if ((held += 6) >= 8) {
      held -= 8;
      out += static_cast<char>(bits >> held & 255);
    }
  }
  return out;
}

}  // namespace

std::string write_feed_cursor(const feed_positions& seen) {
  std::string bytes;
  for (const auto position : seen) {
    auto rest = static_cast<uint64_t>(position);
    for (; rest >= 128; rest >>= 7)
      bytes += static_cast<char>((rest & 127) | 128);
    bytes += static_cast<char>(rest);
  }
  return version_letter + to_base64url(bytes);
}

result<feed_positions> read_feed_cursor(std::string_view text, size_t shards) {
  if (text.size() < 2 || text.front() != version_letter || text.size() > shards * 14 + 2)
    return unreadable();
  const auto bytes = from_base64url(text.substr(1));
  if (!bytes)
    return bytes.error();
  feed_positions seen;
  uint64_t value = 0;
  int shift = 0;
  for (const char c : *bytes) {
    const auto byte = static_cast<unsigned char>(c);
    if (shift > 56)
      return unreadable();
    value |= static_cast<uint64_t>(byte & 127) << shift;
    shift += 7;
    if ((byte & 128) != 0)
      continue;
    seen.push_back(static_cast<int64_t>(value));
    value = 0;
    shift = 0;
  }
  if (shift != 0 || seen.size() != shards)
    return unreadable();
  return seen;
}

result<int64_t> read_feed_position(std::string_view text) {
  int64_t position = 0;
  const auto* end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data(), end, position);
  if (error != std::errc{} || stopped != end || position < 0)
    return unreadable();
  return position;
}

}  // namespace orrery::app
