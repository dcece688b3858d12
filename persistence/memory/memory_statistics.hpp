#pragma once
/// Statistics in memory: for tests.

#include "domain/ports/statistics.hpp"

#include <map>
#include <mutex>

namespace orrery {

/// Thread-safe; outlives its sessions.
class memory_statistics final : public statistics_source {
public:
  std::unique_ptr<statistics_store> open_statistics() override;

private:
  class session;
  std::mutex guard_;
  std::map<shard_id, shard_statistics> shards_;
};

}  // namespace orrery
