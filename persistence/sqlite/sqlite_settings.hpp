#pragma once
/// Settings in a table of the SQLite file.

#include "domain/ports/settings.hpp"
#include "persistence/sqlite/sqlite_writer.hpp"

namespace orrery {

class sqlite_settings final : public settings_store {
public:
  explicit sqlite_settings(std::shared_ptr<sqlite_writer> writer) : writer_(std::move(writer)) {}
  result<std::vector<setting_row>> all(std::string_view prefix) override;
  result<uint64_t> put(std::string_view name, std::string_view value, uint64_t expected) override;

private:
  std::shared_ptr<sqlite_writer> writer_;
};

}  // namespace orrery
