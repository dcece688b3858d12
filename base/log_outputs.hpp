#pragma once
/// Where log lines go besides console and file.

#include "base/log.hpp"

#include <memory>
#include <string_view>

namespace orrery::log {

/// Sees every line that is written, as one JSON object without its line end.
class tap {
public:
  virtual ~tap() = default;
  /// On the thread that logs: hands over and returns; never logs itself. Thread-safe.
  virtual void take(level lvl, std::string_view line) noexcept = 0;
};

/// From now on, until it is removed. While none is there, lines cost nothing more.
void add_tap(std::shared_ptr<tap> one);
void remove_tap(const std::shared_ptr<tap>& one);

}  // namespace orrery::log
