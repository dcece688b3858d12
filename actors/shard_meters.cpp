/// What a shard measures, and the spans of what it has committed.

#include "actors/shard_actor.hpp"

namespace orrery::actors {

/// Times of what an effect ends.
void shard_actor::measure(const entity_effect& effect) {
  auto& meters = context_.probe.meters;
  if (const auto* t = std::get_if<task>(&*effect.state)) {
    if (effect.attempt_time >= duration{})
      meters.attempt_time.of(t->spec->kind).observe(effect.attempt_time.count());
    const bool ended =
        is_final(t->status) &&
        (!effect.status_before || !is_final(static_cast<task_status>(*effect.status_before)));
    if (ended && t->finished_at != never)
      meters.task_life.of(t->spec->kind).observe((t->finished_at - t->life_from).count());
  } else if (const auto* o = std::get_if<order>(&*effect.state)) {
    const bool ended =
        is_final(o->status) &&
        (!effect.status_before || !is_final(static_cast<order_status>(*effect.status_before)));
    if (ended)
      meters.order_life.observe((o->updated_at - o->created_at).count());
  }
}

/// Changes of status, now that they are durable.
void shard_actor::measure(const std::vector<status_event>& events) {
  auto& meters = context_.probe.meters;
  for (const auto& event : events) {
    if (const auto* t = std::get_if<task_status_event>(&event))
      meters.tasks_entered.add(static_cast<size_t>(t->status));
    else if (const auto* o = std::get_if<order_status_event>(&event))
      meters.orders_entered.add(static_cast<size_t>(o->status));
    else if (const auto* s = std::get_if<schedule_status_event>(&event))
      meters.schedules_entered.add(static_cast<size_t>(s->status));
  }
}

void shard_actor::tell_spans(in_flight& finished) {
  if (context_.spans == nullptr)
    return;
  for (auto& one : *finished.spans)
    context_.spans->take(std::move(one));
}

/// The gauges of this shard, as they are after a commit or a tick.
void shard_actor::show() {
  if (in_flight_.empty())
    meter_.committed.store(position_.value, std::memory_order_relaxed);
  meter_.live.store(live_.size(), std::memory_order_relaxed);
  meter_.in_gate.store(gate_.size(), std::memory_order_relaxed);
  meter_.in_flight.store(in_flight_.size(), std::memory_order_relaxed);
}

}  // namespace orrery::actors
