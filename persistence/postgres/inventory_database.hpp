#pragma once
/// The stock in a PostgreSQL of its own: its tables, its sessions. What is prepared there, and who
/// decides about it, is two_phase.hpp.

#include "domain/ports/stock.hpp"
#include "persistence/postgres/connection_settings.hpp"
#include "persistence/postgres/watchdog.hpp"

#include <memory>
#include <string>

namespace orrery {

/// Thread-safe. Sessions may outlive it.
class inventory_database final : public stock_source {
public:
  /// `url` as for the store. Nothing is connected yet.
  static result<std::unique_ptr<inventory_database>> open(const std::string& url,
                                                          std::string schema = "public");

  /// Makes the tables, and refuses (`invalid`) a server that prepares no transactions.
  result<void> migrate();
  std::unique_ptr<stock_shelf> open_stock() override;

  const std::string& connection_text() const noexcept { return connection_text_; }
  const std::string& setup() const noexcept { return setup_; }
  duration call_timeout() const noexcept { return limits_.call_timeout; }

private:
  inventory_database(std::string connection_text, std::string schema,
                     const postgres::session_limits& limits);

  std::string connection_text_;
  std::string schema_;
  postgres::session_limits limits_;
  std::string setup_;
  std::shared_ptr<postgres::watchdog> watchdog_;
};

}  // namespace orrery
