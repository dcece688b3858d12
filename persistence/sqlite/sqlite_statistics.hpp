#pragma once
/// Statistics in the SQLite file.

#include "domain/ports/statistics.hpp"
#include "persistence/sqlite/sqlite_store.hpp"

namespace orrery {

/// Thread-safe; sessions may outlive it.
class sqlite_statistics final : public statistics_source {
public:
  explicit sqlite_statistics(const sqlite_store& where) : writer_(where.writer()) {}
  std::unique_ptr<statistics_store> open_statistics() override;

private:
  std::shared_ptr<sqlite_writer> writer_;
};

}  // namespace orrery
