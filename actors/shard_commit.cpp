/// What a shard does once a commit is known, and how it holds back the intake.

#include "actors/outbox_messages.hpp"
#include "actors/shard_actor.hpp"
#include "base/crash_point.hpp"

#include <algorithm>

namespace orrery::actors {

void shard_actor::commit_told(const commit_note& note) {
  if (note.outcome == commit_note::kind::lost)
    return lose(note);
  reach(crash_point::commit_told);
  committed_ordinal_ = note.ordinal;
  publish_events news{tenure_.shard, tenure_.epoch, {}, {}, false};
  while (!in_flight_.empty() && in_flight_.front().ordinal <= committed_ordinal_) {
    auto finished = std::move(in_flight_.front());
    in_flight_.pop_front();
    news.upto = finished.position;
    measure(finished.events);
    std::move(finished.events.begin(), finished.events.end(), std::back_inserter(news.events));
    news.letters |= finished.letter;
    completed(finished);
  }
  const auto upto = news.upto.value;
  // Also of events without a status of their own: what is published is judged by position.
  const bool moved = news.upto > told_;
  told_ = std::max(told_, news.upto);
  if (moved || news.letters || !news.events.empty())
    send(context_.outbox, std::move(news));
  if (upto > 0)
    meter_.committed.store(upto, std::memory_order_relaxed);
  show();
  finish_drain_if_empty();
}

void shard_actor::completed(in_flight& finished) {
  if (finished.reply) {
    if (finished.state)
      finished.reply(*finished.state);
    else
      finished.reply(failure{errc::not_found, "has no state"});
  }
  if (finished.id.is_nil())
    return;
  if (finished.spans != nullptr)
    tell_spans(finished);
  // Not before: a timer beyond the horizon is left to the next scan, which must see the row.
  if (finished.moved) {
    if (finished.wake != never && !finished.queued)
      reach(crash_point::retry_stored);
    set_timer(finished.id, finished.wake, finished.queued);
  }
  if (watchers_.contains(finished.id)) {
    if (finished.state)
      tell_watchers(finished.id, *finished.state);
    else
      look_for_watchers(finished.id);
  }
  const auto found = live_.find(finished.id);
  if (found == live_.end())
    return;
  if (finished.tell_committed && found->second.actor)
    send(found->second.actor, committed_note{});
  if (finished.counted)
    --found->second.uncommitted;
  settle_leaving(finished.id);
}

/// Bounded memory: too much under way, and the log keeps it for us.
void shard_actor::control_intake() {
  const auto& limits = context_.limits;
  const auto busy = gate_.size() + in_flight_.size();
  const bool full = gate_.size() >= limits.intake_in_flight ||
                    in_flight_.size() >= 2 * limits.intake_in_flight ||
                    live_.size() >= limits.live_per_shard;
  if (!intake_paused_ && full) {
    intake_paused_ = true;
    context_.log.consumer().pause(tenure_.shard);
    want_tick();
  } else if (intake_paused_ && busy < limits.intake_in_flight &&
             live_.size() < limits.live_per_shard / 4 * 3) {
    intake_paused_ = false;
    context_.log.consumer().resume(tenure_.shard);
  }
}

}  // namespace orrery::actors
