#include "persistence/memory/memory_identity.hpp"

namespace orrery {

result<std::optional<identity_record>> memory_identity::find(identity_table table,
                                                             std::string_view key) {
  const std::lock_guard lock(state_->guard);
  const auto found = rows(table).find(key);
  if (found == rows(table).end())
    return std::optional<identity_record>{};
  return std::optional<identity_record>{found->second};
}

result<uint64_t> memory_identity::put(identity_table table, const identity_record& record) {
  const std::lock_guard lock(state_->guard);
  const auto found = rows(table).find(record.key);
  const auto present = found == rows(table).end() ? 0 : found->second.version;
  if (present != record.version)
    return failure{errc::conflict, "it was changed by somebody else"};
  auto& row = rows(table)[record.key];
  row = record;
  row.version = present + 1;
  return row.version;
}

result<bool> memory_identity::remove(identity_table table, std::string_view key) {
  const std::lock_guard lock(state_->guard);
  const auto found = rows(table).find(key);
  if (found == rows(table).end())
    return false;
  rows(table).erase(found);
  return true;
}

result<std::vector<identity_record>> memory_identity::list(identity_table table,
                                                           std::string_view owner,
                                                           std::string_view after, size_t limit) {
  const std::lock_guard lock(state_->guard);
  std::vector<identity_record> out;
  for (auto it = rows(table).upper_bound(after); it != rows(table).end() && out.size() < limit;
       ++it)
    if (owner.empty() || it->second.owner == owner)
      out.push_back(it->second);
  return out;
}

result<void> memory_identity::purge(time_point now) {
  const std::lock_guard lock(state_->guard);
  for (auto& table : state_->tables)
    std::erase_if(table, [&](const auto& row) {
      return row.second.expires_at != never && row.second.expires_at < now;
    });
  return {};
}

result<void> memory_identity::append_audit(std::span<const audit_entry> entries) {
  const std::lock_guard lock(state_->guard);
  for (const auto& entry : entries) {
    state_->audit.push_back(entry);
    state_->audit.back().number = static_cast<int64_t>(state_->audit.size());
  }
  return {};
}

result<std::vector<audit_entry>> memory_identity::audit(const audit_query& query) {
  const std::lock_guard lock(state_->guard);
  std::vector<audit_entry> out;
  for (auto it = state_->audit.rbegin(); it != state_->audit.rend() && out.size() < query.limit;
       ++it)
    if ((query.before == 0 || it->number < query.before) &&
        (query.actor.empty() || it->actor == query.actor) &&
        (query.action.empty() || it->action == query.action) &&
        (query.outcome.empty() || it->outcome == query.outcome))
      out.push_back(*it);
  return out;
}

}  // namespace orrery
