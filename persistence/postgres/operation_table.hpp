#pragma once
/// Bulk operations in PostgreSQL.

#include "domain/ports/operations.hpp"
#include "persistence/postgres/pqxx_session.hpp"

namespace orrery::postgres {

class operation_table final : public operation_store {
public:
  explicit operation_table(pqxx_session session) : session_(std::move(session)) {}
  result<void> add(const bulk_operation& operation) override;
  result<bulk_operation> get(entity_id id) override;
  result<std::vector<bulk_operation>> list(size_t limit) override;
  result<std::vector<bulk_operation>> claim(std::string_view node, time_point now,
                                            time_point stale) override;
  result<bool> save(const bulk_operation& operation) override;
  result<void> ask_stop(entity_id id) override;

private:
  pqxx_session session_;
};

}  // namespace orrery::postgres
