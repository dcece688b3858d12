#include "actors/ttl_supervisor.hpp"

#include "base/log.hpp"

namespace orrery::actors {

ttl_supervisor::ttl_supervisor(caf::actor_config& config, node_context& context)
    : caf::event_based_actor(config), context_(context) {}

caf::behavior ttl_supervisor::make_behavior() {
  context_.probe.meters.ttl.forget();
  return {
      [this](const sample_mailbox& wish) { wish.into->answer(mailbox().size(), steady_micros()); },
      [this](arm_clock& wish) { arm(wish); },
      [this](const disarm_clock& wish) {
        const auto found = armed_.find(wish.id);
        if (found != armed_.end() && found->second.token == wish.token) {
          armed_.erase(found);  // its entry in the heap is skipped when it comes up
          forget_disarmed();
        }
      },
      [this](const supervisor_tick& tick) {
        if (tick.number == planned_)
          look();
      },
  };
}

void ttl_supervisor::arm(arm_clock& wish) {
  auto& one = armed_[wish.id];
  // Armed anew for the very same instant: the entry of before in the heap is as good as a second one.
  const bool has_entry = one.due == wish.at;
  one = {.token = wish.token,
         .entity = std::move(wish.entity),
         .due = wish.at,
         .trace = wish.trace == trace_of({}, wish.id)
                      ? nullptr
                      : std::make_unique<const trace_id>(wish.trace),
         .clock = wish.clock,
         .wakes = wish.wakes,
         .fired = false};
  if (!has_entry)
    deadlines_.push({wish.at, wish.id});
  forget_disarmed();
  sleep_until_next();
}

void ttl_supervisor::sleep_until_next() {
  if (deadlines_.empty() || deadlines_.top().at >= next_look_)
    return;
  next_look_ = deadlines_.top().at;
  const auto now = clock().now();
  const auto wait = next_look_ > now ? next_look_ - now : instant::duration::zero();
  delayed_send(this, std::chrono::duration_cast<caf::timespan>(wait), supervisor_tick{++planned_});
}

/// Work mostly ends long before its deadline: entries of disarmed clocks must not gather until then.
void ttl_supervisor::forget_disarmed() {
  if (deadlines_.size() < 1024 || deadlines_.size() < 2 * armed_.size())
    return;
  std::priority_queue<deadline> kept;
  for (; !deadlines_.empty(); deadlines_.pop()) {
    const auto found = armed_.find(deadlines_.top().id);
    if (found != armed_.end() && counts(deadlines_.top(), found->second))
      kept.push(deadlines_.top());
  }
  deadlines_ = std::move(kept);
}

void ttl_supervisor::look() {
  const auto now = clock().now();
  next_look_ = instant::max();
  while (!deadlines_.empty() && deadlines_.top().at <= now) {
    const auto due = deadlines_.top();
    deadlines_.pop();
    const auto found = armed_.find(due.id);
    if (found != armed_.end() && counts(due, found->second))
      fire(due, found->second);
  }
  sleep_until_next();
}

void ttl_supervisor::fire(const deadline& due, armed& one) {
  if (one.wakes) {
    // A sleep is over: neither fired nor late.
  } else if (one.fired) {
    log::error("ttl.not_obeyed",
               {{"task", to_string(due.id)},
                {"trace", to_string(one.trace ? *one.trace : trace_of({}, due.id))},
                {"clock", to_string(one.clock)}});
    context_.probe.attempts_late.fetch_add(1, std::memory_order_relaxed);
  } else {
    const auto late =
        static_cast<uint64_t>(std::chrono::duration_cast<duration>(clock().now() - due.at).count());
    context_.probe.meters.ttl_lateness.observe(static_cast<int64_t>(late));
    context_.probe.ttl_fired.fetch_add(1, std::memory_order_relaxed);
    auto& worst = context_.probe.ttl_lateness_max_micros;
    for (auto seen = worst.load(); late > seen && !worst.compare_exchange_weak(seen, late);) {
    }
  }
  one.fired = true;
  send(one.entity, clock_passed{one.token, one.clock});
  // It disarms when it obeys; if it does not, it is told again and somebody is told by the log.
  one.due = clock().now() + context_.limits.stop_grace;
  deadlines_.push({one.due, due.id});
}

}  // namespace orrery::actors
