#pragma once
/// Lines of attempts in memory: for tests.

#include "domain/ports/task_logs.hpp"

#include <map>
#include <mutex>

namespace orrery {

/// Thread-safe. Sessions may outlive it.
class memory_logs final : public task_log_source {
public:
  std::unique_ptr<task_log_store> open_logs() override;

private:
  struct attempt {
    log_content content;
    std::vector<int64_t> sizes;  ///< Bytes of each chunk.
    int64_t stamp = 0;
    int64_t newest = 0;
    time_point written_at{};
  };
  struct table {
    std::mutex guard;
    std::map<std::pair<entity_id, attempt_token>, attempt> rows;
  };
  class session;
  std::shared_ptr<table> table_ = std::make_shared<table>();
};

}  // namespace orrery
