#include "persistence/memory/memory_state.hpp"

namespace orrery {

result<void> memory_operations::add(const bulk_operation& operation) {
  if (auto ok = state_->may("operations"); !ok)
    return ok;
  const std::lock_guard lock(state_->guard);
  state_->operations.emplace(operation.id, operation);
  return {};
}

result<bulk_operation> memory_operations::get(entity_id id) {
  if (auto ok = state_->may("operations"); !ok)
    return std::move(ok).error();
  const std::lock_guard lock(state_->guard);
  const auto found = state_->operations.find(id);
  if (found == state_->operations.end())
    return failure{errc::not_found, "there is no operation " + to_string(id)};
  return found->second;
}

result<std::vector<bulk_operation>> memory_operations::list(size_t limit) {
  if (auto ok = state_->may("operations"); !ok)
    return std::move(ok).error();
  const std::lock_guard lock(state_->guard);
  std::vector<bulk_operation> out;
  for (auto it = state_->operations.rbegin(); it != state_->operations.rend() && out.size() < limit;
       ++it)
    out.push_back(it->second);
  return out;
}

result<std::vector<bulk_operation>> memory_operations::claim(std::string_view node, time_point now,
                                                             time_point stale) {
  if (auto ok = state_->may("operations"); !ok)
    return std::move(ok).error();
  const std::lock_guard lock(state_->guard);
  std::vector<bulk_operation> out;
  for (auto& [id, one] : state_->operations) {
    if (one.state != operation_state::running || (one.node != node && one.updated_at >= stale))
      continue;
    one.node = node;
    one.updated_at = now;
    out.push_back(one);
  }
  return out;
}

result<bool> memory_operations::save(const bulk_operation& operation) {
  if (auto ok = state_->may("operations"); !ok)
    return std::move(ok).error();
  const std::lock_guard lock(state_->guard);
  const auto found = state_->operations.find(operation.id);
  if (found == state_->operations.end() || found->second.node != operation.node)
    return failure{errc::conflict, "another node runs this operation"};
  const bool asked = found->second.stop_asked;
  found->second = operation;
  found->second.stop_asked = asked;
  return asked;
}

result<void> memory_operations::ask_stop(entity_id id) {
  if (auto ok = state_->may("operations"); !ok)
    return ok;
  const std::lock_guard lock(state_->guard);
  const auto found = state_->operations.find(id);
  if (found == state_->operations.end())
    return failure{errc::not_found, "there is no operation " + to_string(id)};
  if (found->second.state == operation_state::running)
    found->second.stop_asked = true;
  return {};
}

}  // namespace orrery
