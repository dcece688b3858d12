/// A task whose attempt an external worker executes.

#include "actors/task_actor.hpp"

#include <algorithm>

namespace orrery::actors {

void task_actor::lease_out() {
  work_leased news;
  news.desk = given_->claim->desk;
  news.claim = given_->claim->number;
  news.entity = caf::actor_cast<caf::actor>(this);
  auto& item = news.item;
  item.lease = {id_, work_token_, epoch_, state_->extra->secret};
  item.kind = state_->spec->kind;
  item.queue = state_->spec->queue;
  item.payload = state_->spec->payload;
  item.ttl = state_->spec->ttl;
  item.heartbeat = state_->spec->heartbeat;
  item.started_at = state_->started_at;
  item.cursor = state_->extra->cursor;
  item.traceparent = attempt_context();
  send<caf::message_priority::high>(
      given_->claim->desk == context_.node ? context_.desk : context_.exchange, std::move(news));
  given_->claim.reset();
}

void task_actor::decline_claim() {
  if (!claimed())
    return;
  send<caf::message_priority::high>(
      given_->claim->desk == context_.node ? context_.desk : context_.exchange,
      lease_declined{given_->claim->desk, given_->claim->number});
  given_->claim.reset();
}

bool task_actor::resume_lease() {
  if (state_->extra->secret.empty())
    return false;
  log::info("lease.resumed", {{"task", to_string(id_)},
                              {"trace", trace_text()},
                              {"run", state_->run},
                              {"attempt", state_->attempt},
                              {"worker", state_->worker}});
  work_token_ = state_->token();
  work_running_ = leased_ = slot_held_ = slot_kept_ = true;
  // Of the former owner's clock only the record of the start is left.
  const auto had = std::clamp<duration>(now() - state_->started_at, 0us, limits::ttl_max);
  begun_at_ = clock().now() - had;
  heard_at_ = clock().now();  // it may have spoken to the owner before us
  arm_clocks();
  emit({});
  return true;
}

void task_actor::lease_was_taken(const lease_taken& news) {
  if (news.taken || !leased_ || news.token != work_token_ || state_->status != task_status::running)
    return;
  entity_effect effect;
  apply(interrupt_task{news.token}, effect);
  emit(std::move(effect));
  stop_what_is_over(stop_mode::now);
}

}  // namespace orrery::actors
