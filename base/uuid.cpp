#include "base/uuid.hpp"

#include "base/sha256.hpp"

namespace orrery {

namespace {

constexpr uint64_t variant_bits = uint64_t{2} << 62;
constexpr uint64_t variant_mask = ~(uint64_t{3} << 62);

int hex_value(char c) {
  if (c >= '0' && c <= '9')
    return c - '0';
  if (c >= 'a' && c <= 'f')
    return c - 'a' + 10;
  if (c >= 'A' && c <= 'F')
    return c - 'A' + 10;
  return -1;
}

uint64_t word_at(const uint8_t* bytes) {
  uint64_t word = 0;
  for (int i = 0; i < 8; ++i)
    word = word << 8 | bytes[i];
  return word;
}

}  // namespace

uuid make_uuid_v7(time_point at, uint16_t rand_a, uint64_t random) {
  const auto millis = static_cast<uint64_t>(micros(at) / 1000);
  return {millis << 16 | 0x7000U | (rand_a & 0xfffU), (random & variant_mask) | variant_bits};
}

uuid make_uuid_v8(std::string_view name, uint16_t rand_a) {
  const auto digest = sha256(name);
  return {(word_at(digest.data()) & ~uint64_t{0xffff}) | 0x8000U | (rand_a & 0xfffU),
          (word_at(digest.data() + 8) & variant_mask) | variant_bits};
}

uuid make_uuid_v8(std::string_view name, uint16_t rand_a, time_point at) {
  auto id = make_uuid_v8(name, rand_a);
  id.high = static_cast<uint64_t>(micros(at) / 1000) << 16 | (id.high & 0xffff);
  return id;
}

void append_uuid(std::string& out, const uuid& id) {
  static constexpr char digits[] = "0123456789abcdef";
  char text[36];
  size_t at = 0;
  for (int nibble = 0; nibble < 32; ++nibble) {
    if (nibble == 8 || nibble == 12 || nibble == 16 || nibble == 20)
      text[at++] = '-';
    const uint64_t word = nibble < 16 ? id.high : id.low;
    text[at++] = digits[word >> (60 - 4 * (nibble % 16)) & 0xf];
  }
  out.append(text, sizeof text);
}

std::string to_string(const uuid& id) {
  std::string out;
  out.reserve(36);
  append_uuid(out, id);
  return out;
}

result<uuid> parse_uuid(std::string_view text) {
  const auto bad = [&] {
    return failure{errc::invalid, "not a UUID: " + std::string(text.substr(0, 64))};
  };
  if (text.size() != 36)
    return bad();
  uuid id;
  int nibble = 0;
  for (size_t i = 0; i < 36; ++i) {
    if (i == 8 || i == 13 || i == 18 || i == 23) {
      if (text[i] != '-')
        return bad();
      continue;
    }
    const int value = hex_value(text[i]);
    if (value < 0)
      return bad();
    auto& word = nibble++ < 16 ? id.high : id.low;
    word = word << 4 | static_cast<uint64_t>(value);
  }
  return id;
}

std::array<uint8_t, 16> to_bytes(const uuid& id) noexcept {
  std::array<uint8_t, 16> bytes;
  for (size_t i = 0; i < 8; ++i) {
    bytes[i] = static_cast<uint8_t>(id.high >> (56 - 8 * i));
    bytes[i + 8] = static_cast<uint8_t>(id.low >> (56 - 8 * i));
  }
  return bytes;
}

uuid uuid_from_bytes(const uint8_t* bytes) noexcept { return {word_at(bytes), word_at(bytes + 8)}; }

}  // namespace orrery
