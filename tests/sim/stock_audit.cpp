/// S12: stock and orders agree. S13: what an order had begun is undone, the last first.

#include "persistence/memory/memory_stock.hpp"
#include "codec/stock.hpp"
#include "tests/sim/auditor.hpp"

#include <algorithm>

namespace orrery::sim {

namespace {

/// What the journal says of each reservation: its task succeeded, and a release of it did.
struct said {
  bool taken = false;
  bool released = false;
};

void say(const task& t, std::map<entity_id, said>& ledger) {
  if (t.status != task_status::succeeded)
    return;
  if (t.spec->kind == kind_stock_reserve)
    ledger[t.id].taken = true;
  else if (t.spec->kind == kind_stock_release)
    if (const auto wish = codec::read_stock_payload(t.spec->payload, false))
      ledger[wish->reservation].released = true;
}

bool keeps_stock(order_status s) {
  return s == order_status::confirmed || s == order_status::fulfilling ||
         s == order_status::completed;
}

/// An order that has come to rest holds all of what it reserved, or nothing.
void check_order_at_rest(world& seen, const order& o, size_t taken) {
  if (o.plan->steps.empty() || o.status == order_status::compensation_failed)
    return;
  const auto wanted =
      !keeps_stock(o.status)
          ? 0
          : std::count_if(o.plan->steps.begin(), o.plan->steps.end(), [](const flow_step& step) {
              return step.task->kind == kind_stock_reserve;
            });
  if (taken != static_cast<size_t>(wanted))
    seen.violated("S12: order " + to_string(o.id) + " is " + std::string(to_string(o.status)) +
                  " and has " + std::to_string(taken) + " reservations");
  for (size_t i = 0; i < o.steps.size(); ++i) {
    const auto& step = o.steps[i];
    if (!o.plan->steps[i].has_compensation())
      continue;
    const bool found_none = step.error_code == code_no_stock && step.status == step_status::failed;
    if (step.begun > 0 && !keeps_stock(o.status) && step.status != step_status::undone &&
        !found_none)
      seen.violated("S13: order " + to_string(o.id) + " is " + std::string(to_string(o.status)) +
                    ", its step " + o.plan->steps[i].name + " has begun and is " +
                    std::string(to_string(step.status)));
    if (step.begun == 0 && step.status == step_status::undone)
      seen.violated("S13: order " + to_string(o.id) + " undid its step " + o.plan->steps[i].name +
                    ", which never began");
  }
}

}  // namespace

void check_compensation(world& seen, const order& before, const order_step_started& event) {
  if (!event.undo)
    return;
  const auto wrong = [&](const std::string& what) {
    seen.violated("S13: order " + to_string(before.id) + " undoes its step " +
                  before.plan->steps[event.step].name + ' ' + what);
  };
  if (before.status != order_status::compensating)
    return wrong("while it is " + std::string(to_string(before.status)));
  const auto place = before.steps[event.step].begun;
  if (place == 0)
    wrong("that never began");
  for (size_t i = 0; i < before.steps.size(); ++i) {
    const auto& other = before.steps[i];
    const bool open = other.status == step_status::running ||
                      other.status == step_status::stopping || other.status == step_status::undoing;
    if (open)
      wrong("while " + before.plan->steps[i].name + " is under way");
    const bool found_none =
        other.status == step_status::failed && other.error_code == code_no_stock;
    const bool due = other.status == step_status::succeeded || other.status == step_status::failed;
    if (other.begun > place && due && !found_none && before.plan->steps[i].has_compensation())
      wrong("before " + before.plan->steps[i].name + ", which began later");
  }
}

void audit_stock(world& seen, const std::vector<folded_shard>& shards) {
  std::map<entity_id, said> ledger;
  for (const auto& shard : shards)
    for (const auto& [id, state] : shard.entities)
      if (const auto* t = state ? std::get_if<task>(&*state) : nullptr)
        say(*t, ledger);
  std::map<entity_id, size_t> taken_by;
  std::map<std::string, int64_t> taken;
  for (const auto& [task_id, row] : memory_stock(seen.truth).reservations()) {
    const auto& [what, state] = row;
    const auto& journal = ledger[task_id];
    const bool is_taken = state == reservation_state::taken;
    if (is_taken != (journal.taken && !journal.released))
      seen.violated("S12: the reservation of " + to_string(task_id) + " is in state " +
                    std::to_string(static_cast<int>(state)) + "; in the journal it is " +
                    (journal.taken ? "" : "not ") + "taken and " +
                    (journal.released ? "" : "not ") + "released");
    if (state == reservation_state::held || state == reservation_state::released)
      seen.violated("S12: what " + to_string(task_id) + " set aside is never given back");
    if (is_taken) {
      taken[what.product] += what.quantity;
      ++taken_by[what.order];
    }
  }
  const auto known = memory_stock(seen.truth).reservations();
  for (const auto& [task_id, journal] : ledger)
    if (journal.taken && !known.contains(task_id))
      seen.violated("S12: " + to_string(task_id) + " succeeded and has taken nothing");
  const auto shelf = memory_stock(seen.truth).open_stock();
  for (const auto& [product, received] : products_of_shop)
    if (const auto row = shelf->get(product);
        row->available < 0 || row->available + taken[product] != received)
      seen.violated("S12: of " + std::to_string(received) + ' ' + product + ' ' +
                    std::to_string(row->available) + " are available and " +
                    std::to_string(taken[product]) + " taken");
  for (const auto& shard : shards)
    for (const auto& [id, state] : shard.entities)
      if (const auto* o = state ? std::get_if<order>(&*state) : nullptr)
        check_order_at_rest(seen, *o, taken_by[id]);
}

}  // namespace orrery::sim
