#pragma once
/// A live order. While tasks of its flow are under way it stays in memory, until it is asked to leave.

#include "actors/entity_actor.hpp"

namespace orrery::actors {

class order_actor final : public entity_actor<order> {
public:
  using entity_actor<order>::entity_actor;
  caf::behavior make_behavior() override;

private:
  void settle(entity_effect& effect) override;
  bool at_rest() const override;
  bool waits() const override { return state_ && state_->waits_for_children(); }
  void follow(entity_effect& effect) override;
  void take(do_command& wish);
  void ask_for_flow();
  void flow_known(flow_found& news);

  bool may_leave_ = false;
  bool asked_ = false;  ///< The flow is looked up.
  bool woken_ = false;  ///< By the shard: the effect asks for what was missed.
};

}  // namespace orrery::actors
