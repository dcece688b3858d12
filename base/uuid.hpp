#pragma once
/// 128-bit UUIDs (RFC 9562) as values: comparing, hashing, text, and the two versions we make.

#include "base/result.hpp"
#include "base/time.hpp"

#include <array>
#include <compare>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace orrery {

/// A UUID in two words; `high` holds the first eight bytes in network order. Nil by default.
struct uuid {
  uint64_t high = 0;
  uint64_t low = 0;

  constexpr bool is_nil() const noexcept { return high == 0 && low == 0; }
  /// The version nibble: 7 for ids by time, 8 for derived ones.
  constexpr unsigned version() const noexcept { return static_cast<unsigned>(high >> 12 & 0xf); }
  /// The 12 bits after the version (`rand_a`), which hold the shard in our ids.
  constexpr uint16_t rand_a() const noexcept { return static_cast<uint16_t>(high & 0xfff); }
  /// True for the variant of RFC 9562.
  constexpr bool is_rfc_variant() const noexcept { return low >> 62 == 2; }
  /// Unix milliseconds of a version 7 UUID.
  constexpr uint64_t unix_millis() const noexcept { return high >> 16; }

  friend constexpr auto operator<=>(const uuid&, const uuid&) = default;
};

/// Version 7: 48 bits of Unix milliseconds, 12 bits chosen by us, 62 random bits.
uuid make_uuid_v7(time_point at, uint16_t rand_a, uint64_t random);

/// Version 8: all other bits from SHA-256 of `name`; the same name gives the same id.
uuid make_uuid_v8(std::string_view name, uint16_t rand_a);

/// Version 8 that begins with the milliseconds of `at` (which must itself be fixed by the name's
/// source, e.g. a Kafka record's timestamp), so that ids made in sequence lie near each other.
uuid make_uuid_v8(std::string_view name, uint16_t rand_a, time_point at);

/// Lower-case, 36 characters.
std::string to_string(const uuid& id);
void append_uuid(std::string& out, const uuid& id);

/// The 36-character form, either case. Never throws.
result<uuid> parse_uuid(std::string_view text);

/// 16 bytes in network order, and back.
std::array<uint8_t, 16> to_bytes(const uuid& id) noexcept;
uuid uuid_from_bytes(const uint8_t* bytes) noexcept;

}  // namespace orrery

template <>
struct std::hash<orrery::uuid> {
  size_t operator()(const orrery::uuid& id) const noexcept {
    return static_cast<size_t>((id.high ^ id.low) * 0x9e3779b97f4a7c15ULL);
  }
};
