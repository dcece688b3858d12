/// What holds for every order whatever is sent to it.

#include "tests/unit/domain/driver.hpp"

#include <rapidcheck/gtest.h>

namespace orrery {

namespace {

using namespace test;

/// A number of the range, each alike: rapidcheck's own ranges begin small and grow with the size.
template <class T>
T pick(T from, T below) {
  return *rc::gen::resize(rc::kNominalSize, rc::gen::inRange(from, below));
}

order_command any_command() {
  order_spec spec;
  spec.product = "Laptop";
  spec.expires_in = *rc::gen::element<duration>(0us, 1min, 1h);
  switch (pick(0, 11)) {
    case 0: return submit_order{spec};
    case 1:
    case 2: return confirm_order{};
    case 3: return reject_order{"r"};
    case 4:
    case 5: return begin_fulfilment{};
    case 6: return complete_order{};
    case 7: return pick(0, 3) == 0 ? order_command{cancel_order{"c"}} : wake_order{};
    case 8: return begin_compensation{"b"};
    case 9: return fail_order{"f"};
    default: return fail_compensation{"g"};
  }
}

using look = std::function<void(const order_driver&, const std::optional<order>&, size_t)>;

order_driver walk(const look& each) {
  order_driver d;
  const int steps = pick(1, 30);
  for (int i = 0; i < steps; ++i) {
    d.wait(*rc::gen::element<duration>(0us, 1s, 1min));
    const auto before = d.state;
    const auto events = d.send(i == 0 ? [] {
      auto first = any_command();
      while (!std::holds_alternative<submit_order>(first))
        first = any_command();
      return first;
    }() : any_command());
    each(d, before, events ? events->size() : 0);
  }
  return d;
}

}  // namespace

RC_GTEST_PROP(any_order, folds_to_what_a_replay_of_all_its_events_gives, ()) {
  const auto d = walk([](const auto&, const auto&, size_t) {});
  std::optional<order> replayed;
  for (const auto& [at, event] : d.history)
    evolve(replayed, test_id, event, at);
  RC_ASSERT(replayed == d.state);
}

RC_GTEST_PROP(any_order, never_leaves_a_final_state, ()) {
  walk([](const order_driver& d, const std::optional<order>& before, size_t events) {
    if (before && is_final(before->status)) {
      RC_ASSERT(events == 0u);
      RC_ASSERT(d.state == before);
    }
  });
}

RC_GTEST_PROP(any_order, asks_to_be_woken_only_while_it_can_expire, ()) {
  walk([](const order_driver& d, const auto&, size_t) {
    const bool can_expire = d->spec->expires_in > 0us && !is_final(d->status) &&
                            d->status != order_status::compensating;
    RC_ASSERT((d->wake_at() != never) == can_expire);
    RC_ASSERT((d->finished_at != never) == is_final(d->status));
  });
}

RC_GTEST_PROP(any_order, is_at_rest_once_woken, ()) {
  auto d = walk([](const auto&, const auto&, size_t) {});
  d.wait(2h);
  RC_ASSERT(d.send(wake_order{}));
  const auto again = d.send(wake_order{});
  RC_ASSERT(again);
  RC_ASSERT(again->empty());
  RC_ASSERT(d->wake_at() == never);
}

}  // namespace orrery
