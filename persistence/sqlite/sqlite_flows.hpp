#pragma once
/// Flows in their table of the SQLite file.

#include "domain/ports/flows.hpp"
#include "persistence/sqlite/sqlite_store.hpp"

namespace orrery {

/// Thread-safe; sessions may outlive it.
class sqlite_flows final : public flow_source {
public:
  explicit sqlite_flows(const sqlite_store& where) : writer_(where.writer()) {}
  std::unique_ptr<flow_shelf> open_flows() override;

private:
  std::shared_ptr<sqlite_writer> writer_;
};

}  // namespace orrery
