/// Children in a shard: they come to life with the effect of their parent, are committed with it, and
/// their ends are news for it.

#include "actors/shard_actor.hpp"
#include "base/log.hpp"

#include <algorithm>

namespace orrery::actors {

namespace {

/// Rows looked at by one read. A schedule decides when it has heard of one page, so all that it may have under way fits into one.
constexpr size_t watch_page = limits::schedule_running;

}  // namespace

/// A child that may exist already is looked up before anything of the effect counts; what the same
/// parent decides meanwhile waits behind it. True: the effect was put aside.
bool shard_actor::put_aside(entity_effect& effect) {
  const auto queue = aside_.find(effect.id);
  if (queue == aside_.end() && !must_look_up(effect))
    return false;
  const bool first = queue == aside_.end();
  const auto id = effect.id;
  aside_[id].push_back({std::move(effect), std::nullopt});
  if (first)
    look_up_births(id);
  return true;
}

bool shard_actor::must_look_up(const entity_effect& effect) const {
  return effect.children != nullptr &&
         std::any_of(effect.children->births.begin(), effect.children->births.end(),
                     [&](const birth& b) { return careful_ || b.look_up; });
}

void shard_actor::look_up_births(entity_id parent) {
  const auto queue = aside_.find(parent);
  if (queue == aside_.end())
    return;
  std::vector<entity_id> ids;
  for (const auto& b : queue->second.front().effect.children->births)
    ids.push_back(b.id);
  context_.reads.load(std::move(ids),
                      [self = dispatch_.shard, parent](result<std::vector<entity>> found) {
                        caf::anon_send(self, births_looked_up{parent, std::move(found)});
                      });
}

void shard_actor::births_known(births_looked_up& news) {
  const auto queue = aside_.find(news.parent);
  if (queue == aside_.end())
    return;
  if (!news.found) {
    repeat_look_ups_.push_back(news.parent);
    want_tick();
    return;
  }
  auto waiting = std::move(queue->second);
  aside_.erase(queue);
  auto& children = *waiting.front().effect.children;
  std::erase_if(children.births, [&](const birth& b) {
    const bool exists = std::any_of(news.found->begin(), news.found->end(),
                                    [&](const entity& e) { return id_of(e) == b.id; });
    if (exists)
      children.watches.push_back({b.id, 0, {}});
    return exists;
  });
  for (auto& one : waiting) {
    if (&one != &waiting.front() && one.crash == std::nullopt && put_aside(one.effect))
      continue;
    if (const auto later = aside_.find(news.parent); one.crash && later != aside_.end())
      later->second.push_back(std::move(one));
    else if (one.crash)
      crashed(*one.crash);
    else
      take_effect(one.effect);
  }
}

/// Children enter memory with the effect that bears them, before it is released: `gate` is the record
/// behind which it waits, and with it all that they do.
void shard_actor::admit(offspring& children, uint64_t gate) {
  std::erase_if(children.births, [&](birth& b) {
    const auto [place, is_new] = live_.try_emplace(b.id);
    auto& entry = place->second;
    if (!is_new && entry.stage != phase::loading) {
      children.watches.push_back({b.id, 0, {}});  // the same start again
      return true;
    }
    if (is_new)
      context_.probe.entities_live.fetch_add(1, std::memory_order_relaxed);
    entry.kind = kind_of(b.state);
    entry.gate = gate;
    if (gate != 0)
      ++entry.held;
    begin_child(b, entry);
    return false;
  });
}

/// What has something to do at once gets an actor; all else is a row, once it is committed.
void shard_actor::begin_child(const birth& b, live_entity& entry) {
  const auto* t = std::get_if<task>(&b.state);
  const auto* o = std::get_if<order>(&b.state);
  if (draining_ ||
      !((t != nullptr && t->status == task_status::queued) || (o != nullptr && o->awaits_flow()))) {
    entry.stage = phase::leaving;
    return;
  }
  auto stash = entry.stash.take();
  spawn_entity(b.id, entry, b.state, std::nullopt);
  if (t != nullptr) {
    dispatch_.offers.push_back(
        {t->id, t->spec->priority, t->queued_at, t->spec->queue, t->spec->kind});
    want_flush();
    want_tick();
  }
  for (auto& waiting : stash)
    hand_over(entry, std::move(waiting));
}

/// The child's part of the unit.
commit_release shard_actor::release_birth(birth& b) {
  in_flight waiting;
  waiting.id = b.id;
  commit_release outcome;
  number_steps(b.steps, outcome, waiting);
  note_end(b.state);
  if (watchers_.contains(b.id))
    waiting.state = b.state;
  plan_wake(b.state, waiting);
  outcome.state = std::move(b.state);
  waiting.ordinal = outcome.ordinal = ++ordinal_;
  if (const auto found = live_.find(b.id); found != live_.end()) {
    waiting.counted = true;
    ++found->second.uncommitted;
  }
  in_flight_.push_back(std::move(waiting));
  return outcome;
}

/// What the parent wishes and asks, once its decision is on its way to the store.
void shard_actor::attend(entity_id parent, offspring& children) {
  if (children.alarm != never)
    set_timer(parent, children.alarm, true);
  if (draining_)
    return;  // the next owner finds it in the rows
  for (const auto& wish : children.commands)
    deliver(wish.id, wish.kind,
            {item::kind::command, 0, {}, std::make_shared<const entity_command>(command_of(wish))});
  look_after(parent, std::move(children.watches));
}

void shard_actor::look_after(entity_id parent, std::vector<child_watch> watches) {
  for (size_t begin = 0; begin < watches.size(); begin += watch_page) {
    const auto end = std::min(watches.size(), begin + watch_page);
    children_loaded asked{parent, {}, failure{}};
    std::vector<entity_id> ids;
    for (auto i = begin; i < end; ++i) {
      ids.push_back(watches[i].id);
      asked.watches.push_back(std::move(watches[i]));
    }
    context_.reads.load(std::move(ids), [self = dispatch_.shard, asked = std::move(asked)](
                                            result<std::vector<entity>> found) {
      auto answer = asked;
      answer.found = std::move(found);
      caf::anon_send(self, std::move(answer));
    });
  }
}

/// Rows of children that somebody waits for: what has ended is news, what did not hear is told again.
void shard_actor::children_found(children_loaded& news) {
  if (draining_)
    return;
  if (!news.found) {
    repeat_watches_.emplace_back(news.parent, std::move(news.watches));
    want_tick();
    return;
  }
  std::unordered_map<entity_id, const entity*> rows;
  for (const auto& row : *news.found)
    rows.emplace(id_of(row), &row);
  for (auto& watch : news.watches) {
    const auto row = rows.find(watch.id);
    if (row == rows.end()) {
      // Not yet committed; or gone, which nobody may wait for.
      if (!live_.contains(watch.id))
        hear(news.parent, {watch.id,
                           watch.heard + 1,
                           child_outcome::failed,
                           true,
                           {},
                           "its row is gone",
                           "missing"});
    } else if (parent_of(*row->second) != news.parent) {
      hear(news.parent, {watch.id,
                         watch.heard + 1,
                         child_outcome::failed,
                         false,
                         {},
                         "its id belongs to something else",
                         "id-taken"});
    } else if (is_final(*row->second)) {
      if (auto end = end_of(*row->second); end.run > watch.heard)
        hear(news.parent, std::move(end));
    } else if (watch.wish) {
      deliver(watch.id, watch.wish->kind,
              {item::kind::command,
               0,
               {},
               std::make_shared<const entity_command>(command_of(*watch.wish))});
    }
  }
  // A schedule decides nothing before it has heard, even that there is no news.
  if (const auto found = live_.find(news.parent);
      found != live_.end() && found->second.kind == entity_kind::schedule) {
    news_.try_emplace(news.parent);
    want_flush();
  }
}

/// A released effect has led here: the parent of what has ended is told, after it in order.
void shard_actor::note_end(const entity& state) {
  const auto parent = parent_of(state);
  if (parent.is_nil() || !is_final(state))
    return;
  hear(parent, end_of(state));
}

void shard_actor::hear(entity_id parent, child_end end) {
  news_[parent].push_back(std::move(end));
  want_flush();
}

/// In one piece per parent what has gathered: a thousand ends are one decision.
void shard_actor::tell_parents() {
  auto news = std::exchange(news_, {});
  if (draining_)
    return;  // as above
  for (auto& [parent, ends] : news) {
    item what{item::kind::news, 0, {}, {}};
    what.ends = std::make_shared<const std::vector<child_end>>(std::move(ends));
    deliver(parent, entity_kind::order, std::move(what));
  }
}

/// Reads that failed, once more.
void shard_actor::repeat_reads() {
  for (const auto parent : std::exchange(repeat_look_ups_, {}))
    look_up_births(parent);
  for (auto& [parent, watches] : std::exchange(repeat_watches_, {}))
    look_after(parent, std::move(watches));
}

}  // namespace orrery::actors
