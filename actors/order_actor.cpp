#include "actors/order_actor.hpp"

namespace orrery::actors {

caf::behavior order_actor::make_behavior() {
  if (first_) {
    handle(*first_);
    first_.reset();
  } else if (state_ && state_->awaits_flow()) {
    entity_effect effect;
    follow(effect);
    emit(std::move(effect));
  }
  if (left_)
    return {};
  return {
      [this](do_command& wish) { take(wish); },
      [this](flow_found& news) { flow_known(news); },
      [this](const may_leave&) {
        may_leave_ = true;
        emit({});
      },
      [this](const give_back&) {
        may_leave_ = true;
        asked_ = false;
        emit({});
      },
  };
}

/// An order that names a flow begins it with its own first event, where the flow is known.
void order_actor::follow(entity_effect& effect) {
  if (asked_ || !state_ || !state_->awaits_flow())
    return;
  if (context_.flows == nullptr) {
    apply(reject_order{"there is no flow " + state_->spec->flow}, effect);
    return;
  }
  if (const auto known = context_.flows->find(state_->spec->flow)) {
    apply(begin_flow{*known}, effect);
    return;
  }
  asked_ = true;
  ask_for_flow();
}

void order_actor::ask_for_flow() {
  context_.flows->fetch(state_->spec->flow, [self = caf::actor_cast<caf::actor>(this)](
                                                result<shared_value<flow>> found) {
    caf::anon_send(self, flow_found{std::move(found)});
  });
}

void order_actor::flow_known(flow_found& news) {
  if (!asked_)
    return;
  if (!news.found && news.found.error().code == errc::conflict)
    return ask_for_flow();  // our own message: time to try again
  if (!news.found && news.found.error().code != errc::not_found && state_->awaits_flow()) {
    delayed_send(this, std::chrono::milliseconds{500},
                 flow_found{failure{errc::conflict, "again"}});
    return;
  }
  asked_ = false;
  entity_effect effect;
  if (news.found)
    apply(begin_flow{*news.found}, effect);
  else
    apply(reject_order{"there is no flow " + state_->spec->flow}, effect);
  emit(std::move(effect));
}

void order_actor::take(do_command& wish) {
  may_leave_ = false;
  const auto* of_order = std::get_if<order_command>(&wish.command);
  woken_ = of_order != nullptr && std::holds_alternative<wake_order>(*of_order);
  handle(wish);
}

/// Woken, perhaps by a new owner of the shard: what its children have come to in the meantime is not
/// known, nor whether they heard what they were told.
void order_actor::settle(entity_effect& effect) {
  if (!std::exchange(woken_, false) || !state_ || !state_->waits_for_children())
    return;
  if (effect.children == nullptr)
    effect.children = std::make_shared<offspring>();
  effect.children->watches = state_->watches();
  effect.children->alarm = state_->alarm_at();
}

/// Between two commands an order is its row; its expiry is a timer of the shard.
bool order_actor::at_rest() const {
  return !asked_ && (may_leave_ || !state_ || !state_->waits_for_children());
}

}  // namespace orrery::actors
