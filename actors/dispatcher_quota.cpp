/// The dispatcher and what a queue may do on all nodes together: as a holder, and as the keeper of the
/// queues whose home shard is here.

#include "actors/dispatcher.hpp"
#include "actors/limit_board.hpp"
#include "base/murmur2.hpp"

namespace orrery::actors {

namespace {

/// What a node that is gone held comes back after it; longer than a node without the log keeps its shards.
constexpr duration quota_lease = 10s;
constexpr duration wish_pause = 20ms;
/// A bucket that is full wastes what would drip in.
constexpr duration rate_pause = 5ms;
constexpr duration wish_period = 500ms;

bool is_shared(const work_rule* rule) { return rule != nullptr && !rule->whole.none(); }

shard_id home_shard(const std::string& queue, uint32_t shards) {
  return shard_id{static_cast<uint16_t>(partition_of_key(queue, shards))};
}

}  // namespace

std::string dispatcher::home_of(const std::string& queue) const {
  const auto shard = home_shard(queue, context_.limits.shards);
  if (shards_.contains(shard))
    return context_.node;
  return context_.rules != nullptr ? context_.rules->owner_of(shard) : std::string();
}

/// Tells the keepers what we hold and would like, where that is news or they have not heard for a while.
void dispatcher::settle_quotas() {
  std::map<std::string, size_t> waits;
  for (const auto& [key, lines] : lanes_)
    if (!lines.empty() && is_shared(rules_->of_queue(key.queue)) &&
        rules_->pause_of(key.queue, key.kind).empty())
      waits[key.queue] += lines.size();
  for (const auto& [queue, count] : waits)
    shares_.try_emplace(queue);
  const auto now = ticks();
  for (auto it = shares_.begin(); it != shares_.end();) {
    auto& [queue, share] = *it;
    if (!is_shared(rules_->of_queue(queue)) && share.used() == 0) {
      it = shares_.erase(it);
      continue;
    }
    const auto found = waits.find(queue);
    const auto waiting_here = found == waits.end() ? 0 : found->second;
    const auto home = home_of(queue);
    if (home != share.keeper) {
      share.keeper = home;
      share.keeper_changed();
      share.said_at = {};
    }
    const auto* rule = rules_->of_queue(queue);
    const auto pause = rule != nullptr && rule->whole.rate > 0 ? rate_pause : wish_pause;
    const bool wants = waiting_here > 0 && now - share.said_at >= pause;
    const bool due = !share.idle() && now - share.said_at >= wish_period;
    if (!home.empty() && (wants || due || share.said_at == duration{}))
      to_home(queue, share.wish(queue, waiting_here, now));
    if (waiting_here > 0)
      look_again_at(now + pause);
    else if (!share.idle())
      look_again_at(now + wish_period);
    ++it;
  }
}

void dispatcher::to_home(const std::string& queue, quota_note note) {
  const auto home = home_of(queue);
  if (home == context_.node)
    return keep(context_.node, note);
  send(context_.exchange, quota_to_peer{home, std::move(note)});
}

/// A wish of that node, which may be this one, for a queue whose home is here.
void dispatcher::keep(const std::string& node, const quota_note& wish) {
  const auto shard = home_shard(wish.queue, context_.limits.shards);
  const auto since = shard_since_.find(shard);
  const auto* rule = rules_->of_queue(wish.queue);
  if (since == shard_since_.end() || rule == nullptr)
    return;  // it will ask whoever it is
  const auto now = ticks();
  const bool alone = context_.network == nullptr;
  auto found = keepers_.find(wish.queue);
  if (found == keepers_.end())
    found = keepers_
                .emplace(wish.queue,
                         quota_keeper(quota_lease, alone ? duration{} : since->second + quota_lease,
                                      static_cast<uint64_t>(now.count())))
                .first;
  auto& keeper = found->second;
  keeper.change(rule->whole, now);
  keeper.sweep(now, [&](const std::string& name) {
    return name == context_.node || (context_.rules != nullptr && context_.rules->is_alive(name));
  });
  auto answer = keeper.wish(node, wish, now);
  if (node == context_.node)
    quota_came(answer);
  else
    send(context_.exchange, quota_to_peer{node, std::move(answer)});
}

void dispatcher::quota_came(const quota_note& news) {
  const auto found = shares_.find(news.queue);
  if (found == shares_.end())
    return;
  found->second.answered(news, ticks());
}

}  // namespace orrery::actors
