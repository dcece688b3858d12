#include "http/rate_limiter.hpp"

#include <algorithm>
#include <cmath>

namespace orrery::http {

rate_limiter::decision rate_limiter::take(std::string_view who,
                                          std::chrono::steady_clock::time_point now) {
  const std::lock_guard lock(guard_);
  auto found = buckets_.find(who);
  if (found == buckets_.end()) {
    if (buckets_.size() >= buckets_max)
      std::erase_if(buckets_, [&](const auto& b) {
        return std::chrono::duration<double>(now - b.second.at).count() * per_second_ >= burst_;
      });
    // Still full of names: somebody makes them up. New ones share a bucket then.
    if (buckets_.size() >= buckets_max)
      who = "";
    found = buckets_.try_emplace(std::string(who), bucket{burst_, now}).first;
  }
  auto& b = found->second;
  const double passed = std::chrono::duration<double>(now - b.at).count();
  b.tokens = std::min(burst_, b.tokens + std::max(0.0, passed) * per_second_);
  b.at = now;
  if (b.tokens < 1)
    return {false, 0, std::max<int64_t>(1, std::lround(std::ceil((1 - b.tokens) / per_second_)))};
  b.tokens -= 1;
  return {true, static_cast<int64_t>(b.tokens),
          static_cast<int64_t>(std::ceil((burst_ - b.tokens) / per_second_))};
}

std::string rate_limiter::policy() const {
  return "\"requests\";q=" + std::to_string(static_cast<int64_t>(burst_)) +
         ";w=" + std::to_string(static_cast<int64_t>(std::ceil(burst_ / per_second_)));
}

}  // namespace orrery::http
