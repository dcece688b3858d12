/// The live entities of a shard: loading, spawning, stashing, leaving, restarting.

#include "actors/limit_board.hpp"
#include "actors/order_actor.hpp"
#include "actors/schedule_actor.hpp"
#include "actors/shard_actor.hpp"
#include "actors/task_actor.hpp"
#include "base/check.hpp"
#include "base/log.hpp"
#include "domain/wake.hpp"

namespace orrery::actors {

namespace {

bool is_submit(const entity_command& wish) {
  if (const auto* of_task = std::get_if<task_command>(&wish))
    return std::holds_alternative<submit_task>(*of_task);
  if (const auto* of_schedule = std::get_if<schedule_command>(&wish))
    return std::holds_alternative<submit_schedule>(*of_schedule);
  return std::holds_alternative<submit_order>(std::get<order_command>(wish));
}

/// The slot with which a task can be born; empty where it will not begin at once.
std::optional<slot_key> slot_at_birth(const entity_command& first) {
  const auto* of_task = std::get_if<task_command>(&first);
  const auto* submit = of_task != nullptr ? std::get_if<submit_task>(of_task) : nullptr;
  if (submit == nullptr || submit->spec.run_at != never || !submit->spec.options->labels.empty() ||
      !submit->spec.options->limit_key.empty())
    return std::nullopt;
  return slot_key{submit->spec.queue, submit->spec.kind};
}

/// An order that nothing moves further rests where it is.
bool has_come_to_rest(const entity& e) {
  if (const auto* o = std::get_if<order>(&e))
    return is_final(o->status) || (o->spec->flow.empty() && o->status == order_status::created);
  return is_final(e);
}

}  // namespace

void shard_actor::forget(std::unordered_map<entity_id, live_entity>::iterator gone) {
  const auto id = gone->first;
  live_.erase(gone);
  forget_key_of(id);
  ran_before_.erase(id);  // its row may be unreadable
  release_withheld();
}

void shard_actor::deliver(entity_id id, entity_kind kind, item what) {
  const auto [place, is_new] = live_.try_emplace(id);
  auto& entry = place->second;
  if (entry.stage == phase::live)
    return hand_over(entry, std::move(what));
  entry.stash.push_back(std::move(what));
  if (!is_new)
    return;
  context_.probe.entities_live.fetch_add(1, std::memory_order_relaxed);
  entry.kind = kind;
  loads_.push_back(id);
  want_flush();
}

/// A submission that is known to be the first of its id.
void shard_actor::deliver_fresh(entity_id id, entity_kind kind, do_command first) {
  const auto [place, is_new] = live_.try_emplace(id);
  auto& entry = place->second;
  if (!is_new) {
    item what{item::kind::command,
              first.sequence,
              {},
              std::make_shared<const entity_command>(std::move(first.command))};
    if (entry.stage == phase::live)
      return hand_over(entry, std::move(what));
    entry.stash.push_back(std::move(what));
    return;
  }
  context_.probe.entities_live.fetch_add(1, std::memory_order_relaxed);
  entry.kind = kind;
  if (const auto key = slot_at_birth(first.command); key && take_credit(*key)) {
    hold_slot(entry, *key);
    first.with_slot = true;
  }
  spawn_entity(id, entry, std::nullopt, std::move(first));
}

void shard_actor::spawn_entity(entity_id id, live_entity& entry, std::optional<entity> state,
                               std::optional<do_command> first) {
  const auto self = caf::actor_cast<caf::actor>(this);
  entry.stage = phase::live;
  entry.touched = clock().now();
  entry.answered = 0;
  if (std::exchange(entry.dead_has_slot, false))
    entry.slot_of_dead = true;
  if (first)  // The command goes with the actor; should it crash on it, the gate has the record.
    entry.unanswered.push_back({item::kind::command, first->sequence, first->reply, {}});
  if (entry.kind == entity_kind::task) {
    std::optional<task> of_task;
    if (state)
      of_task = std::move(std::get<task>(*state));
    entry.waiting = of_task && of_task->status == task_status::queued;
    entry.actor =
        spawn<task_actor>(context_, self, tenure_.epoch, id, std::move(of_task), std::move(first));
  } else if (entry.kind == entity_kind::schedule) {
    std::optional<schedule> of_schedule;
    if (state)
      of_schedule = std::move(std::get<schedule>(*state));
    entry.waiting = of_schedule && of_schedule->waits_for_children();
    entry.actor = spawn<schedule_actor>(context_, self, tenure_.epoch, id, std::move(of_schedule),
                                        std::move(first));
  } else {
    std::optional<order> of_order;
    if (state)
      of_order = std::move(std::get<order>(*state));
    entry.waiting = of_order && of_order->waits_for_children();
    entry.actor = spawn<order_actor>(context_, self, tenure_.epoch, id, std::move(of_order),
                                     std::move(first));
  }
}

void shard_actor::hand_over(live_entity& entry, item what) {
  switch (what.what) {
    case item::kind::grant: send(entry.actor, slot_granted{what.worker, what.claim}); break;
    case item::kind::ask:
      CHECK(entry.kind == entity_kind::task, "only tasks want slots");
      send(entry.actor, ask_for_slot{});
      break;
    case item::kind::wake:
      send(entry.actor, do_command{wake_command(entry.kind), 0, {}, false, what.due});
      break;
    case item::kind::news: {
      auto news = news_for(entry.kind, *what.ends);
      if (!news)
        return;  // nothing that has children
      send(entry.actor, do_command{std::move(*news), 0, {}});
      break;
    }
    case item::kind::command:
      send(entry.actor,
           do_command{*what.command, what.sequence, what.reply, false, {}, what.expected});
      break;
  }
  entry.unanswered.push_back(std::move(what));
}

/// There is no such entity: whatever was wanted of it is answered so.
void shard_actor::answer_missing(entity_id id, item& what) {
  if (what.what != item::kind::command)
    return;
  if (what.reply)
    what.reply(failure{errc::not_found, "there is no such entity"});
  if (what.sequence == 0)
    return;
  const auto* place = place_of(what.sequence);
  log::info("intake.refused",
            {{"id", to_string(id)},
             {"trace", to_string(place != nullptr ? trace_in(*place, id) : trace_of({}, id))},
             {"detail", "there is no such entity"}});
  refuse_record(what.sequence, "names an entity that does not exist");
}

void shard_actor::loaded(entities_loaded& news) {
  if (!news.found && news.found.error().code == errc::corrupt)
    return unreadable(news);
  if (!news.found) {
    for (const auto id : news.asked)
      if (live_.contains(id))
        reloads_.push_back(id);
    want_tick();
    return;
  }
  std::unordered_map<entity_id, entity*> by_id;
  for (auto& e : *news.found)
    by_id.emplace(id_of(e), &e);
  for (const auto id : news.asked) {
    const auto found = live_.find(id);
    if (found == live_.end() || found->second.stage != phase::loading)
      continue;
    auto& entry = found->second;
    auto stash = entry.stash.take();
    // Whoever asked has long gone: what was not begun in time is not done behind their back.
    std::erase_if(stash, [at = now()](const item& one) {
      const bool late = one.limit != never && at > one.limit;
      if (late)
        one.reply(failure{errc::unavailable, "not begun in time"});
      return late;
    });
    size_t next = 0;
    if (const auto state = by_id.find(id); state != by_id.end() && !stash.empty()) {
      entry.kind = kind_of(*state->second);
      spawn_entity(id, entry, std::move(*state->second), std::nullopt);
    } else {
      while (next < stash.size() &&
             !(stash[next].what == item::kind::command && is_submit(*stash[next].command)))
        answer_missing(id, stash[next++]);
      if (next == stash.size()) {
        free_slot(entry);
        forget(found);
        context_.probe.entities_live.fetch_sub(1, std::memory_order_relaxed);
        continue;
      }
      auto& submit = stash[next++];
      entry.kind = static_cast<entity_kind>(submit.command->index());
      spawn_entity(id, entry, std::nullopt,
                   do_command{*submit.command, submit.sequence, submit.reply});
    }
    for (; next < stash.size(); ++next)
      hand_over(entry, std::move(stash[next]));
  }
  release_answered();
  want_flush();
}

/// One row cannot be read: the others of its page are loaded one by one, and it alone is given up.
void shard_actor::unreadable(entities_loaded& news) {
  if (news.asked.size() > 1) {
    for (const auto id : news.asked)
      context_.reads.load({id}, [self = dispatch_.shard, id](result<std::vector<entity>> found) {
        caf::anon_send(self, entities_loaded{{id}, std::move(found)});
      });
    return;
  }
  const auto found = live_.find(news.asked.front());
  if (found == live_.end() || found->second.stage != phase::loading)
    return;
  log::error("entity.unreadable", {{"shard", tenure_.shard.value},
                                   {"id", to_string(found->first)},
                                   {"trace", to_string(trace_of({}, found->first))},
                                   {"detail", news.found.error().detail}});
  for (const auto& waiting : found->second.stash) {
    if (waiting.reply)
      waiting.reply(news.found.error());
    if (waiting.sequence != 0)
      refuse_record(waiting.sequence, "its row cannot be read: " + news.found.error().detail);
  }
  free_slot(found->second);
  forget(found);
  context_.probe.entities_live.fetch_sub(1, std::memory_order_relaxed);
  release_answered();
  want_flush();
}

/// An entity whose actor has gone: once all it decided is durable it is a row, or is read again for
/// those who wait.
void shard_actor::settle_leaving(entity_id id) {
  const auto found = live_.find(id);
  if (found == live_.end())
    return;
  auto& entry = found->second;
  if (entry.stage != phase::leaving || entry.uncommitted > 0 || entry.held > 0)
    return;
  if (draining_ || entry.stash.empty()) {
    for (auto& waiting : entry.stash)
      if (waiting.reply)
        waiting.reply(failure{errc::unavailable, "the shard is moving; try again shortly"});
    free_slot(entry);
    forget(found);
    context_.probe.entities_live.fetch_sub(1, std::memory_order_relaxed);
    finish_drain_if_empty();
    return;
  }
  entry.stage = phase::loading;
  loads_.push_back(id);
  want_flush();
}

void shard_actor::crashed(const entity_crashed& news) {
  context_.probe.entities_crashed.fetch_add(1, std::memory_order_relaxed);
  log::error("entity.crashed", {{"shard", tenure_.shard.value},
                                {"id", to_string(news.id)},
                                {"trace", news.trace},
                                {"what", news.what},
                                {"restart", "from the journal"}});
  const auto found = live_.find(news.id);
  if (found == live_.end())
    return;
  auto& entry = found->second;
  entry.stage = phase::leaving;
  entry.actor = nullptr;
  auto unanswered = std::exchange(entry.unanswered, {});
  if (news.handled > entry.answered && !unanswered.empty()) {
    // It died of the first of them, which is not tried a second time. (It may as well have died of
    // work that ended or began; then all of them are.)
    const auto fatal = std::move(unanswered.front());
    unanswered.erase(unanswered.begin());
    if (fatal.reply)
      fatal.reply(failure{errc::in_doubt, "the handler crashed: " + news.what});
    if (fatal.sequence != 0)
      refuse_record(fatal.sequence, "its handler crashed: " + news.what);
  }
  for (auto& missed : unanswered)
    entry.stash.push_back(std::move(missed));
  // The journal says that its attempt runs until the next actor notes its end; so long it has its slot.
  // What the dead one decided may still wait in the gate, and says nothing of that.
  entry.dead_has_slot = entry.slot != nullptr;
  // A wake in the stash brings the entity back from the store even if nobody asks for it. Not for ever:
  // a parent would be told again what it died of.
  if (entry.kind == entity_kind::task || ++entry.crashes <= 3)
    entry.stash.push_back({item::kind::wake, 0, {}, {}});
  if (entry.kind == entity_kind::task)
    entry.stash.push_back({item::kind::ask, 0, {}, {}});  // the slot it had comes free
  release_answered();
  settle_leaving(news.id);
}

void shard_actor::direct(direct_command& wish) {
  if (draining_ || lost_) {
    wish.reply(failure{errc::unavailable, "the shard is moving; try again shortly"});
    return;
  }
  if (live_.size() >= 2 * context_.limits.live_per_shard && !live_.contains(wish.id)) {
    wish.reply(failure{errc::busy, "too many entities of this shard are in memory"});
    return;
  }
  context_.probe.commands.fetch_add(1, std::memory_order_relaxed);
  deliver(wish.id, wish.kind,
          {.what = item::kind::command,
           .reply = once(std::move(wish.reply)),
           .command = std::make_shared<const entity_command>(std::move(wish.command)),
           .limit = wish.limit,
           .expected = wish.expected});
}

void shard_actor::watch(watch_entity& wish) {
  const auto id = wish.id;
  watchers_.emplace(id, watcher{wish.limit, std::move(wish.reply)});
  look_for_watchers(id);
  want_tick();
}

void shard_actor::tell_watchers(entity_id id, const entity& state) {
  if (!has_come_to_rest(state))
    return;
  const auto [begin, end] = watchers_.equal_range(id);
  for (auto it = begin; it != end; ++it)
    it->second.reply(state);
  watchers_.erase(begin, end);
}

void shard_actor::look_for_watchers(entity_id id) {
  context_.reads.load({id}, [self = dispatch_.shard, id](result<std::vector<entity>> found) {
    if (found && !found->empty())
      caf::anon_send(self, watched_state{std::move(found->front())});
  });
}

/// What ran when the shard was taken up comes before all that has a time.
void shard_actor::note_scanned(const due_row& row) {
  if (scanned_what_ran_)
    return;
  if (row.at > at_once)
    scanned_what_ran_ = true;
  else if (row.kind == entity_kind::task &&
           row.status == static_cast<uint8_t>(task_status::running))
    ran_before_.insert(row.id);
}

void shard_actor::due_rows(due_loaded& news) {
  scanning_ = false;
  if (draining_)
    return;
  if (!news.rows) {
    delayed_send(this, std::chrono::milliseconds{500}, scan_due{});
    return;
  }
  const auto at = now();
  for (const auto& row : *news.rows) {
    cursor_ = {row.at, row.id};
    note_scanned(row);
    // Also of live ones: what they wait for may be set by nobody else (they were loaded, not moved). A
    // wake or slot too many changes nothing.
    if (row.kind == entity_kind::task && row.status == static_cast<uint8_t>(task_status::queued)) {
      // A row says nothing of labels and limit keys: where these may count, the task is asked.
      const auto rules = context_.rules != nullptr ? context_.rules->now() : nullptr;
      if (context_.is_external(row.task_kind) || (rules && rules->of_queue(row.queue) != nullptr)) {
        deliver(row.id, row.kind, {item::kind::ask, 0, {}, {}});
        set_timer(row.id, row.waits_until, true);
        continue;
      }
      // Since when it waits only the task knows; among themselves the older ids come first.
      dispatch_.offers.push_back({row.id, row.priority, at, row.queue, row.task_kind});
      set_timer(row.id, row.waits_until, true);
    } else if (row.at <= at) {
      deliver(row.id, row.kind, item::wake(row.at));
    } else {
      timers_.push_back({row.id, row.at});
    }
  }
  want_flush();
  if (news.rows->size() < news.limit)
    scanned_what_ran_ = true;
  release_withheld();
  if (news.rows->size() >= news.limit) {
    if (live_.size() < context_.limits.live_per_shard)
      scan();
    else
      delayed_send(this, std::chrono::milliseconds{100}, scan_due{});  // goes on where it was
    return;
  }
  // The next scan goes on from this horizon; until then the shard itself sees what becomes due.
  cursor_ = {horizon_, {}};
  delayed_send(this, std::chrono::duration_cast<caf::timespan>(context_.limits.timer_horizon / 2),
               scan_due{});
}

}  // namespace orrery::actors
