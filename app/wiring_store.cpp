/// Of a node's start: the store, and the stock beside it.

#include "app/wiring_parts.hpp"

#include "app/patience.hpp"
#include "persistence/sqlite/sqlite_stock.hpp"
#include "persistence/sqlite/sqlite_store.hpp"

#include <filesystem>

namespace orrery::app {

result<void> running_node::parts::open_store() {
  std::error_code error;
  std::filesystem::create_directories(how.data, error);
  if (error)
    return failure{errc::unavailable, "data: cannot make " + how.data + ": " + error.message()};
  if (how.embedded_store()) {
    auto made = std::make_unique<sqlite_store>(std::filesystem::path(how.data) / "orrery.db", time);
    settings = made.get();
    truth = std::move(made);
  } else {
    auto opened = postgres_store::open(how.store.reveal());
    if (!opened)
      return failure{errc::invalid, "store: " + opened.error().detail};
    settings = opened->get();
    truth = std::move(*opened);
  }
  auto ok = patiently("store", [&] { return truth->migrate(how.limits.shards); });
  if (ok && !how.embedded_store())
    judge = std::make_unique<time_judge>(shared_time, [this] { return truth->shared_time(); });
  return ok;
}

/// Before any journal is opened: its commits move the stock.
result<void> running_node::parts::open_stock() {
  if (how.embedded_store()) {
    stock_tables = std::make_unique<sqlite_stock>(static_cast<sqlite_store&>(*truth));
  } else if (how.inventory.empty()) {
    return {};
  } else {
    auto opened = inventory_database::open(how.inventory.reveal());
    if (!opened)
      return failure{errc::invalid, "resources.inventory: " + opened.error().detail};
    inventory = std::move(*opened);
    if (auto ok = patiently("resources.inventory", [&] { return inventory->migrate(); }); !ok)
      return ok;
    auto& main = static_cast<postgres_store&>(*truth);
    auto made = main.open_two_phase(*inventory);
    if (!made)
      return failure{made.error().code, "resources.inventory: " + made.error().detail};
    phases = std::move(*made);
    main.join_stock(*inventory, *phases);
  }
  auto& where = inventory ? static_cast<stock_source&>(*inventory) : *stock_tables;
  stock = std::make_unique<stock_office>(where, *truth, time);
  return {};
}

}  // namespace orrery::app
