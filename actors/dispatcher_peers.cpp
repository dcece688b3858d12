/// The dispatcher and other nodes: what is borrowed, what is lent.

#include "actors/dispatcher.hpp"
#include "domain/flow.hpp"

#include <algorithm>

namespace orrery::actors {

namespace {

/// Slots that one node asks another for at a time.
constexpr size_t portion_max = 256;

}  // namespace

const std::string* dispatcher::borrowed_from(const std::string& kind) const {
  for (const auto& [key, one] : borrowed_)
    if (key.second == kind && one.free > 0)
      return &key.first;
  return nullptr;
}

/// After slots were given: asks for more where tasks wait, and gives back what none waits for.
void dispatcher::settle_with_peers() {
  std::map<std::string, size_t> wanted;
  for (auto& [key, lines] : lanes_)
    if (!lines.empty() && !context_.is_external(key.kind) && ready_key(key, lines) != nullptr)
      wanted[key.kind] += lines.size();
  for (const auto& [kind, count] : wanted) {
    if (credit_out_.erase(kind) > 0)
      for (const auto& [number, shard] : shards_)
        send<caf::message_priority::high>(shard, return_credit{kind});
    recall_from_peers(kind, count);
    ask_peers(kind, count);
  }
  for (auto& [key, one] : borrowed_)
    if (one.free > 0 && !wanted.contains(key.second))
      give_back(key, one, one.free);
  std::erase_if(borrowed_,
                [](const auto& entry) { return entry.second.free == 0 && entry.second.used == 0; });
}

void dispatcher::peer_is(const peer_told_load& news) {
  for (auto& [key, free] : free_there_)
    if (key.first == news.peer)
      free = 0;
  for (const auto& kind : news.load.kinds)
    free_there_[{news.peer, kind.kind}] =
        kind.waiting > 0 || kind.used >= kind.slots ? 0 : kind.slots - kind.used;
  settle_with_peers();
}

void dispatcher::ask_peers(const std::string& kind, size_t wanted) {
  const std::pair<const peer_kind, size_t>* best = nullptr;
  for (const auto& entry : free_there_)
    if (entry.first.second == kind && entry.second > 0 && !asked_.contains(entry.first) &&
        (best == nullptr || entry.second > best->second))
      best = &entry;
  if (best == nullptr)
    return;
  const auto slots = std::min({wanted, best->second, portion_max});
  asked_.insert(best->first);
  send(context_.exchange, ask_for_slots{best->first.first, kind, static_cast<uint32_t>(slots)});
}

void dispatcher::borrowed_slots(const slots_borrowed& news) {
  const peer_kind key{news.peer, news.kind};
  asked_.erase(key);
  auto& free = free_there_[key];
  free = news.slots == 0 ? 0 : free - std::min<size_t>(free, news.slots);
  if (news.slots == 0)
    return;
  borrowed_[key].free += news.slots;
  give_slots();
}

void dispatcher::give_back(const peer_kind& of, borrowed& one, size_t slots) {
  if (slots == 0)
    return;
  one.free -= slots;
  one.owed -= std::min(one.owed, slots);
  send(context_.exchange, return_slots{of.first, of.second, static_cast<uint32_t>(slots)});
}

void dispatcher::lend(const slots_wanted& wish) {
  const bool needed = std::any_of(lanes_.begin(), lanes_.end(), [&](auto& entry) {
    return entry.first.kind == wish.kind && !entry.second.empty() &&
           ready_key(entry.first, entry.second) != nullptr;
  });
  const auto slots = needed ? 0 : std::min<size_t>(wish.slots, free_of_kind(wish.kind));
  if (slots > 0) {
    used_by_kind_[wish.kind] += slots;
    lent_[{wish.peer, wish.kind}].slots += slots;
    context_.probe.slots_lent.fetch_add(slots, std::memory_order_relaxed);
  }
  send(context_.exchange, lend_slots{wish.peer, wish.kind, static_cast<uint32_t>(slots)});
}

void dispatcher::came_free(const std::string& peer, const std::string& kind, size_t slots) {
  const auto found = lent_.find({peer, kind});
  if (found == lent_.end())
    return;
  slots = std::min(slots, found->second.slots);
  found->second.slots -= slots;
  found->second.recalled -= std::min(found->second.recalled, slots);
  if (found->second.slots == 0)
    lent_.erase(found);
  used_by_kind_[kind] -= slots;
  context_.probe.slots_lent.fetch_sub(slots, std::memory_order_relaxed);
  give_slots();
}

void dispatcher::recall_from_peers(const std::string& kind, size_t wanted) {
  for (auto& [key, one] : lent_) {
    if (key.second != kind || wanted == 0)
      continue;
    wanted -= std::min(wanted, one.recalled);
    const auto more = std::min(wanted, one.slots - one.recalled);
    if (more == 0)
      continue;
    one.recalled += more;
    wanted -= more;
    send(context_.exchange, recall_slots{key.first, kind, static_cast<uint32_t>(more)});
  }
}

void dispatcher::forget_peer(const std::string& peer) {
  std::erase_if(free_there_, [&](const auto& entry) { return entry.first.first == peer; });
  std::erase_if(asked_, [&](const auto& key) { return key.first == peer; });
  std::erase_if(borrowed_, [&](const auto& entry) { return entry.first.first == peer; });
  for (auto& [shard, of_shard] : held_)
    for (auto it = of_shard.begin(); it != of_shard.end();) {
      const bool theirs = it->first.worker == peer;
      if (theirs)
        stale_[shard][it->first] += it->second;
      it = theirs ? of_shard.erase(it) : std::next(it);
    }
  interests_.erase(peer);
  std::vector<std::pair<std::string, size_t>> back;
  for (const auto& [key, one] : lent_)
    if (key.first == peer)
      back.emplace_back(key.second, one.slots);
  for (const auto& [kind, slots] : back)
    came_free(peer, kind, slots);
}

/// For /metrics; as often as somebody may look, and no oftener: it looks at all who wait.
void dispatcher::show_depths() {
  if (clock().now() - depths_shown_ < std::chrono::milliseconds{950})
    return;
  depths_shown_ = clock().now();
  depth_board::table all;
  for (const auto& [key, lines] : lanes_)
    lines.add_depths(key.queue, context_.time.now(), all);
  context_.probe.meters.depths.set(std::move(all));
}

node_load dispatcher::load() const {
  std::map<std::string, kind_load> kinds;
  const auto of = [&](const std::string& kind) -> kind_load& {
    auto& one = kinds[kind];
    one.kind = kind;
    one.slots = limit_of_kind(kind);
    const auto used = used_by_kind_.find(kind);
    one.used = used == used_by_kind_.end() ? 0 : used->second;
    return one;
  };
  for (const auto* kind : {"noop", "sleep"})
    of(kind);
  for (const auto& [kind, runs] : context_.executors)
    if (!is_stock_kind(kind))  // part of the commit of the shard's owner
      of(kind);
  for (const auto& [key, one] : lent_)
    of(key.second).lent += one.slots;
  node_load out;
  const auto now = context_.time.now();
  for (const auto& [key, lines] : lanes_) {
    auto& kind = of(key.kind);
    if (lines.empty())
      continue;
    const auto oldest = now - lines.oldest(now);
    kind.waiting += lines.size();
    kind.oldest = std::max(kind.oldest, oldest);
    out.queues.push_back({key.queue, key.kind, lines.size(), oldest});
  }
  for (auto& [name, kind] : kinds)
    out.kinds.push_back(std::move(kind));
  if (out.queues.size() > queues_told) {
    std::nth_element(out.queues.begin(), out.queues.begin() + queues_told, out.queues.end(),
                     [](const auto& a, const auto& b) { return a.waiting > b.waiting; });
    out.queues.resize(queues_told);
  }
  return out;
}

}  // namespace orrery::actors
