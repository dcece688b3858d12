#pragma once
/// Stock in memory: a part of the memory store's state.

#include "domain/ports/stock.hpp"
#include "persistence/memory/memory_store.hpp"

namespace orrery {

/// Thread-safe; sessions may outlive it.
class memory_stock final : public stock_source {
public:
  explicit memory_stock(const memory_store& where);
  ~memory_stock() override;
  std::unique_ptr<stock_shelf> open_stock() override;

  /// All reservations, for auditors.
  std::map<entity_id, std::pair<stock_hold, reservation_state>> reservations() const;

private:
  std::shared_ptr<memory_state> state_;
};

}  // namespace orrery
