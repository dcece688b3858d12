/// The slots of a shard: those its entities hold, and those it keeps for tasks to come.

#include "actors/shard_actor.hpp"

namespace orrery::actors {

namespace {

/// Credit that nobody used for so long goes back.
constexpr auto credit_idle = std::chrono::seconds{1};

}  // namespace

void shard_actor::grant(slots_granted& grants) {
  if (grants.credit > 0) {
    auto& kept = credits_[grants.key];
    kept.free += grants.credit;
    kept.used = true;
    if (draining_)
      return_credit_of(grants.key.task_kind);
    want_tick();
  }
  for (const auto id : grants.tasks) {
    const auto found = live_.find(id);
    if (draining_ || (found != live_.end() && found->second.slot)) {
      dispatch_.released.push_back(grants.key);  // offered twice, or too late
      want_flush();
      continue;
    }
    deliver(id, entity_kind::task, {item::kind::grant, 0, {}, {}, time_point{}, grants.key.worker});
    hold_slot(live_.at(id), grants.key);
  }
}

void shard_actor::hold_slot(live_entity& entry, slot_key key) {
  entry.slot = std::move(key);
  context_.probe.slots_used.fetch_add(1, std::memory_order_relaxed);
}

void shard_actor::free_slot(live_entity& entry) {
  if (!entry.slot)
    return;
  context_.probe.slots_used.fetch_sub(1, std::memory_order_relaxed);
  if (const auto found = credits_.find(*entry.slot); found != credits_.end() && !draining_) {
    ++found->second.free;
  } else {
    dispatch_.released.push_back(std::move(*entry.slot));
    want_flush();
  }
  entry.slot.reset();
}

bool shard_actor::take_credit(const slot_key& key) {
  const auto found = credits_.find(key);
  if (found == credits_.end() || found->second.free == 0 || draining_)
    return false;
  --found->second.free;
  found->second.used = true;
  return true;
}

/// What is in use follows as it comes free: without an entry in `credits_` it is no credit any more.
void shard_actor::return_credit_of(const std::string& kind) {
  for (auto it = credits_.begin(); it != credits_.end();) {
    if (it->first.task_kind != kind) {
      ++it;
      continue;
    }
    dispatch_.released.insert(dispatch_.released.end(), it->second.free, it->first);
    it = credits_.erase(it);
    want_flush();
  }
}

void shard_actor::return_idle_credit() {
  if (credits_.empty() || now() - credit_look_ < credit_idle)
    return;
  credit_look_ = now();
  for (auto it = credits_.begin(); it != credits_.end();) {
    if (std::exchange(it->second.used, false)) {
      ++it;
      continue;
    }
    dispatch_.released.insert(dispatch_.released.end(), it->second.free, it->first);
    it = credits_.erase(it);
    want_flush();
  }
}

}  // namespace orrery::actors
