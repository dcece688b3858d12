#pragma once
/// How many requests one principal may make: a token bucket each.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

namespace orrery::http {

/// Thread-safe. Forgets who has been quiet long enough for his bucket to be full.
class rate_limiter {
public:
  /// `per_second` 0 = no limit.
  rate_limiter(double per_second, double burst) : per_second_(per_second), burst_(burst) {}

  struct decision {
    bool allowed = true;
    int64_t remaining = 0;
    int64_t reset_s = 0;  ///< Until the bucket is full; where refused, until one more is allowed.
  };
  bool enabled() const noexcept { return per_second_ > 0; }
  decision take(std::string_view who, std::chrono::steady_clock::time_point now);
  /// As `RateLimit-Policy` says it.
  std::string policy() const;

private:
  struct bucket {
    double tokens = 0;
    std::chrono::steady_clock::time_point at;
  };
  struct hash {
    using is_transparent = void;
    size_t operator()(std::string_view text) const noexcept {
      return std::hash<std::string_view>{}(text);
    }
  };
  static constexpr size_t buckets_max = 100'000;

  const double per_second_;
  const double burst_;
  std::mutex guard_;
  std::unordered_map<std::string, bucket, hash, std::equal_to<>> buckets_;
};

}  // namespace orrery::http
