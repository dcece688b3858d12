#include "actors/order_actor.hpp"

namespace orrery::actors {

caf::behavior order_actor::make_behavior() {
  if (first_) {
    handle(*first_);
    first_.reset();
    if (left_)
      return {};
  }
  return {
      [this](do_command& wish) { handle(wish); },
      [this](const may_leave&) { emit({}); },
      [this](const give_back&) { emit({}); },
  };
}

void order_actor::settle(entity_effect&) {}

/// An order waits in its row between two commands; its expiry is a timer of the shard.
bool order_actor::at_rest() const { return true; }

}  // namespace orrery::actors
