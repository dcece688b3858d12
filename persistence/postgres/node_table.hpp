#pragma once
/// Who is there, in a table; all by the database's clock.

#include "domain/ports/store.hpp"
#include "persistence/postgres/pqxx_session.hpp"

namespace orrery::postgres {

class node_table final : public node_registry {
public:
  explicit node_table(pqxx_session session) : session_(std::move(session)) {}

  result<void> announce(const node_row& node) override;
  result<void> withdraw(std::string_view name) override;
  result<std::vector<node_row>> nodes(duration window) override;

private:
  pqxx_session session_;
};

}  // namespace orrery::postgres
