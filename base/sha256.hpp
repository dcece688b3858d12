#pragma once
/// SHA-256 (FIPS 180-4), for ids derived from names. Not used for passwords or signatures.

#include <array>
#include <cstdint>
#include <string_view>

namespace orrery {

std::array<uint8_t, 32> sha256(std::string_view bytes);

}  // namespace orrery
