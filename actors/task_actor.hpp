#pragma once
/// A live task: waits for a slot, runs its attempts, enforces their clocks.
///
/// A start that may be repeated (at-least-once) runs at once, while its event is still on the way to the
/// store; a start at-most-once waits for its commit. When a clock passes or somebody cancels, the end
/// is decided at once and the work is stopped; the actor stays, and keeps its slot, until the executor
/// says that nothing is left of the work.
///
/// The slot may be another node's: then that node executes (actors/work_exchange.hpp), and the clocks and
/// the supervision stay here. Or an external worker's: then the attempt is leased to it, outlives the owner of
/// the shard, and ends by what the worker reports or by its clocks.

#include "actors/entity_actor.hpp"
#include "actors/worker_messages.hpp"

namespace orrery::actors {

class task_actor final : public entity_actor<task> {
public:
  using entity_actor<task>::entity_actor;
  caf::behavior make_behavior() override;
  resume_result resume(caf::execution_unit* unit, size_t max_throughput) override;
  void on_exit() override;

private:
  using instant = caf::actor_clock::time_point;

  /// Receives for all tasks: a behavior of each one's own would be a fifth of its memory.
  static const caf::behavior& shared_behavior();
  void command_came(do_command& wish);
  void start_was_committed();
  void give_back_now();
  bool claimed() const { return given_ && given_->claim; }
  void settle(entity_effect& effect) override;
  result<void> may(const task_command& wish) const override;
  bool at_rest() const override;
  bool waits() const override { return state_ && state_->status == task_status::queued; }

  void recover();
  void take_slot(slot_granted& grant);
  /// A slot is held: begins an attempt, where the task still waits for one, as part of `effect`.
  void begin(entity_effect& effect);
  /// After the effect was sent that began the attempt.
  void begin_due_work();
  void run_work();
  work_item make_item() const;
  // External workers (task_lease.cpp).
  void lease_out();
  void decline_claim();
  /// An attempt whose worker goes on, whoever owns the shard.
  bool resume_lease();
  void lease_was_taken(const lease_taken& news);
  void sleep_for_payload();
  void wake_up();
  void work_ended(work_done& news);
  void stop_work(stop_mode mode);
  /// The first of the clocks of the present attempt.
  struct clock_end {
    instant at;
    end_reason clock = end_reason::ttl;
  };
  clock_end present_end();
  /// When the wall clock will say `at`, if nobody sets it.
  instant steady(time_point at);
  void arm_clocks();
  void disarm_clocks();
  /// Tells the node that executes of an end that was moved.
  void tell_end_away();
  void listen_to(const do_command& wish);
  void end_by_clock(const clock_passed& news);
  /// The trace context that the work of the present attempt is given.
  std::string attempt_context() const;
  /// Tells of commands that others gave while work was running.
  void stop_what_is_over(stop_mode mode);

  bool slot_in_hand_ = false;  ///< Came with the command that gives birth; not used yet.
  bool slot_held_ = false;
  bool slot_offered_ = false;
  bool slot_presumed_ = false;  ///< Offered, as far as one knows who was only just loaded.
  bool work_due_ = false;       ///< Begun; to be executed once the effect is on its way.
  bool work_running_ = false;
  bool waits_for_commit_ = false;
  bool clocks_armed_ = false;
  bool may_leave_ = false;
  bool giving_back_ = false;
  bool away_ = false;       ///< The running work is executed by another node.
  bool leased_ = false;     ///< The running work is an external worker's.
  bool slot_kept_ = false;  ///< Held since before we were loaded; not yet told.
  struct given_slot {
    std::string worker;                        ///< The node whose slot is held; empty = this one.
    std::shared_ptr<const lease_claim> claim;  ///< By which it was taken; null = not by one.
  };
  std::unique_ptr<given_slot> given_;  ///< Null = a slot of this node, by nobody's claim.
  executor* executor_ = nullptr;       ///< Of the running work; null for `sleep`, and away.
  attempt_token work_token_;
  // By the steady clock: an attempt has neither more nor less time because somebody set the machine's.
  instant begun_at_{};        ///< When the present attempt began.
  instant heard_at_{};        ///< When its worker last spoke.
  instant armed_for_{};       ///< When its clock will come.
  time_point extended_to_{};  ///< What the state says of its extended end,
  instant extended_{};        ///< and when that is.
  instant sleep_until_ =
      instant::max();  ///< Of the present attempt, where its work is to sleep here.
};

}  // namespace orrery::actors
