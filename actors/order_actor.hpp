#pragma once
/// A live order.

#include "actors/entity_actor.hpp"

namespace orrery::actors {

class order_actor final : public entity_actor<order> {
public:
  using entity_actor<order>::entity_actor;
  caf::behavior make_behavior() override;

private:
  void settle(entity_effect& effect) override;
  bool at_rest() const override;
};

}  // namespace orrery::actors
