#include "domain/stock.hpp"

#include <unordered_map>

namespace orrery {

hold_plan plan_holds(std::span<const stock_hold> wishes,
                     const std::map<std::string, int64_t>& available,
                     const std::map<entity_id, known_reservation>& known) {
  hold_plan plan;
  std::unordered_map<entity_id, size_t> seen;  // two attempts of one task, at once
  for (size_t i = 0; i < wishes.size(); ++i) {
    const auto& wish = wishes[i];
    if (const auto [place, is_new] = seen.try_emplace(wish.task, i); !is_new) {
      plan.outcomes.push_back(plan.outcomes[place->second]);
      continue;
    }
    const auto before = known.find(wish.task);
    if (before != known.end() && before->second.state != reservation_state::closed) {
      if (before->second.state == reservation_state::released)
        plan.kept.push_back(i);
      plan.outcomes.push_back(hold_outcome::granted);
      continue;
    }
    const auto product = available.find(wish.product);
    if (product == available.end()) {
      plan.outcomes.push_back(hold_outcome::unknown_product);
      continue;
    }
    const auto quantity = before != known.end() ? before->second.quantity : wish.quantity;
    auto& taken = plan.takes[wish.product];
    if (product->second - taken < quantity) {
      plan.outcomes.push_back(hold_outcome::too_little);
      continue;
    }
    taken += quantity;
    (before != known.end() ? plan.again : plan.fresh).push_back(i);
    plan.outcomes.push_back(hold_outcome::granted);
  }
  std::erase_if(plan.takes, [](const auto& one) { return one.second == 0; });
  return plan;
}

}  // namespace orrery
