#pragma once
/// Stock in the SQLite file: what a step moves is one local transaction with the journal.

#include "domain/ports/stock.hpp"
#include "persistence/sqlite/sqlite_store.hpp"

#include <span>

namespace orrery {

namespace sqlite {
class database;
/// Within the journal's transaction. `conflict`: a success of what holds nothing.
result<void> move_stock(database& db, std::span<const stock_movement> moves);
}  // namespace sqlite

/// Thread-safe; sessions may outlive it.
class sqlite_stock final : public stock_source {
public:
  explicit sqlite_stock(const sqlite_store& where) : writer_(where.writer()) {}
  std::unique_ptr<stock_shelf> open_stock() override;

private:
  std::shared_ptr<sqlite_writer> writer_;
};

}  // namespace orrery
