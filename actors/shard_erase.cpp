/// Rows whose time is over. A row goes with an event of its own in the journal, so that a commit in doubt
/// can be told from one that never was, and a fold of the journal comes to the same as the rows.

#include "actors/shard_actor.hpp"
#include "base/log.hpp"

namespace orrery::actors {

/// From here on whoever wants one of them waits, as for any that is being loaded; so what the second look
/// finds is what will be deleted.
void shard_actor::erase(erase_ended& wish) {
  std::vector<entity_id> ids;
  if (!draining_)
    for (const auto id : wish.ids)
      if (live_.try_emplace(id).second)
        ids.push_back(id);
  if (ids.empty())
    return wish.done(0);
  context_.probe.entities_live.fetch_add(ids.size(), std::memory_order_relaxed);
  context_.reads.load(ids, [self = dispatch_.shard, ids,
                            done = std::move(wish.done)](result<std::vector<entity>> found) {
    caf::anon_send(self, erasures_checked{ids, std::move(found), done});
  });
}

void shard_actor::erase_checked(erasures_checked& news) {
  std::unordered_map<entity_id, entity*> by_id;
  if (news.found)
    for (auto& e : *news.found)
      by_id.emplace(id_of(e), &e);
  size_t rows = 0;
  for (const auto id : news.asked) {
    const auto found = live_.find(id);
    if (found == live_.end() || found->second.stage != phase::loading)
      continue;
    const auto state = by_id.find(id);
    if (!draining_ && found->second.stash.empty() && state != by_id.end() &&
        context_.limits.retention_of(kind_of(*state->second)).may_erase(*state->second, now())) {
      release_erasure(found->second, std::move(*state->second));
      ++rows;
    } else if (found->second.stash.empty()) {
      forget(found);
      context_.probe.entities_live.fetch_sub(1, std::memory_order_relaxed);
    } else {
      loads_.push_back(id);
      want_flush();
    }
  }
  if (rows == 0)
    return news.done(0);
  in_flight_.back().reply = [done = std::move(news.done), rows](const result<entity>&) {
    done(rows);
  };
}

void shard_actor::release_erasure(live_entity& entry, entity state) {
  const auto id = id_of(state);
  const auto kind = kind_of(state);
  ++position_.value;
  commit_release outcome;
  outcome.ordinal = ++ordinal_;
  outcome.events.push_back({position_, id, now(), erasure_of(kind)});
  outcome.status_before = status_of(state);
  outcome.state = std::move(state);
  outcome.erased = true;
  in_flight waiting;
  waiting.ordinal = ordinal_;
  waiting.id = id;
  waiting.counted = true;
  waiting.position = position_;
  entry.kind = kind;
  entry.stage = phase::leaving;  // who comes now waits for the commit, and then finds nothing
  ++entry.uncommitted;
  in_flight_.push_back(std::move(waiting));
  if (pending_->add(std::move(outcome)))
    context_.commits.enlist(pending_);
}

}  // namespace orrery::actors
