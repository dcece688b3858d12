#include "domain/lease.hpp"

#include "base/sha256.hpp"

#include <algorithm>
#include <charconv>

namespace orrery {

namespace {

constexpr char form = '1';  // of the text; another form begins with another digit
constexpr size_t secret_digits = 32;
constexpr size_t text_length = 1 + 32 + 8 + 8 + 16 + secret_digits;

void append_hex(std::string& out, uint64_t value, int digits) {
  static constexpr char names[] = "0123456789abcdef";
  for (int shift = 4 * (digits - 1); shift >= 0; shift -= 4)
    out += names[value >> shift & 15];
}

bool read_hex(std::string_view& from, size_t digits, uint64_t& into) {
  const auto part = from.substr(0, digits);
  from.remove_prefix(digits);
  const auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), into, 16);
  return error == std::errc{} && end == part.data() + part.size();
}

bool is_hex(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); }

}  // namespace

std::string to_string(const lease_id& lease) {
  std::string out(1, form);
  out.reserve(text_length);
  append_hex(out, lease.task.value.high, 16);
  append_hex(out, lease.task.value.low, 16);
  append_hex(out, lease.token.run, 8);
  append_hex(out, lease.token.attempt, 8);
  append_hex(out, static_cast<uint64_t>(lease.epoch.value), 16);
  return out += lease.secret;
}

std::optional<lease_id> parse_lease(std::string_view text) {
  if (text.size() != text_length || text.front() != form ||
      !std::all_of(text.begin(), text.end(), is_hex))
    return std::nullopt;
  text.remove_prefix(1);
  lease_id lease;
  uint64_t run = 0;
  uint64_t attempt = 0;
  uint64_t epoch = 0;
  if (!read_hex(text, 16, lease.task.value.high) || !read_hex(text, 16, lease.task.value.low) ||
      !read_hex(text, 8, run) || !read_hex(text, 8, attempt) || !read_hex(text, 16, epoch))
    return std::nullopt;
  lease.token = {static_cast<uint32_t>(run), static_cast<uint32_t>(attempt)};
  lease.epoch = epoch_t{static_cast<int64_t>(epoch)};
  lease.secret = text;
  return lease;
}

std::string secret_of_lease(const std::array<uint8_t, 32>& seed, entity_id task,
                            attempt_token token) {
  std::string text(reinterpret_cast<const char*>(seed.data()), seed.size());
  append_hex(text, task.value.high, 16);
  append_hex(text, task.value.low, 16);
  append_hex(text, token.run, 8);
  append_hex(text, token.attempt, 8);
  const auto digest = sha256(text);
  std::string out;
  for (size_t i = 0; i < secret_digits / 2; ++i)
    append_hex(out, digest[i], 2);
  return out;
}

}  // namespace orrery
