/// The clocks of an attempt, and the work that is nothing but one: a sleep.

#include "actors/task_actor.hpp"
#include "codec/sleep_payload.hpp"

#include <algorithm>

namespace orrery::actors {

/// A clock was armed for the first moment at which the attempt could be over. Since then its worker may
/// have spoken or got more time: then it is armed anew, so that a heartbeat costs no message of its own.
/// A sleep is over by the same clock.
void task_actor::end_by_clock(const clock_passed& news) {
  if (!work_running_ || news.token != work_token_ || state_->status != task_status::running)
    return;
  const auto end = present_end();
  if (clock().now() < std::min(end.at, sleep_until_))
    return arm_clocks();
  if (sleep_until_ <= end.at)
    return wake_up();
  entity_effect effect;
  if (!apply(expire_task{news.token, end.clock}, effect))
    return;
  emit(std::move(effect));
  stop_what_is_over(stop_mode::graceful);
}

void task_actor::sleep_for_payload() {
  const auto wish = codec::read_sleep_payload(state_->spec->payload);
  if (wish)
    sleep_until_ = begun_at_ + std::chrono::duration_cast<caf::timespan>(wish->length);
  arm_clocks();
  if (!wish)
    send(
        this,
        work_done{work_token_,
                  {.error = wish.error().detail, .error_code = "bad-payload", .retryable = false}});
}

void task_actor::wake_up() {
  const auto wish = codec::read_sleep_payload(state_->spec->payload);
  work_done news{work_token_, {.succeeded = true}};
  if (!wish->error.empty())
    news.outcome = {.error = wish->error, .error_code = "asked-to-fail"};
  work_ended(news);
}

task_actor::instant task_actor::steady(time_point at) {
  const auto left = std::clamp<duration>(at - now(), -limits::ttl_max, 2 * limits::ttl_max);
  return clock().now() + left;
}

/// The ttl counts from when the work began, not from the start's record: a start that waited for its commit
/// costs the work nothing.
task_actor::clock_end task_actor::present_end() {
  if (const auto wanted = state_->extra->ends_at; wanted != extended_to_) {
    extended_to_ = wanted;
    extended_ = steady(wanted);
  }
  clock_end end{extended_to_ != never ? extended_ : begun_at_ + state_->spec->ttl};
  if (const auto life = state_->life_ends_at(); life != never)
    if (const auto at = steady(life); at <= end.at)
      end = {at, end_reason::total_ttl};
  if (const auto silence = state_->spec->heartbeat; silence > 0us && heard_at_ + silence < end.at)
    end = {heard_at_ + silence, end_reason::heartbeat};
  return end;
}

void task_actor::arm_clocks() {
  const auto end = present_end();
  const bool wakes = sleep_until_ <= end.at;
  clocks_armed_ = true;
  armed_for_ = wakes ? sleep_until_ : end.at;
  send(context_.ttl, arm_clock{caf::actor_cast<caf::actor>(this), id_, work_token_, armed_for_,
                               end.clock, trace_of(state_->spec->traceparent, id_), wakes});
}

/// The node that executes has a clock of its own.
void task_actor::tell_end_away() {
  if (!away_ || extended_to_ == state_->extra->ends_at)
    return;
  (void)present_end();
  const auto left = std::chrono::duration_cast<duration>(extended_ - clock().now());
  send(context_.exchange, prolong_away{id_, work_token_, epoch_, left});
}

void task_actor::disarm_clocks() {
  if (!std::exchange(clocks_armed_, false))
    return;
  send(context_.ttl, disarm_clock{id_, work_token_});
}

}  // namespace orrery::actors
