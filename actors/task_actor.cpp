#include "actors/task_actor.hpp"

#include "base/crash_point.hpp"
#include "domain/flow.hpp"

#include <algorithm>

namespace orrery::actors {

namespace {

/// Whose message this thread is at.
thread_local task_actor* here = nullptr;

std::string_view tail_of(std::string_view text, size_t bytes) {
  return text.size() <= bytes ? text : text.substr(text.size() - bytes);
}

}  // namespace

caf::behavior task_actor::make_behavior() {
  if (state_) {
    recover();
  } else if (first_) {
    slot_in_hand_ = first_->with_slot;
    handle(*first_);
    begin_due_work();
  }
  first_.reset();
  if (left_)
    return {};
  return shared_behavior();
}

task_actor::resume_result task_actor::resume(caf::execution_unit* unit, size_t max_throughput) {
  const auto before = std::exchange(here, this);
  const auto outcome = entity_actor::resume(unit, max_throughput);
  here = before;
  return outcome;
}

const caf::behavior& task_actor::shared_behavior() {
  static const caf::behavior all{
      [](slot_granted& grant) { here->take_slot(grant); },
      [](ask_for_slot) {
        ++here->handled_;
        if (std::exchange(here->slot_presumed_, false))
          here->slot_offered_ = false;
        here->emit({});
      },
      [](const lease_taken& news) { here->lease_was_taken(news); },
      [](work_done& news) { here->work_ended(news); },
      [](do_command& wish) { here->command_came(wish); },
      [](committed_note) { here->start_was_committed(); },
      [](const clock_passed& news) { here->end_by_clock(news); },
      [](may_leave) {
        here->may_leave_ = true;
        if (here->at_rest())
          here->emit({});
      },
      [](give_back) { here->give_back_now(); },
  };
  return all;
}

void task_actor::command_came(do_command& wish) {
  may_leave_ = false;
  const auto mode =
      std::holds_alternative<task_command>(wish.command) &&
              std::holds_alternative<cancel_task>(std::get<task_command>(wish.command)) &&
              std::get<cancel_task>(std::get<task_command>(wish.command)).kill
          ? stop_mode::now
          : stop_mode::graceful;
  listen_to(wish);
  if (!handle(wish))
    return;
  stop_what_is_over(mode);
  if (clocks_armed_ && state_->status == task_status::running) {
    tell_end_away();
    if (present_end().at < armed_for_)
      arm_clocks();  // a deadline was brought forward
  }
}

void task_actor::start_was_committed() {
  waits_for_commit_ = false;
  if (state_->status == task_status::running) {
    reach(crash_point::start_committed);
    run_work();
  } else {
    decline_claim();
    emit({});
  }
}

void task_actor::give_back_now() {
  may_leave_ = giving_back_ = true;
  entity_effect effect;
  // An external worker goes on; the next owner of the shard waits for it.
  if (state_->status == task_status::running && !leased_)
    apply(interrupt_task{state_->token()}, effect);
  emit(std::move(effect));
  stop_what_is_over(stop_mode::graceful);
}

/// A worker that speaks is alive, whatever else it says.
void task_actor::listen_to(const do_command& wish) {
  if (!work_running_ || !state_)
    return;
  if (const auto* of_task = std::get_if<task_command>(&wish.command))
    if (const auto* beat = std::get_if<heartbeat_task>(of_task); beat && beat->token == work_token_)
      heard_at_ = clock().now();
}

/// Restored from the store. Whatever ran before is gone with the actor or node that ran it.
void task_actor::recover() {
  // Who is loaded while it waits has been offered before, or is asked: `ask_for_slot`.
  slot_offered_ = slot_presumed_ = state_->status == task_status::queued;
  if (state_->status != task_status::running || resume_lease())
    return;
  log::info("attempt.lost", {{"task", to_string(id_)},
                             {"trace", trace_text()},
                             {"run", state_->run},
                             {"attempt", state_->attempt},
                             {"worker", state_->worker}});
  reach(crash_point::attempt_takeover);
  entity_effect effect;
  apply(lose_task{state_->token()}, effect);
  emit(std::move(effect));
}

void task_actor::settle(entity_effect& effect) {
  if (std::exchange(slot_in_hand_, false)) {
    slot_held_ = true;
    if (state_)
      begin(effect);
    else
      effect.slot_released = true;
  }
  if (!state_)
    return;
  const bool running = state_->status == task_status::running;
  if (slot_held_ && !running && !work_running_ && !waits_for_commit_) {
    slot_held_ = false;
    effect.slot_released = true;
  }
  effect.slot_kept = std::exchange(slot_kept_, false);
  if (state_->status != task_status::queued) {
    slot_offered_ = false;
  } else if (!slot_offered_ && !slot_held_ && !work_running_ && !giving_back_) {
    slot_offered_ = true;
    effect.offer = true;
  }
}

bool task_actor::at_rest() const {
  if (!state_)
    return true;
  if (giving_back_ && leased_)
    return true;
  if (work_running_ || waits_for_commit_ || state_->status == task_status::running)
    return false;
  return state_->status != task_status::queued || may_leave_ || giving_back_;
}

void task_actor::take_slot(slot_granted& grant) {
  ++handled_;
  given_.reset();
  if (!grant.worker.empty() || grant.claim)
    given_ = std::make_unique<given_slot>(std::move(grant.worker), std::move(grant.claim));
  slot_held_ = true;
  slot_offered_ = slot_presumed_ = false;
  entity_effect effect;
  begin(effect);
  if (!waits_for_commit_)
    decline_claim();
  emit(std::move(effect));  // gives the slot back where nothing began
  begin_due_work();
}

void task_actor::begin(entity_effect& effect) {
  if (giving_back_ || work_running_ || state_->status != task_status::queued)
    return;
  const bool ours = !given_ || given_->worker.empty();
  start_task start{ours ? context_.node : given_->worker};
  if (claimed()) {
    start.worker = given_->claim->worker;
    start.secret = secret_of_lease(given_->claim->seed, id_, {state_->run, state_->attempt + 1});
  }
  if (!apply(start, effect) || state_->status != task_status::running)
    return;
  context_.probe.attempts_started.fetch_add(1, std::memory_order_relaxed);
  if (state_->spec->delivery == delivery_mode::at_most_once || claimed()) {
    waits_for_commit_ = effect.tell_committed = true;
  } else if (state_->spec->kind == "noop" && ours) {
    // The whole life in one effect: no work to wait for.
    apply(complete_task{state_->token(), {}}, effect);
    context_.probe.attempts_ended.fetch_add(1, std::memory_order_relaxed);
  } else {
    work_due_ = true;
  }
}

void task_actor::begin_due_work() {
  if (std::exchange(work_due_, false) && !left_)
    run_work();
}

void task_actor::run_work() {
  work_token_ = state_->token();
  work_running_ = true;
  executor_ = nullptr;
  leased_ = claimed();
  away_ = given_ && !given_->worker.empty() && !leased_;
  sleep_until_ = instant::max();
  reach(crash_point::attempt_before_work);
  begun_at_ = heard_at_ = clock().now();
  extended_to_ = never;
  if (state_->spec->kind == "noop" && !away_) {
    send(this, work_done{work_token_, {.succeeded = true}});
    return;
  }
  if (state_->spec->kind == "sleep" && !away_ && !leased_)
    return sleep_for_payload();
  arm_clocks();
  if (leased_)
    return lease_out();
  if (away_) {
    send(context_.exchange,
         start_away{caf::actor_cast<caf::actor>(this), given_->worker, make_item()});
    return;
  }
  const auto found = context_.executors.find(state_->spec->kind);
  if (found == context_.executors.end()) {
    send(this, work_done{work_token_,
                         {.error = "no executor for kind " + state_->spec->kind,
                          .error_code = "unknown-kind",
                          .retryable = false}});
    return;
  }
  executor_ = found->second;
  executor_->start(make_item(), [self = caf::actor_cast<caf::actor>(this),
                                 token = work_token_](work_outcome outcome) {
    caf::anon_send(self, work_done{token, std::move(outcome)});
  });
}

std::string task_actor::attempt_context() const {
  const auto& own = state_->spec->traceparent;
  return context_.spans == nullptr ? own
                                   : traceparent_in(own, id_, work_token_.run, work_token_.attempt);
}

/// What a built-in step has done is known to its executor alone: its success moves stock.
result<void> task_actor::may(const task_command& wish) const {
  const bool says_so =
      std::holds_alternative<complete_task>(wish) || std::holds_alternative<adopt_result>(wish);
  if (!state_ || !is_stock_kind(state_->spec->kind))
    return {};
  const auto& kind = state_->spec->kind;
  if (says_so)
    return failure{errc::rejected, "nobody but this node completes a task of kind " + kind};
  // An order that has ended would take stock, or give back what it keeps; one that goes on begins the
  // step anew by itself.
  const bool again = kind == kind_stock_reserve || state_->status == task_status::succeeded;
  if (again && std::holds_alternative<rerun_task>(wish))
    return failure{errc::rejected, "nobody but its order begins a task of kind " + kind + " anew"};
  return {};
}

work_item task_actor::make_item() const {
  work_item item;
  item.task = id_;
  item.token = work_token_;
  item.epoch = epoch_;
  item.kind = state_->spec->kind;
  item.payload = state_->spec->payload;
  item.ttl = state_->spec->ttl;
  item.traceparent = attempt_context();
  item.parent = state_->spec->parent;
  item.cursor = state_->extra->cursor;
  return item;
}

void task_actor::work_ended(work_done& news) {
  if (!work_running_ || news.token != work_token_)
    return;  // of work that is over
  work_running_ = false;
  executor_ = nullptr;
  disarm_clocks();
  entity_effect effect;
  auto& outcome = news.outcome;
  if (state_->status == task_status::running && news.token == state_->token()) {
    context_.probe.attempts_ended.fetch_add(1, std::memory_order_relaxed);
    if (outcome.succeeded && outcome.result.size() > limits::result_bytes)
      outcome = {.error = "the result is larger than 256 KiB",
                 .error_code = "result-too-large",
                 .retryable = false};
    if (news.lost) {
      log::info("attempt.lost", {{"task", to_string(id_)},
                                 {"trace", trace_text()},
                                 {"run", state_->run},
                                 {"attempt", state_->attempt},
                                 {"worker", state_->worker}});
      apply(lose_task{news.token}, effect);
    } else if (news.expired && !outcome.succeeded) {
      apply(expire_task{news.token, end_reason::ttl}, effect);
    } else if (news.interrupted) {
      apply(interrupt_task{news.token}, effect);
    } else if (outcome.succeeded) {
      reach(crash_point::attempt_done);
      apply(complete_task{news.token, std::move(outcome.result)}, effect);
    } else {
      auto error = std::move(outcome.error);
      if (!outcome.output.empty())
        error.append("; output: ").append(tail_of(outcome.output, 1024));
      error.resize(std::min(error.size(), limits::text_bytes));
      apply(fail_task{news.token, std::move(error), std::move(outcome.error_code),
                      outcome.retryable, outcome.retry_after},
            effect);
    }
  }
  emit(std::move(effect));
}

void task_actor::stop_what_is_over(stop_mode mode) {
  if (left_ || !work_running_ || state_->status == task_status::running)
    return;
  context_.probe.attempts_ended.fetch_add(1, std::memory_order_relaxed);
  stop_work(mode);
}

void task_actor::stop_work(stop_mode mode) {
  disarm_clocks();
  if (away_) {
    send(context_.exchange, stop_away{id_, work_token_, epoch_, mode});  // `work_done` follows
    return;
  }
  if (executor_ != nullptr) {
    executor_->stop(id_, work_token_, mode);  // `work_done` follows
    return;
  }
  work_running_ = leased_ = false;  // a sleep, or a worker's: nothing is left of it here
  emit({});
}

void task_actor::on_exit() {
  if (work_running_ && executor_ != nullptr)
    executor_->stop(id_, work_token_, stop_mode::now);
  if (work_running_ && away_)
    caf::anon_send(context_.exchange, stop_away{id_, work_token_, epoch_, stop_mode::now});
  disarm_clocks();
  caf::event_based_actor::on_exit();
}

}  // namespace orrery::actors
