#pragma once
/// Accounts in memory.

#include "domain/ports/identity_store.hpp"

#include <array>
#include <map>
#include <memory>
#include <mutex>

namespace orrery {

/// `guard` protects everything below it.
struct memory_identity_state {
  std::mutex guard;
  std::array<std::map<std::string, identity_record, std::less<>>, identity_tables> tables;
  std::vector<audit_entry> audit;
};

class memory_identity final : public identity_store {
public:
  explicit memory_identity(std::shared_ptr<memory_identity_state> state)
      : state_(std::move(state)) {}
  result<std::optional<identity_record>> find(identity_table table, std::string_view key) override;
  result<uint64_t> put(identity_table table, const identity_record& record) override;
  result<bool> remove(identity_table table, std::string_view key) override;
  result<std::vector<identity_record>> list(identity_table table, std::string_view owner,
                                            std::string_view after, size_t limit) override;
  result<void> purge(time_point now) override;
  result<void> append_audit(std::span<const audit_entry> entries) override;
  result<std::vector<audit_entry>> audit(const audit_query& query) override;

private:
  auto& rows(identity_table table) { return state_->tables[static_cast<size_t>(table)]; }

  std::shared_ptr<memory_identity_state> state_;
};

}  // namespace orrery
