#pragma once
/// Chance by a seed: the only source of it in the simulator.

#include "base/time.hpp"

#include <cstdint>

namespace orrery::sim {

/// SplitMix64: small, fast, and the same on every machine.
class dice {
public:
  explicit dice(uint64_t seed) : state_(seed) {}

  uint64_t next() {
    auto z = state_ += 0x9e3779b97f4a7c15ULL;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
    return z ^ z >> 31;
  }
  /// 0 to n - 1; n > 0.
  size_t below(size_t n) { return static_cast<size_t>(next() % n); }
  /// True in `per_mille` of a thousand calls.
  bool hits(uint32_t per_mille) { return next() % 1000 < per_mille; }
  duration between(duration from, duration to) {
    return from +
           duration{static_cast<int64_t>(next() % static_cast<uint64_t>((to - from).count() + 1))};
  }

private:
  uint64_t state_;
};

}  // namespace orrery::sim
