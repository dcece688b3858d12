#pragma once
/// Settings in a table of the database.

#include "domain/ports/settings.hpp"
#include "persistence/postgres/pqxx_session.hpp"

namespace orrery::postgres {

class settings_table final : public settings_store {
public:
  explicit settings_table(pqxx_session session) : session_(std::move(session)) {}
  result<std::vector<setting_row>> all(std::string_view prefix) override;
  result<uint64_t> put(std::string_view name, std::string_view value, uint64_t expected) override;

private:
  pqxx_session session_;
};

}  // namespace orrery::postgres
