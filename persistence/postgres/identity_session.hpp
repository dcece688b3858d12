#pragma once
/// Accounts in PostgreSQL.

#include "domain/ports/identity_store.hpp"
#include "persistence/postgres/pqxx_session.hpp"

namespace orrery::postgres {

class identity_session final : public identity_store {
public:
  explicit identity_session(pqxx_session session) : session_(std::move(session)) {}
  result<std::optional<identity_record>> find(identity_table table, std::string_view key) override;
  result<uint64_t> put(identity_table table, const identity_record& record) override;
  result<bool> remove(identity_table table, std::string_view key) override;
  result<std::vector<identity_record>> list(identity_table table, std::string_view owner,
                                            std::string_view after, size_t limit) override;
  result<void> purge(time_point now) override;
  result<void> append_audit(std::span<const audit_entry> entries) override;
  result<std::vector<audit_entry>> audit(const audit_query& query) override;

private:
  pqxx_session session_;
};

}  // namespace orrery::postgres
