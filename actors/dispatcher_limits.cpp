/// The dispatcher and the rules of queues and kinds.

#include "actors/dispatcher.hpp"
#include "actors/limit_board.hpp"

#include <algorithm>

namespace orrery::actors {

namespace {

constexpr duration look_pause = 5ms;

}  // namespace

void dispatcher::look_at_rules() {
  if (context_.rules == nullptr)
    return;
  auto rules = context_.rules->now();
  if (rules == rules_)
    return;
  rules_ = std::move(rules);
  // What runs already counts from the first moment of a rule, credit that is out included.
  for (const auto& [queue, used] : used_by_queue_)
    if (const auto* rule = rules_->of_queue(queue);
        rule != nullptr && !rule->whole.none() && !shares_.contains(queue))
      for (size_t i = 0; i < used; ++i)
        shares_[queue].begun(false);
  for (const auto& kind : std::exchange(credit_out_, {}))
    for (const auto& [number, shard] : shards_)
      send<caf::message_priority::high>(shard, return_credit{kind});
  for (auto& [key, lines] : lanes_)
    lines.open_all();
}

const std::string* dispatcher::ready_key(const lane_key& lane, lane_lines& lines) {
  const auto used = used_by_queue_.find(lane.queue);
  if (used != used_by_queue_.end() && used->second >= context_.limits.slots_per_queue)
    return nullptr;
  if (rules_->empty())
    return lines.next_key();
  if (!rules_->pause_of(lane.queue, lane.kind).empty() || !queue_has_room(lane.queue))
    return nullptr;
  const auto* key = lines.next_key();
  while (key != nullptr && !key_has_room(lane.queue, *key)) {
    lines.close(std::string(*key));
    key = lines.next_key();
  }
  return key;
}

bool dispatcher::queue_has_room(const std::string& queue) {
  const auto* rule = rules_->of_queue(queue);
  if (rule == nullptr || rule->whole.none())
    return true;
  const auto share = shares_.find(queue);
  return share != shares_.end() &&
         share->second.has_room(rule->whole.concurrency > 0, rule->whole.rate > 0, ticks());
}

bool dispatcher::key_has_room(const std::string& queue, const std::string& key) {
  const auto* rule = rules_->of_queue(queue);
  if (key.empty() || rule == nullptr || rule->each_key.none())
    return true;
  const auto& limit = rule->each_key;
  auto& state = keys_[{queue, key}];
  if (limit.concurrency > 0 && state.running >= limit.concurrency)
    return false;
  if (limit.rate <= 0)
    return true;
  const auto now = ticks();
  if (state.version != rule->version) {
    if (state.version == 0)
      state.bucket = token_bucket(limit.rate, limit.burst, limit.burst > 0 ? limit.burst : 1);
    state.bucket.change(limit.rate, limit.burst, now);
    state.version = rule->version;
  }
  const auto next = state.bucket.next(now);
  if (next <= now)
    return true;
  look_again_at(next);
  return false;
}

void dispatcher::begun(const std::string& queue, const std::string& key, bool fresh) {
  const auto* rule = rules_->of_queue(queue);
  if (rule != nullptr && !rule->whole.none())
    shares_[queue].begun(fresh);
  if (key.empty())
    return;
  auto& state = keys_[{queue, key}];
  ++state.running;
  if (fresh && rule != nullptr && rule->each_key.rate > 0)
    state.bucket.take(1, ticks());
}

void dispatcher::ended(const std::string& queue, const std::string& key, size_t count) {
  if (const auto share = shares_.find(queue); share != shares_.end())
    share->second.ended(count);
  if (key.empty())
    return;
  const auto found = keys_.find({queue, key});
  if (found == keys_.end())
    return;
  found->second.running -= std::min(found->second.running, count);
  for (auto& [lane, lines] : lanes_)
    if (lane.queue == queue && lines.is_closed(key))
      lines.open(key);
  // A full bucket is as good as a new one.
  if (found->second.running == 0 && found->second.version == 0)
    keys_.erase(found);
  if (keys_.size() > 100'000)
    std::erase_if(keys_, [now = ticks()](const auto& entry) {
      return entry.second.running == 0 && entry.second.bucket.is_full(now);
    });
}

/// Buckets fill with time: looks then, and not more often than needed.
void dispatcher::look_again_at(duration at) {
  const auto now = ticks();
  at = std::max(at, now + look_pause);
  if (at >= look_at_)
    return;
  look_at_ = at;
  delayed_send(this, std::chrono::duration_cast<caf::timespan>(at - now), look_again{++looks_});
}

/// A new task of a key that is at its limit, where the rule is not to wait.
void dispatcher::make_room_for(const ready_task& offer, shard_id shard) {
  const auto* rule = rules_->of_queue(offer.queue);
  if (rule == nullptr || rule->strategy == on_limit::queue || offer.limit_key.empty() ||
      rule->each_key.concurrency == 0)
    return;
  size_t before = 0;
  for (const auto& [lane, lines] : lanes_)
    if (lane.queue == offer.queue)
      before += lines.size_of(offer.limit_key);
  const auto state = keys_.find({offer.queue, offer.limit_key});
  const auto running = state == keys_.end() ? 0 : state->second.running;
  if (running + before < rule->each_key.concurrency)
    return;
  const bool newest = rule->strategy == on_limit::cancel_new;
  send(shards_[shard], cut_back{offer.queue, offer.limit_key, newest ? offer.id : entity_id{},
                                static_cast<uint32_t>(rule->each_key.concurrency)});
}

}  // namespace orrery::actors
