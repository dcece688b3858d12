#pragma once
/// Waiting for a database or broker that is still coming up as the node starts.

#include "base/log.hpp"
#include "base/result.hpp"

#include <chrono>
#include <string>
#include <thread>

namespace orrery::app {

/// Repeats what fails as `unavailable`, for up to half a minute and on the calling thread. `what` begins
/// the failure's text.
template <class Call>
result<void> patiently(const char* what, Call call) {
  using namespace std::chrono_literals;
  constexpr auto patience = std::chrono::seconds{30};
  const auto end = std::chrono::steady_clock::now() + patience;
  for (;;) {
    auto outcome = call();
    if (outcome)
      return {};
    if (outcome.error().code != errc::unavailable || std::chrono::steady_clock::now() > end)
      return failure{outcome.error().code, std::string(what) + ": " + outcome.error().detail};
    log::warning("start.waiting", {{"for", what}, {"detail", outcome.error().detail}});
    std::this_thread::sleep_for(500ms);
  }
}

}  // namespace orrery::app
