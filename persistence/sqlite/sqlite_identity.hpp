#pragma once
/// Accounts in SQLite.

#include "domain/ports/identity_store.hpp"
#include "persistence/sqlite/sqlite_writer.hpp"

#include <memory>
#include <optional>

namespace orrery {

/// Writes through the store's one writer, reads over a connection of its own.
class sqlite_identity final : public identity_store {
public:
  explicit sqlite_identity(std::shared_ptr<sqlite_writer> writer) : writer_(std::move(writer)) {}
  result<std::optional<identity_record>> find(identity_table table, std::string_view key) override;
  result<uint64_t> put(identity_table table, const identity_record& record) override;
  result<bool> remove(identity_table table, std::string_view key) override;
  result<std::vector<identity_record>> list(identity_table table, std::string_view owner,
                                            std::string_view after, size_t limit) override;
  result<void> purge(time_point now) override;
  result<void> append_audit(std::span<const audit_entry> entries) override;
  result<std::vector<audit_entry>> audit(const audit_query& query) override;

private:
  /// Asks once more over a new connection where the present one fails.
  result<void> read(const std::function<result<void>(sqlite::database&)>& steps);

  std::shared_ptr<sqlite_writer> writer_;
  std::optional<sqlite::database> db_;
};

}  // namespace orrery
