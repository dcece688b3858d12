#pragma once
/// Finds out whether somebody listens at an address, within a time limit. CAF's own connecting has
/// none, and one unreachable host would hold up the connections to all others.

#include "base/result.hpp"
#include "base/time.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace orrery::cluster {

struct endpoint {
  std::string host;
  uint16_t port = 0;
  friend bool operator==(const endpoint&, const endpoint&) = default;
};

/// `host:port`, `[v6]:port`.
result<endpoint> parse_endpoint(std::string_view text);

/// Connects and hangs up; the numeric address that answered. Blocks for name resolution and up to
/// `limit`.
result<endpoint> reach(const endpoint& where, duration limit);

}  // namespace orrery::cluster
