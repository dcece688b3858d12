#include "actors/dispatcher.hpp"

#include <algorithm>

namespace orrery::actors {

dispatcher::dispatcher(caf::actor_config& config, node_context& context)
    : caf::event_based_actor(config), context_(context) {}

caf::behavior dispatcher::make_behavior() {
  return {
      [this](dispatch_update& news) { update(news); },
      [this](const shard_gone& news) { forget(news.number); },
      [this](tell_load) {
        send(context_.exchange, own_load{load()});
        give_slots();  // and those that had nothing to lend are asked again
      },
      [this](peer_told_load& news) {
        for (auto& [key, free] : free_there_)
          if (key.first == news.peer)
            free = 0;
        for (const auto& kind : news.load.kinds)
          free_there_[{news.peer, kind.kind}] =
              kind.waiting > 0 || kind.used >= kind.slots ? 0 : kind.slots - kind.used;
        settle_with_peers();
      },
      [this](const slots_borrowed& news) { borrowed_slots(news); },
      [this](const slots_wanted& wish) { lend(wish); },
      [this](const slots_came_back& news) { came_free(news.peer, news.kind, news.slots); },
      [this](const slots_recalled& wish) {
        const auto found = borrowed_.find({wish.peer, wish.kind});
        if (found == borrowed_.end())
          return;
        auto& [key, one] = *found;
        one.owed = std::min(one.owed + wish.slots, one.free + one.used);
        give_back(key, one, std::min(one.owed, one.free));
      },
      [this](const peer_gone& news) { forget_peer(news.peer); },
      [this](const explain_lane& wish) { wish.done(explain(wish.key)); },
  };
}

size_t dispatcher::waiting_heap::erase(shard_id shard) {
  const auto gone = std::erase_if(c, [&](const waiting& one) { return one.shard == shard; });
  if (gone > 0)
    std::make_heap(c.begin(), c.end(), comp);
  return gone;
}

void dispatcher::update(dispatch_update& news) {
  shards_[news.number] = std::move(news.shard);
  for (const auto& key : news.released)
    release(key, news.number);
  std::set<slot_key> lanes_of_shard;
  for (auto& offer : news.offers) {
    slot_key key{std::move(offer.queue), std::move(offer.task_kind)};
    lanes_[key].heap.push({offer.id, offer.since, offer.priority, news.number});
    lanes_of_shard.insert(std::move(key));
  }
  context_.probe.ready_tasks.fetch_add(news.offers.size(), std::memory_order_relaxed);
  give_slots();
  // Who has work now has more of it soon.
  grants advance;
  for (const auto& key : lanes_of_shard)
    give_credit(news.number, key, advance);
  tell(std::move(advance));
}

lane_view dispatcher::explain(const slot_key& key) const {
  lane_view view;
  view.node = context_.node;
  view.known_kind = context_.knows_kind(key.task_kind);
  if (const auto found = lanes_.find(key); found != lanes_.end())
    view.waiting = found->second.heap.size();
  if (const auto found = used_by_kind_.find(key.task_kind); found != used_by_kind_.end())
    view.used_by_kind = found->second;
  if (const auto found = used_by_queue_.find(key.queue); found != used_by_queue_.end())
    view.used_by_queue = found->second;
  view.limit_of_kind = limit_of_kind(key.task_kind);
  view.limit_of_queue = context_.limits.slots_per_queue;
  return view;
}

void dispatcher::release(const slot_key& key, shard_id shard) {
  const auto found = lanes_.find({key.queue, key.task_kind});
  if (found == lanes_.end())
    return;
  auto& one = found->second;
  if (const auto stale = one.stale.find({shard, key.worker}); stale != one.stale.end()) {
    --used_by_queue_[key.queue];
    if (--stale->second == 0)
      one.stale.erase(stale);
    return;
  }
  const auto used = one.used.find({shard, key.worker});
  if (used == one.used.end())
    return;  // of a shard that was forgotten meanwhile
  if (--used->second == 0)
    one.used.erase(used);
  --used_by_queue_[key.queue];
  if (key.worker.empty()) {
    --used_by_kind_[key.task_kind];
  } else if (const auto from = borrowed_.find({key.worker, key.task_kind});
             from != borrowed_.end() && from->second.used > 0) {
    --from->second.used;
    ++from->second.free;
    if (from->second.owed > 0)
      give_back(from->first, from->second, 1);
  }
}

void dispatcher::forget(shard_id shard) {
  shards_.erase(shard);
  for (auto& [key, one] : lanes_) {
    for (auto used = one.used.begin(); used != one.used.end();) {
      if (used->first.first != shard) {
        ++used;
        continue;
      }
      used_by_queue_[key.queue] -= used->second;
      if (used->first.second.empty()) {
        used_by_kind_[key.task_kind] -= used->second;
      } else if (const auto from = borrowed_.find({used->first.second, key.task_kind});
                 from != borrowed_.end()) {
        from->second.used -= used->second;
        from->second.free += used->second;
        give_back(from->first, from->second, std::min(from->second.owed, from->second.free));
      }
      used = one.used.erase(used);
    }
    for (auto stale = one.stale.begin(); stale != one.stale.end();) {
      const bool gone = stale->first.first == shard;
      if (gone)
        used_by_queue_[key.queue] -= stale->second;
      stale = gone ? one.stale.erase(stale) : std::next(stale);
    }
    context_.probe.ready_tasks.fetch_sub(one.heap.erase(shard), std::memory_order_relaxed);
  }
  give_slots();
}

size_t dispatcher::limit_of_kind(const std::string& kind) const {
  const auto found = context_.limits.slots_per_kind.find(kind);
  if (found != context_.limits.slots_per_kind.end())
    return found->second;
  return context_.knows_kind(kind) ? context_.limits.slots_of_other_kinds : 0;
}

size_t dispatcher::used_of(const std::map<std::string, size_t>& by, const std::string& name) const {
  const auto found = by.find(name);
  return found == by.end() ? 0 : found->second;
}

size_t dispatcher::free_of_kind(const std::string& kind) const {
  const auto limit = limit_of_kind(kind);
  return limit - std::min(limit, used_of(used_by_kind_, kind));
}

/// Gives a slot to the most urgent of all that could have one; false where there is none.
bool dispatcher::give_one(grants& granted) {
  // Few lanes: the best head among those that have room.
  auto best = lanes_.end();
  for (auto it = lanes_.begin(); it != lanes_.end(); ++it) {
    const auto& [key, one] = *it;
    if (one.heap.empty() || used_of(used_by_queue_, key.queue) >= context_.limits.slots_per_queue ||
        (free_of_kind(key.task_kind) == 0 && borrowed_from(key.task_kind) == nullptr))
      continue;
    if (best == lanes_.end() || best->second.heap.top() < one.heap.top())
      best = it;
  }
  if (best == lanes_.end())
    return false;
  auto& [key, one] = *best;
  const auto next = one.heap.top();
  one.heap.pop();
  context_.probe.ready_tasks.fetch_sub(1, std::memory_order_relaxed);
  auto with = key;
  if (free_of_kind(key.task_kind) > 0) {
    ++used_by_kind_[key.task_kind];
  } else {
    with.worker = *borrowed_from(key.task_kind);
    auto& from = borrowed_.at({with.worker, key.task_kind});
    --from.free;
    ++from.used;
  }
  ++one.used[{next.shard, with.worker}];
  ++used_by_queue_[key.queue];
  auto& grant = granted[next.shard][with];
  grant.key = with;
  grant.tasks.push_back(next.id);
  return true;
}

void dispatcher::give_slots() {
  grants granted;
  while (give_one(granted)) {
  }
  // Queue names are free text: lanes that nobody uses go.
  std::erase_if(lanes_, [](const auto& one) { return one.second.idle(); });
  std::erase_if(used_by_queue_, [](const auto& one) { return one.second == 0; });
  tell(std::move(granted));
  settle_with_peers();
}

void dispatcher::give_credit(shard_id shard, const slot_key& key, grants& granted) {
  const auto found = lanes_.find(key);
  if (found == lanes_.end() || !found->second.heap.empty() || !shards_.contains(shard))
    return;
  const auto shares = 2 * std::max<size_t>(1, shards_.size());
  const auto room = context_.limits.slots_per_queue -
                    std::min(context_.limits.slots_per_queue, used_of(used_by_queue_, key.queue));
  auto& used = found->second.used[{shard, {}}];
  const auto most = context_.limits.slot_credit - std::min(context_.limits.slot_credit, used);
  const auto credit = std::min({most, free_of_kind(key.task_kind) / shares, room / shares});
  if (used + credit == 0)
    found->second.used.erase({shard, {}});
  if (credit == 0)
    return;
  used += credit;
  used_by_kind_[key.task_kind] += credit;
  used_by_queue_[key.queue] += credit;
  credit_out_.insert(key.task_kind);
  auto& grant = granted[shard][key];
  grant.key = key;
  grant.credit += static_cast<uint32_t>(credit);
}

void dispatcher::tell(grants granted) {
  for (auto& [shard, by_key] : granted)
    for (auto& [key, grant] : by_key)
      send<caf::message_priority::high>(shards_[shard], std::move(grant));
}

}  // namespace orrery::actors
