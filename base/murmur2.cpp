#include "base/murmur2.hpp"

#include <cstring>

namespace orrery {

uint32_t murmur2(std::string_view bytes) noexcept {
  constexpr uint32_t m = 0x5bd1e995;
  constexpr int r = 24;
  const auto* data = reinterpret_cast<const uint8_t*>(bytes.data());
  auto length = static_cast<uint32_t>(bytes.size());
  uint32_t h = 0x9747b28cU ^ length;
  for (; length >= 4; length -= 4, data += 4) {
    uint32_t k = 0;
    std::memcpy(&k, data, 4);  // little-endian, as Kafka reads it
    k *= m;
    k ^= k >> r;
    k *= m;
    h *= m;
    h ^= k;
  }
  switch (length) {
    case 3: h ^= static_cast<uint32_t>(data[2]) << 16; [[fallthrough]];
    case 2: h ^= static_cast<uint32_t>(data[1]) << 8; [[fallthrough]];
    case 1:
      h ^= data[0];
      h *= m;
      break;
    default: break;
  }
  h ^= h >> 13;
  h *= m;
  h ^= h >> 15;
  return h;
}

}  // namespace orrery
