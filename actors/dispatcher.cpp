#include "actors/dispatcher.hpp"

#include <algorithm>

namespace orrery::actors {

namespace {

std::string joined(std::vector<std::string> labels) {
  std::sort(labels.begin(), labels.end());
  std::string out;
  for (const auto& label : labels)
    out += label + '\n';
  return out;
}

}  // namespace

dispatcher::dispatcher(caf::actor_config& config, node_context& context)
    : caf::event_based_actor(config), context_(context) {}

caf::behavior dispatcher::make_behavior() {
  context_.probe.meters.dispatcher.forget();
  look_at_rules();  // before the first slot: a rule may have been made long before this node began
  return {
      [this](dispatch_update& news) { update(news); },
      [this](const shard_gone& news) { forget(news.number); },
      [this](tell_load) {
        send(context_.exchange, own_load{load()});
        show_depths();
        look_at_rules();
        give_slots();  // those that had nothing to lend are asked again
      },
      [this](const peer_told_load& news) { peer_is(news); },
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
      [this](const claim_work& wish) { claim(wish); },
      [this](const want_work& news) { want(news); },
      [this](const rules_changed&) {
        look_at_rules();
        give_slots();
      },
      [this](const quota_from_peer& news) {
        if (news.note.answer)
          quota_came(news.note);
        else
          keep(news.peer, news.note);
        give_slots();
      },
      [this](const look_again& wish) {
        if (wish.number != looks_)
          return;
        look_at_ = duration::max();
        for (auto& [key, lines] : lanes_)
          lines.open_all();
        give_slots();
      },
      [this](const sample_mailbox& wish) { wish.into->answer(mailbox().size(), steady_micros()); },
      [this](const explain_lane& wish) { wish.done(explain(wish.of)); },
  };
}

void dispatcher::update(dispatch_update& news) {
  shards_[news.number] = std::move(news.shard);
  shard_since_.try_emplace(news.number, ticks());
  for (const auto& key : news.released)
    release(key, news.number);
  for (const auto& key : news.kept) {
    take(key, news.number, 1);
    begun(key.queue, key.limit_key, false);
  }
  std::set<slot_key> of_shard;
  for (auto& offer : news.offers) {
    lane_key key{offer.queue, offer.task_kind, joined(std::move(offer.labels))};
    make_room_for(offer, news.number);
    lanes_[key].push(offer.limit_key, offer.weight,
                     {offer.id, offer.since, offer.priority, news.number});
    if (context_.is_external(key.kind))
      ++new_work_[{key.queue, key.kind}];
    else if (key.labels.empty() && offer.limit_key.empty())
      of_shard.insert({std::move(key.queue), std::move(key.kind)});
  }
  context_.probe.ready_tasks.fetch_add(news.offers.size(), std::memory_order_relaxed);
  give_slots();
  // Who has work now has more of it soon.
  grants advance;
  for (const auto& key : of_shard)
    give_credit(news.number, key, advance);
  tell(std::move(advance));
}

void dispatcher::take(const slot_key& key, shard_id shard, size_t slots) {
  held_[shard][key] += slots;
  used_by_queue_[key.queue] += slots;
  if (key.worker.empty())
    used_by_kind_[key.task_kind] += slots;
}

bool dispatcher::drop(held& from, const slot_key& key, shard_id shard, size_t slots) {
  const auto of = from.find(shard);
  if (of == from.end())
    return false;
  const auto found = of->second.find(key);
  if (found == of->second.end())
    return false;
  if (found->second <= slots)
    of->second.erase(found);
  else
    found->second -= slots;
  if (of->second.empty())
    from.erase(of);
  return true;
}

void dispatcher::release(const slot_key& key, shard_id shard) {
  const bool stale = drop(stale_, key, shard, 1);
  if (!stale && !drop(held_, key, shard, 1))
    return;  // of a shard that was forgotten meanwhile
  --used_by_queue_[key.queue];
  ended(key.queue, key.limit_key, 1);
  if (stale || key.worker == worker_outside)
    return;
  if (key.worker.empty()) {
    --used_by_kind_[key.task_kind];
    return;
  }
  const auto from = borrowed_.find({key.worker, key.task_kind});
  if (from == borrowed_.end() || from->second.used == 0)
    return;
  --from->second.used;
  ++from->second.free;
  if (from->second.owed > 0)
    give_back(from->first, from->second, 1);
}

void dispatcher::forget(shard_id shard) {
  shards_.erase(shard);
  shard_since_.erase(shard);
  for (auto* all : {&stale_, &held_}) {  // as `release` takes the stale ones first
    const auto of = all->find(shard);
    if (of == all->end())
      continue;
    for (const auto& [key, slots] : std::map<slot_key, size_t>(of->second))
      for (size_t i = 0; i < slots; ++i)
        release(key, shard);
  }
  for (auto& [key, lines] : lanes_)
    context_.probe.ready_tasks.fetch_sub(lines.erase(shard), std::memory_order_relaxed);
  give_slots();
}

size_t dispatcher::limit_of_kind(const std::string& kind) const {
  const auto found = context_.limits.slots_per_kind.find(kind);
  if (found != context_.limits.slots_per_kind.end())
    return found->second;
  return context_.knows_kind(kind) ? context_.limits.slots_of_other_kinds : 0;
}

size_t dispatcher::free_of_kind(const std::string& kind) const {
  const auto limit = limit_of_kind(kind);
  const auto found = used_by_kind_.find(kind);
  return limit - std::min(limit, found == used_by_kind_.end() ? 0 : found->second);
}

/// Gives a slot to the most urgent of all that could have one; false where there is none.
bool dispatcher::give_one(grants& granted) {
  // Few lanes: the best head among those that have room.
  decltype(lanes_)::iterator best = lanes_.end();
  std::string best_key;
  for (auto it = lanes_.begin(); it != lanes_.end(); ++it) {
    auto& [key, lines] = *it;
    if (lines.empty() || context_.is_external(key.kind) ||
        (free_of_kind(key.kind) == 0 && borrowed_from(key.kind) == nullptr))
      continue;
    const auto* next = ready_key(key, lines);
    if (next == nullptr)
      continue;
    if (best == lanes_.end() || best->second.front(best_key) < lines.front(*next)) {
      best = it;
      best_key = *next;
    }
  }
  if (best == lanes_.end())
    return false;
  const auto& lane = best->first;
  std::string worker;
  if (free_of_kind(lane.kind) == 0) {
    worker = *borrowed_from(lane.kind);
    auto& from = borrowed_.at({worker, lane.kind});
    --from.free;
    ++from.used;
  }
  give_from(lane, best->second, best_key, worker, nullptr, granted);
  return true;
}

void dispatcher::give_from(const lane_key& lane, lane_lines& lines, const std::string& key,
                           const std::string& worker, std::shared_ptr<const lease_claim> claim,
                           grants& granted) {
  const auto next = lines.pop(key);
  context_.probe.ready_tasks.fetch_sub(1, std::memory_order_relaxed);
  const slot_key with{lane.queue, lane.kind, worker, key};
  take(with, next.shard, 1);
  begun(lane.queue, key, true);
  auto& grant = granted[next.shard][with];
  grant.key = with;
  grant.tasks.push_back(next.id);
  grant.claim = std::move(claim);
}

void dispatcher::give_slots() {
  grants granted;
  while (give_one(granted)) {
  }
  tell(std::move(granted));
  settle_with_peers();
  settle_quotas();
  tell_of_work();
  // Queue names are free text: what nobody uses goes.
  std::erase_if(lanes_, [](const auto& one) { return one.second.empty(); });
  std::erase_if(used_by_queue_, [](const auto& one) { return one.second == 0; });
}

void dispatcher::give_credit(shard_id shard, const slot_key& key, grants& granted) {
  const auto found = lanes_.find({key.queue, key.task_kind, {}});
  if ((found != lanes_.end() && !found->second.empty()) || !shards_.contains(shard) ||
      rules_->of_queue(key.queue) != nullptr || rules_->of_kind(key.task_kind) != nullptr)
    return;
  const auto less = [](size_t whole, size_t part) { return whole - std::min(whole, part); };
  const auto shares = 2 * std::max<size_t>(1, shards_.size());
  const auto& of_shard = held_[shard];
  const auto has = of_shard.find(key);
  const auto most = less(context_.limits.slot_credit, has == of_shard.end() ? 0 : has->second);
  const auto room = less(context_.limits.slots_per_queue, used_by_queue_[key.queue]);
  const auto credit = std::min({most, free_of_kind(key.task_kind) / shares, room / shares});
  if (credit == 0)
    return;
  take(key, shard, credit);
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
