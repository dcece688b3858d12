#include "persistence/memory/memory_store.hpp"

#include "base/check.hpp"
#include "persistence/memory/memory_state.hpp"

namespace orrery {

memory_store::memory_store(const clock& time) : state_(std::make_shared<memory_state>(time)) {}

memory_store::memory_store(std::shared_ptr<memory_state> state) : state_(std::move(state)) {}

memory_store::~memory_store() = default;

std::unique_ptr<memory_store> memory_store::open_again() const {
  return std::unique_ptr<memory_store>(new memory_store(state_));
}

result<void> memory_store::migrate(uint32_t shards) {
  const std::lock_guard lock(state_->guard);
  if (shards == 0 || shards > shards_max)
    return failure{errc::invalid, "the number of shards must lie between 1 and 4096", "shards"};
  if (state_->shard_count != 0 && state_->shard_count != shards)
    return failure{errc::conflict, "the store has " + std::to_string(state_->shard_count) +
                                       " shards, but " + std::to_string(shards) +
                                       " are configured"};
  state_->shard_count = shards;
  return {};
}

std::unique_ptr<journal_store> memory_store::open_journal() {
  return std::make_unique<memory_journal>(state_);
}

std::unique_ptr<entity_store> memory_store::open_reader() {
  return std::make_unique<memory_reader>(state_);
}

std::unique_ptr<node_registry> memory_store::open_registry() {
  return std::make_unique<memory_registry>(state_);
}

std::unique_ptr<letter_store> memory_store::open_letters() {
  return std::make_unique<memory_letters>(state_);
}

std::unique_ptr<identity_store> memory_store::open_identity() {
  return std::make_unique<memory_identity>(state_->identity);
}

std::unique_ptr<operation_store> memory_store::open_operations() {
  return std::make_unique<memory_operations>(state_);
}

result<void> memory_store::ping() { return state_->may("ping"); }

void memory_store::fail_commits(int nth_from_now, commit_outcome outcome, bool applied) {
  const std::lock_guard lock(state_->guard);
  state_->faults[state_->commits + nth_from_now] = {outcome, applied};
}

void memory_store::on_call(std::function<result<void>(std::string_view)> hook) {
  const std::lock_guard lock(state_->guard);
  state_->hook = std::move(hook);
}

void memory_store::forget_events(shard_id shard, position_t upto) {
  const std::lock_guard lock(state_->guard);
  auto& s = state_->shards[shard.value];
  const auto count = upto.value - s.forgotten;
  CHECK(count >= 0 && count <= static_cast<int64_t>(s.journal.size()),
        "what is forgotten was there");
  s.journal.erase(s.journal.begin(), s.journal.begin() + count);
  std::erase_if(s.commits, [&](position_t last) { return last <= upto; });
  s.forgotten = upto.value;
}

int64_t memory_store::commits() const {
  const std::lock_guard lock(state_->guard);
  return state_->commits;
}

result<void> memory_state::may(std::string_view call) const {
  std::function<result<void>(std::string_view)> ask;
  {
    const std::lock_guard lock(guard);
    ask = hook;
  }
  return ask ? ask(call) : result<void>{};
}

result<void> memory_registry::announce(const node_row& node) {
  if (auto ok = state_->may("announce"); !ok)
    return ok;
  const std::lock_guard lock(state_->guard);
  auto& row = state_->nodes[node.name];
  row = node;
  row.seen_at = state_->time.now();
  return {};
}

result<void> memory_registry::withdraw(std::string_view name) {
  if (auto ok = state_->may("withdraw"); !ok)
    return ok;
  const std::lock_guard lock(state_->guard);
  if (const auto found = state_->nodes.find(name); found != state_->nodes.end())
    state_->nodes.erase(found);
  return {};
}

result<std::vector<node_row>> memory_registry::nodes(duration window) {
  if (auto ok = state_->may("nodes"); !ok)
    return std::move(ok).error();
  const std::lock_guard lock(state_->guard);
  const auto oldest = state_->time.now() - window;
  std::vector<node_row> rows;
  for (const auto& [name, row] : state_->nodes)
    if (row.seen_at >= oldest)
      rows.push_back(row);
  return rows;
}

}  // namespace orrery
