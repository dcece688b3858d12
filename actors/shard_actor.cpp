#include "actors/shard_actor.hpp"

#include "base/crash_point.hpp"
#include "base/log.hpp"

namespace orrery::actors {

namespace {

constexpr auto tick_length = std::chrono::milliseconds{100};
constexpr size_t due_page = 1000;
constexpr size_t load_page = 1000;

failure moving() { return {errc::unavailable, "the shard is moving; try again shortly"}; }

}  // namespace

shard_actor::shard_actor(caf::actor_config& config, node_context& context,
                         const shard_tenure& tenure, bool careful)
    : caf::event_based_actor(config),
      context_(context),
      tenure_(tenure),
      meter_(context.probe.meters.shards.of(tenure.shard)),
      careful_(careful),
      position_(tenure.position),
      told_(tenure.position) {
  // A weak handle: the writer must not keep a lost shard alive.
  pending_ = std::make_shared<pending_commit>(
      tenure, [self = caf::actor_cast<caf::actor_addr>(this)](commit_note note) {
        if (const auto strong = caf::actor_cast<caf::actor>(self))
          caf::anon_send<caf::message_priority::high>(strong, std::move(note));
      });
  set_exception_handler([this](std::exception_ptr& thrown) -> caf::error {
    try {
      std::rethrow_exception(thrown);
    } catch (const std::exception& e) {
      log::error("shard.crashed", {{"shard", tenure_.shard.value}, {"what", e.what()}});
    } catch (...) {
      log::error("shard.crashed", {{"shard", tenure_.shard.value}});
    }
    return caf::exit_reason::unhandled_exception;
  });
}

caf::behavior shard_actor::make_behavior() {
  dispatch_.shard = caf::actor_cast<caf::actor>(this);
  dispatch_.number = tenure_.shard;
  meter_.epoch = tenure_.epoch.value;
  meter_.here = true;
  meter_.mailbox.forget();
  show();
  scan();
  send(context_.dispatcher, dispatch_update{dispatch_.shard, dispatch_.number, {}, {}, {}});
  context_.log.consumer().start(tenure_.shard, tenure_.next, tenure_.epoch);
  context_.log.consumer().resume(tenure_.shard);  // whoever owned it before may have left it paused
  return {
      [this](intake_batch& batch) { take_in(batch); },
      [this](entity_effect& effect) { effect_arrived(effect); },
      [this](const commit_note& note) { commit_told(note); },
      [this](entities_loaded& news) { loaded(news); },
      [this](slots_granted& grants) { grant(grants); },
      [this](const return_credit& wish) { return_credit_of(wish.task_kind); },
      [this](const cut_back& wish) { cut_back_key(wish); },
      [this](wake_entities& timers) {
        reach(crash_point::timer_fired);
        for (const auto& [id, at] : timers.timers)
          deliver(id, entity_kind::task, item::wake(at));
      },
      [this](direct_command& wish) { direct(wish); },
      [this](watch_entity& wish) { watch(wish); },
      [this](const entity_crashed& news) {
        if (const auto queue = aside_.find(news.id); queue != aside_.end())
          queue->second.push_back({{}, news});
        else
          crashed(news);
      },
      [this](children_loaded& news) { children_found(news); },
      [this](births_looked_up& news) { births_known(news); },
      [this](due_loaded& news) { due_rows(news); },
      [this](const watched_state& news) { tell_watchers(id_of(news.state), news.state); },
      [this](scan_due) { scan(); },
      [this](erase_ended& wish) { erase(wish); },
      [this](erasures_checked& news) { erase_checked(news); },
      [this](const sample_mailbox& wish) { wish.into->answer(mailbox().size(), steady_micros()); },
      [](run_here& job) { job.what(); },
      [this](flush_gathered) { flush(); },
      [this](shard_tick) { tick(); },
      [this](drain_shard) { drain(); },
      [this](abandon_shard) {
        lost_ = true;
        quit();
      },
  };
}

void shard_actor::on_exit() {
  for (auto& [id, entry] : live_) {
    if (entry.slot)
      context_.probe.slots_used.fetch_sub(1, std::memory_order_relaxed);
    if (entry.actor)
      caf::anon_send_exit(entry.actor, caf::exit_reason::user_shutdown);
    const auto refuse = [](const auto& items) {
      for (const auto& waiting : items)
        if (waiting.reply)
          waiting.reply(moving());
    };
    refuse(entry.stash);
    refuse(entry.unanswered);
  }
  for (auto& [id, waiting] : aside_)
    for (auto& one : waiting)
      if (one.effect.reply)
        one.effect.reply(moving());
  aside_.clear();
  for (auto& place : gate_)
    for (auto& effect : place.effects)
      if (effect.reply)
        effect.reply(moving());
  for (auto& waiting : in_flight_)
    if (waiting.reply)
      waiting.reply(failure{errc::in_doubt, "the shard moved before the commit was known"});
  for (auto& [id, waiting] : watchers_)
    waiting.reply(moving());
  context_.probe.entities_live.fetch_sub(live_.size(), std::memory_order_relaxed);
  if (meter_.epoch == tenure_.epoch.value)
    meter_.here = false;
  live_.clear();
  watchers_.clear();
  gate_.clear();
  in_flight_.clear();
  pending_.reset();
  dispatch_.shard = nullptr;  // a handle to itself would keep it for ever
  caf::anon_send(context_.dispatcher, shard_gone{tenure_.shard});
  caf::event_based_actor::on_exit();
}

void shard_actor::want_flush() {
  if (std::exchange(flush_pending_, true))
    return;
  send<caf::message_priority::high>(
      this, flush_gathered{});  // after the effects that are in the mailbox now, before new intake
}

void shard_actor::flush() {
  flush_pending_ = false;
  if (!news_.empty())
    tell_parents();
  if (!dispatch_.offers.empty() || !dispatch_.released.empty() || !dispatch_.kept.empty()) {
    dispatch_update update{dispatch_.shard, dispatch_.number, {}, {}, {}};
    std::swap(update.offers, dispatch_.offers);
    std::swap(update.released, dispatch_.released);
    std::swap(update.kept, dispatch_.kept);
    send(context_.dispatcher, std::move(update));
  }
  if (!timers_.empty())
    send(context_.tick, set_timers{dispatch_.shard, tenure_.shard, std::exchange(timers_, {})});
  const auto wanted = std::exchange(loads_, {});
  for (auto begin = wanted.begin(); begin != wanted.end();) {
    const auto end = begin + std::min<ptrdiff_t>(load_page, wanted.end() - begin);
    std::vector<entity_id> ids(begin, end);
    begin = end;
    context_.reads.load(ids, [self = dispatch_.shard, ids](result<std::vector<entity>> found) {
      caf::anon_send(self, entities_loaded{ids, std::move(found)});
    });
  }
}

void shard_actor::want_tick() {
  if (std::exchange(tick_pending_, true))
    return;
  delayed_send(this, tick_length, shard_tick{});
}

/// Runs while something may time out: watchers, idle entities, loads to repeat, a drain.
void shard_actor::tick() {
  tick_pending_ = false;
  const auto at = now();
  for (auto it = watchers_.begin(); it != watchers_.end();) {
    if (at < it->second.limit) {
      ++it;
      continue;
    }
    it->second.reply(failure{errc::not_found, "has not come to rest in time"});
    it = watchers_.erase(it);
  }
  if (!reloads_.empty()) {
    loads_.insert(loads_.end(), reloads_.begin(), reloads_.end());
    reloads_.clear();
    want_flush();
  }
  repeat_reads();
  bool waiting = false;
  const bool crowded = live_.size() > context_.limits.live_per_shard / 2;
  for (auto& [id, entry] : live_) {
    if (!entry.waiting || entry.stage != phase::live)
      continue;
    waiting = true;
    if (entry.uncommitted == 0 && entry.held == 0 &&
        (crowded || clock().now() - entry.touched >= context_.limits.idle_leave)) {
      send(entry.actor, may_leave{});
      entry.waiting = false;
    }
  }
  if (draining_ && clock().now() >= drain_limit_) {
    log::warning("shard.drain_cut", {{"shard", tenure_.shard.value}, {"live", live_.size()}});
    quit();
    return;
  }
  return_idle_credit();
  show();
  if (waiting || draining_ || !watchers_.empty() || intake_paused_ || !credits_.empty())
    want_tick();
  control_intake();
}

void shard_actor::scan() {
  if (scanning_ || draining_)
    return;
  scanning_ = true;
  if (horizon_ == never || cursor_.at >= horizon_ || cursor_.at == time_point::min()) {
    horizon_ = now() + context_.limits.timer_horizon;
    for (auto it = far_waits_.begin(); it != far_waits_.end();) {
      const bool near = it->second <= horizon_;
      if (near)
        timers_.push_back({it->first, it->second});
      it = near ? far_waits_.erase(it) : std::next(it);
    }
    if (!timers_.empty())
      want_flush();
  }
  const auto until = horizon_;
  const auto self = caf::actor_cast<caf::actor>(this);
  context_.reads.run(
      [=, shard = tenure_.shard, after = cursor_](entity_store& store) {
        caf::anon_send(self, due_loaded{until, store.due(shard, until, after, due_page), due_page});
      },
      [=] {
        caf::anon_send(self, due_loaded{until, failure{errc::busy, "too many reads"}, due_page});
      });
}

void shard_actor::set_timer(entity_id id, time_point at, bool queued) {
  far_waits_.erase(id);
  if (at == never)
    return;
  if (at <= horizon_) {
    timers_.push_back({id, at});
    want_flush();
  } else if (queued) {
    far_waits_.emplace(id, at);
  }
}

void shard_actor::drain() {
  reach(crash_point::drain);
  draining_ = true;
  credits_.clear();  // the dispatcher takes everything back when we are gone
  drain_limit_ =
      clock().now() + std::chrono::duration_cast<caf::timespan>(context_.limits.drain_limit);
  std::vector<entity_id> gone;
  for (auto& [id, entry] : live_) {
    if (entry.stage == phase::live)
      send(entry.actor, give_back{});
    for (const auto& waiting : entry.stash)
      if (waiting.reply)
        waiting.reply(moving());
    if (entry.stage == phase::loading)
      gone.push_back(id);
  }
  for (const auto id : gone) {
    if (live_.at(id).slot)
      context_.probe.slots_used.fetch_sub(1, std::memory_order_relaxed);
    live_.erase(id);
    context_.probe.entities_live.fetch_sub(1, std::memory_order_relaxed);
  }
  want_tick();
  finish_drain_if_empty();
}

void shard_actor::finish_drain_if_empty() {
  if (!draining_ || !in_flight_.empty())
    return;
  // What waits in the gate behind an entity that was only being loaded is left to the next owner.
  for (const auto& [id, entry] : live_)
    if (entry.stage == phase::live)
      return;
  quit();
}

void shard_actor::lose(const commit_note& note) {
  lost_ = true;
  log::warning(
      "shard.lost",
      {{"shard", tenure_.shard.value}, {"epoch", tenure_.epoch.value}, {"detail", note.detail}});
  quit(caf::make_error(caf::sec::runtime_error, note.careful ? "careful" : "lost"));
}

}  // namespace orrery::actors
