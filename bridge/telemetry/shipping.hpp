#pragma once
/// What both exporters of this folder do: a pause that grows while the other side does not take what it is sent.

#include "base/time.hpp"

#include <algorithm>
#include <chrono>

namespace orrery {

class back_off {
public:
  using instant = std::chrono::steady_clock::time_point;
  static constexpr duration first = 500ms;
  static constexpr duration longest = 30s;

  bool must_wait(instant now) const noexcept { return now < until_; }
  instant until() const noexcept { return until_; }
  void failed(instant now, duration asked = {}) noexcept {
    pause_ = pause_ == duration{} ? first : std::min(pause_ * 2, longest);
    until_ = now + std::max(pause_, std::min(asked, longest));
  }
  void succeeded() noexcept {
    pause_ = {};
    until_ = {};
  }

private:
  duration pause_{};
  instant until_{};
};

/// Statuses after which the same may be sent again.
inline bool is_passing(int status) noexcept {
  return status == 408 || status == 429 || status == 502 || status == 503 || status == 504;
}

}  // namespace orrery
