#pragma once
/// Flows in memory: for tests.

#include "domain/ports/flows.hpp"

#include <map>
#include <mutex>

namespace orrery {

/// Thread-safe; outlives its sessions.
class memory_flows final : public flow_source {
public:
  std::unique_ptr<flow_shelf> open_flows() override;

private:
  class session;
  std::mutex guard_;
  std::map<std::string, std::vector<flow>, std::less<>> flows_;  ///< Versions from 1 on.
};

}  // namespace orrery
