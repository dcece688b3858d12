#include "cluster/membership.hpp"

#include "base/log.hpp"
#include "base/worker.hpp"

#include <algorithm>
#include <utility>

namespace orrery {

membership::membership(store& where, options how, listener tell)
    : store_(where), options_(std::move(how)), tell_(std::move(tell)) {}

membership::~membership() { stop(); }

void membership::start() {
  if (!thread_.joinable())
    thread_ = std::jthread([this](const std::stop_token& stopping) { run(stopping); });
}

void membership::stop() {
  if (!thread_.joinable())
    return;
  thread_.request_stop();
  thread_.join();
}

std::optional<std::string> membership::owner_of(shard_id shard) const {
  const std::lock_guard lock(guard_);
  const auto found = owners_.find(shard);
  return found == owners_.end() ? std::nullopt : std::optional(found->second);
}

std::vector<node_row> membership::nodes() const {
  const std::lock_guard lock(guard_);
  return nodes_;
}

result<void> membership::ready() const {
  const std::lock_guard lock(guard_);
  if (trouble_)
    return *trouble_;
  return {};
}

void membership::refresh_soon() {
  {
    const std::lock_guard lock(guard_);
    refresh_ = true;
  }
  wake_.notify_all();
}

void membership::run(const std::stop_token& stopping) {
  name_this_thread("membership");
  const auto registry = store_.open_registry();
  const auto reader = store_.open_reader();
  while (!stopping.stop_requested()) {
    auto done = round(*registry, *reader);
    bool was_well = false;
    {
      const std::lock_guard lock(guard_);
      was_well = !trouble_;
      trouble_ = done ? std::nullopt : std::optional(done.error());
    }
    if (!done && was_well)
      log::warning("membership.unreadable", {{"why", done.error().detail}});
    wait(stopping);
  }
  if (auto gone = registry->withdraw(options_.self.name); !gone)
    log::warning("membership.not_withdrawn", {{"why", gone.error().detail}});
}

result<void> membership::round(node_registry& registry, entity_store& reader) {
  if (auto announced = registry.announce(options_.self); !announced)
    return announced;
  auto seen = registry.nodes(options_.window);
  if (!seen)
    return std::move(seen).error();
  {
    const std::lock_guard lock(guard_);
    nodes_ = *seen;
  }
  tell_(*std::move(seen));
  auto rows = reader.shards();
  if (!rows)
    return std::move(rows).error();
  std::unordered_map<shard_id, std::string> owners;
  for (auto& row : *rows)
    if (!row.owner.empty())
      owners.emplace(row.shard, std::move(row.owner));
  const std::lock_guard lock(guard_);
  owners_ = std::move(owners);
  return {};
}

void membership::wait(const std::stop_token& stopping) {
  // The pause is always waited, so that many wishes to refresh do not become many readings.
  std::unique_lock lock(guard_);
  wake_.wait_for(lock, stopping, std::min(options_.refresh_pause, options_.period),
                 [] { return false; });
  wake_.wait_for(lock, stopping, options_.period - options_.refresh_pause,
                 [this] { return refresh_; });
  refresh_ = false;
}

}  // namespace orrery
