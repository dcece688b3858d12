#pragma once
/// The rules as this node knows them. Whoever learns of a change sets it here; the dispatcher and the door
/// read it. Thread-safe.

#include "domain/ids.hpp"
#include "domain/rules.hpp"

#include <functional>
#include <memory>
#include <mutex>

namespace orrery::actors {

class limit_board {
public:
  std::shared_ptr<const work_rules> now() const {
    const std::lock_guard lock(guard_);
    return rules_;
  }
  /// True where something changed.
  bool set(work_rules rules) {
    const std::lock_guard lock(guard_);
    if (*rules_ == rules)
      return false;
    rules_ = std::make_shared<const work_rules>(std::move(rules));
    return true;
  }

  /// What is known of other nodes: who owns a shard (empty = nobody known), and whether a node lives.
  /// Set once, before the actors start. Both are asked on actors' threads and must not block.
  void know(std::function<std::string(shard_id)> owner_of,
            std::function<bool(const std::string&)> is_alive) {
    owner_of_ = std::move(owner_of);
    is_alive_ = std::move(is_alive);
  }
  std::string owner_of(shard_id shard) const {
    return owner_of_ ? owner_of_(shard) : std::string();
  }
  bool is_alive(const std::string& node) const { return is_alive_ && is_alive_(node); }

private:
  std::function<std::string(shard_id)> owner_of_;
  std::function<bool(const std::string&)> is_alive_;
  mutable std::mutex guard_;
  std::shared_ptr<const work_rules> rules_ = std::make_shared<const work_rules>();
};

}  // namespace orrery::actors
