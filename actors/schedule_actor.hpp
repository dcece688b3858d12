#pragma once
/// A live schedule. In memory while something it started is under way or its next fire is near, until it
/// is asked to leave; else a row that is loaded when it is due.

#include "actors/entity_actor.hpp"

namespace orrery::actors {

class schedule_actor final : public entity_actor<schedule> {
public:
  using entity_actor<schedule>::entity_actor;
  caf::behavior make_behavior() override;

private:
  void settle(entity_effect& effect) override;
  bool at_rest() const override {
    // One that has asked after its children waits for the answer: it decides about what is due.
    return giving_back_ || (!catching_up_ && ((may_leave_ && !must_look_) || !waits()));
  }
  bool waits() const override;
  void take(do_command& wish);
  void receive(do_command& wish);
  bool must_hear_first(const schedule_command& wish) const;
  void ask_after_children();
  /// Puts the times into the commands that need them.
  result<void> prepare(schedule_command& wish);
  result<shared_times> times_of(const fire_times_spec& spec) const;
  /// Of the state's spec, kept until that changes.
  result<shared_times> times_of_state();
  result<void> known_kind(const schedule_spec& spec) const;
  void refuse(do_command& wish, failure why);

  /// Of the state's spec; made again when that changes.
  shared_times times_;
  fire_times_spec times_spec_;
  bool may_leave_ = false;
  bool giving_back_ = false;
  bool woken_ = false;
  /// Restored, and it is not known what became of its children meanwhile.
  bool must_look_ = false;
  bool asked_ = false;              ///< And the answer is on its way.
  std::vector<do_command> behind_;  ///< Waits for that answer, oldest first.
  bool catching_up_ = false;        ///< And is being taken now.
};

}  // namespace orrery::actors
