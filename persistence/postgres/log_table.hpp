#pragma once
/// Lines of attempts in their tables.

#include "domain/ports/task_logs.hpp"
#include "persistence/postgres/pqxx_session.hpp"

namespace orrery::postgres {

/// Appends do not wait for the disk (`synchronous_commit = off`), so they take no time from the commits of
/// shards: what was written in the last moments before the server died may be lost.
class log_table final : public task_log_store {
public:
  explicit log_table(pqxx_session session) : session_(std::move(session)) {}

  result<void> append(std::string_view node, std::span<const log_batch> batches, int64_t bytes_max,
                      time_point now) override;
  result<log_content> read(entity_id task, attempt_token token, int64_t after) override;
  result<int64_t> trim(std::string_view node, int64_t bytes_max) override;
  result<void> erase(std::span<const entity_id> tasks) override;

private:
  pqxx_session session_;
};

}  // namespace orrery::postgres
