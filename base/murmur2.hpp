#pragma once
/// The hash of Kafka's default partitioner (org.apache.kafka.common.utils.Utils.murmur2), so that a
/// key lands on the same partition whoever produces it.

#include <cstdint>
#include <string_view>

namespace orrery {

uint32_t murmur2(std::string_view bytes) noexcept;

/// The partition that a Java producer picks for this key.
inline uint32_t partition_of_key(std::string_view key, uint32_t partitions) noexcept {
  return (murmur2(key) & 0x7fffffffU) % partitions;
}

}  // namespace orrery
