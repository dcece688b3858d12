/// The slots of a shard: those its entities hold, and those it keeps for tasks to come.

#include "actors/shard_actor.hpp"

#include <algorithm>

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
    deliver(id, entity_kind::task,
            {item::kind::grant, 0, {}, {}, time_point{}, {}, grants.key.worker, grants.claim});
    hold_slot(live_.at(id), grants.key);
  }
}

/// What it says of the entity in memory: answered messages, slots, whether it waits or leaves.
void shard_actor::note_effect(live_entity& entry, entity_effect& effect) {
  entry.touched = clock().now();
  if (effect.handled > entry.answered) {
    const auto n = std::min<uint64_t>(effect.handled - entry.answered, entry.unanswered.size());
    entry.unanswered.erase(entry.unanswered.begin(),
                           entry.unanswered.begin() + static_cast<std::ptrdiff_t>(n));
    if (entry.unanswered.empty())
      entry.unanswered.shrink_to_fit();  // most hear nothing more for as long as they run
    entry.answered = effect.handled;
  }
  entry.waiting = effect.waits;
  if (!counts_by_key(entry, effect))
    note_slots(entry, effect);
  ran_before_.erase(effect.id);
  release_withheld();
  if (entry.waiting)
    want_tick();
  if (effect.leaving) {
    entry.stage = phase::leaving;
    entry.actor = nullptr;
    for (auto& missed : entry.unanswered)
      entry.stash.push_back(std::move(missed));
    entry.unanswered.clear();
  }
}

/// Whether its slot counts for a limit key. Then it is freed and wanted in the order of the journal: not
/// while the end of the attempt waits behind a record.
bool shard_actor::counts_by_key(const live_entity& entry, const entity_effect& effect) {
  const auto* t = effect.state ? std::get_if<task>(&*effect.state) : nullptr;
  return (entry.slot && !entry.slot->limit_key.empty()) ||
         (t != nullptr && !t->spec->options->limit_key.empty());
}

void shard_actor::note_slots(live_entity& entry, const entity_effect& effect) {
  if (std::exchange(entry.slot_of_dead, false) || effect.slot_released)
    free_slot(entry);
  const auto* t = effect.state ? std::get_if<task>(&*effect.state) : nullptr;
  if (t != nullptr && effect.offer && !draining_) {
    const auto& options = *t->spec->options;
    slot_key key{t->spec->queue, t->spec->kind, {}, options.limit_key};
    if (!effect.leaving && !entry.slot && options.labels.empty() && take_credit(key)) {
      hand_over(entry, {item::kind::grant, 0, {}, {}, time_point{}, {}, {}});
      hold_slot(entry, std::move(key));
    } else {
      auto& offers = options.limit_key.empty() || knows_what_ran_ ? dispatch_.offers : withheld_;
      offers.push_back({t->id, t->spec->priority, t->queued_at, std::move(key.queue),
                        std::move(key.task_kind), options.limit_key, options.weight,
                        options.labels});
    }
  }
  if (t != nullptr && effect.slot_kept) {
    slot_key key{t->spec->queue, t->spec->kind, worker_outside, t->spec->options->limit_key};
    dispatch_.kept.push_back(key);
    free_slot(entry);  // of a grant that came too late
    hold_slot(entry, std::move(key));
    want_flush();
  }
  if (effect.offer || effect.slot_released)
    want_flush();
}

/// Tasks of a limit key begin only after all that ran under the former owner has been looked at: it has
/// been noted as lost, or counts as running.
void shard_actor::release_withheld() {
  if (knows_what_ran_ || !scanned_what_ran_ || !ran_before_.empty())
    return;
  knows_what_ran_ = true;
  for (auto& offer : std::exchange(withheld_, {}))
    dispatch_.offers.push_back(std::move(offer));
  want_flush();
}

void shard_actor::hold_slot(live_entity& entry, slot_key key) {
  if (last_slot_ == nullptr || *last_slot_ != key)
    last_slot_ = std::make_shared<const slot_key>(std::move(key));
  entry.slot = last_slot_;
  context_.probe.slots_used.fetch_add(1, std::memory_order_relaxed);
}

void shard_actor::free_slot(live_entity& entry) {
  if (!entry.slot)
    return;
  context_.probe.slots_used.fetch_sub(1, std::memory_order_relaxed);
  if (const auto found = credits_.find(*entry.slot); found != credits_.end() && !draining_) {
    ++found->second.free;
  } else {
    dispatch_.released.push_back(*entry.slot);
    want_flush();
  }
  entry.slot.reset();
  entry.dead_has_slot = false;  // what is held from now on is another's
}

bool shard_actor::take_credit(const slot_key& key) {
  const auto found = credits_.find(key);
  if (found == credits_.end() || found->second.free == 0 || draining_)
    return false;
  --found->second.free;
  found->second.used = true;
  return true;
}

/// More of a limit key than it may: what the rule says is cancelled.
void shard_actor::cut_back_key(const cut_back& wish) {
  if (draining_)
    return;
  const auto why = "its limit key " + wish.limit_key + " has as many running as it may";
  if (!wish.newest.is_nil())
    return cancel(wish.newest, why);
  std::vector<entity_id> running;
  for (const auto& [id, entry] : live_)
    if (entry.slot && entry.slot->queue == wish.queue && entry.slot->limit_key == wish.limit_key)
      running.push_back(id);
  std::sort(running.begin(), running.end());  // ids rise with the time of submission
  for (size_t i = 0; i + wish.most <= running.size(); ++i)
    cancel(running[i], "a newer task of its limit key " + wish.limit_key + " replaces it");
}

void shard_actor::cancel(entity_id id, std::string why) {
  deliver(id, entity_kind::task,
          {item::kind::command,
           0,
           {},
           std::make_shared<const entity_command>(task_command{cancel_task{std::move(why)}}),
           never});
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
  if (credits_.empty() || clock().now() - credit_look_ < credit_idle)
    return;
  credit_look_ = clock().now();
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
