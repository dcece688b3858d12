#include "actors/dispatcher.hpp"

namespace orrery::actors {

dispatcher::dispatcher(caf::actor_config& config, node_context& context)
    : caf::event_based_actor(config), context_(context) {}

caf::behavior dispatcher::make_behavior() {
  return {
      [this](dispatch_update& news) { update(news); },
      [this](const shard_gone& news) { forget(news.number); },
  };
}

void dispatcher::update(dispatch_update& news) {
  shards_[news.number] = std::move(news.shard);
  for (const auto& key : news.released)
    release(key, news.number);
  for (auto& offer : news.offers)
    lanes_[{std::move(offer.queue), std::move(offer.task_kind)}].heap.push(
        {offer.id, offer.since, offer.priority, news.number});
  context_.probe.ready_tasks.fetch_add(news.offers.size(), std::memory_order_relaxed);
  give_slots();
}

void dispatcher::release(const slot_key& key, shard_id shard) {
  const auto found = lanes_.find(key);
  if (found == lanes_.end() || !found->second.used.contains(shard))
    return;  // of a shard that was forgotten meanwhile
  if (--found->second.used[shard] == 0)
    found->second.used.erase(shard);
  --used_by_queue_[key.queue];
  --used_by_kind_[key.task_kind];
  context_.probe.slots_used.fetch_sub(1, std::memory_order_relaxed);
}

void dispatcher::forget(shard_id shard) {
  shards_.erase(shard);
  for (auto& [key, one] : lanes_) {
    if (const auto used = one.used.find(shard); used != one.used.end()) {
      used_by_queue_[key.queue] -= used->second;
      used_by_kind_[key.task_kind] -= used->second;
      context_.probe.slots_used.fetch_sub(used->second, std::memory_order_relaxed);
      one.used.erase(used);
    }
    std::priority_queue<waiting> kept;
    const auto before = one.heap.size();
    for (; !one.heap.empty(); one.heap.pop())
      if (one.heap.top().shard != shard)
        kept.push(one.heap.top());
    context_.probe.ready_tasks.fetch_sub(before - kept.size(), std::memory_order_relaxed);
    one.heap = std::move(kept);
  }
  give_slots();
}

size_t dispatcher::limit_of_kind(const std::string& kind) const {
  const auto found = context_.limits.slots_per_kind.find(kind);
  return found == context_.limits.slots_per_kind.end() ? context_.limits.slots_of_other_kinds
                                                       : found->second;
}

void dispatcher::give_slots() {
  std::map<shard_id, std::map<slot_key, std::vector<entity_id>, key_less>> granted;
  for (;;) {
    // Few lanes: the best head among those that have room.
    decltype(lanes_)::iterator best = lanes_.end();
    for (auto it = lanes_.begin(); it != lanes_.end(); ++it) {
      const auto& [key, one] = *it;
      if (one.heap.empty() || used_by_queue_[key.queue] >= context_.limits.slots_per_queue ||
          used_by_kind_[key.task_kind] >= limit_of_kind(key.task_kind))
        continue;
      if (best == lanes_.end() || best->second.heap.top() < one.heap.top())
        best = it;
    }
    if (best == lanes_.end())
      break;
    auto& [key, one] = *best;
    const auto next = one.heap.top();
    one.heap.pop();
    context_.probe.ready_tasks.fetch_sub(1, std::memory_order_relaxed);
    ++one.used[next.shard];
    ++used_by_queue_[key.queue];
    ++used_by_kind_[key.task_kind];
    context_.probe.slots_used.fetch_add(1, std::memory_order_relaxed);
    granted[next.shard][key].push_back(next.id);
  }
  // Queue names are free text: lanes that nobody uses go.
  std::erase_if(lanes_,
                [](const auto& one) { return one.second.heap.empty() && one.second.used.empty(); });
  std::erase_if(used_by_queue_, [](const auto& one) { return one.second == 0; });
  for (auto& [shard, by_key] : granted)
    for (auto& [key, ids] : by_key)
      send<caf::message_priority::high>(shards_[shard], slots_granted{key, std::move(ids)});
}

}  // namespace orrery::actors
