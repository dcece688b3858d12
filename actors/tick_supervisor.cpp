#include "actors/tick_supervisor.hpp"

#include <algorithm>

namespace orrery::actors {

tick_supervisor::tick_supervisor(caf::actor_config& config, node_context& context)
    : caf::event_based_actor(config), context_(context) {}

caf::behavior tick_supervisor::make_behavior() {
  context_.probe.meters.tick.forget();
  return {
      [this](const sample_mailbox& wish) { wish.into->answer(mailbox().size(), steady_micros()); },
      [this](set_timers& wish) { set(wish); },
      [this](const supervisor_tick& tick) {
        if (tick.number == planned_)
          look();
      },
  };
}

void tick_supervisor::set(set_timers& wish) {
  shards_[wish.number] = caf::actor_cast<caf::actor_addr>(wish.shard);
  for (const auto& one : wish.timers)
    timers_.push({one.at, one.id, wish.number});
  sleep_until_next();
}

void tick_supervisor::sleep_until_next() {
  if (timers_.empty())
    return;
  const auto now = context_.time.now();
  const auto look_at = std::min(timers_.top().at, now + 1s);
  if (look_at >= next_look_)
    return;
  next_look_ = look_at;
  delayed_send(this, std::chrono::duration_cast<caf::timespan>(std::max(duration{}, look_at - now)),
               supervisor_tick{++planned_});
}

void tick_supervisor::look() {
  next_look_ = time_point::max();
  const auto now = context_.time.now();
  std::map<shard_id, std::vector<std::pair<entity_id, time_point>>> due;
  for (; !timers_.empty() && timers_.top().at <= now; timers_.pop())
    due[timers_.top().shard].emplace_back(timers_.top().id, timers_.top().at);
  for (auto& [number, timers] : due) {
    context_.probe.timers_fired.fetch_add(timers.size(), std::memory_order_relaxed);
    // A shard that has gone reads its rows again wherever it comes up.
    if (const auto shard = caf::actor_cast<caf::actor>(shards_[number]))
      send(shard, wake_entities{std::move(timers)});
  }
  sleep_until_next();
}

}  // namespace orrery::actors
