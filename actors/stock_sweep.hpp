#pragma once
/// What reservations leave behind: given back to the stock.

#include "domain/ports/stock.hpp"
#include "domain/ports/store.hpp"

#include <map>
#include <set>

namespace orrery::actors {

inline constexpr size_t stale_holds_at_once = 500;

/// A hold outlives the attempt that made it: until its task succeeds (then it is taken), or has ended in
/// any other way. A success is one commit with the taking, so a hold of a task that has ended is left
/// over. Answers how many tasks were found to have left one. All calls block.
inline result<size_t> sweep_stock(stock_shelf& shelf, entity_store& tasks, time_point held_before,
                                  size_t batch_max) {
  if (const auto given = shelf.settle(batch_max); !given)
    return given.error();
  const auto old = shelf.stale(held_before, stale_holds_at_once);
  if (!old || old->empty())
    return old ? result<size_t>(size_t{0}) : result<size_t>(old.error());
  std::vector<entity_id> ids;
  for (const auto& one : *old)
    ids.push_back(one.task);
  const auto rows = tasks.load(ids);
  if (!rows)
    return rows.error();
  // A task without a row was deleted long after its end, or never stored: then its commit, if it comes at
  // all, finds nothing held, and its attempt is made again.
  std::vector<entity_id> ended = std::move(ids);
  for (const auto& row : *rows)
    if (!is_final(row))
      std::erase(ended, id_of(row));
  if (ended.empty())
    return size_t{0};
  if (auto ok = shelf.let_go(ended); !ok)
    return std::move(ok).error();
  return ended.size();
}

/// A resumed order goes on from what it still has; all others that have ended need their reservations no
/// more.
inline bool needs_reservation(const order& o, bool taken) {
  return !is_final(o.status) || o.status == order_status::compensation_failed ||
         (taken && o.status == order_status::failed);
}

/// One page of what has come to an end: reservations of orders that have ended too are dropped. What was
/// taken stays taken. Moves `place` on; back to the start where the page was the last. All calls block.
inline result<size_t> drop_settled(stock_shelf& shelf, entity_store& orders, settled_hold& place,
                                   time_point made_before, size_t page) {
  const auto rows = shelf.settled(place, made_before, page);
  if (!rows)
    return rows.error();
  std::set<entity_id> ids;
  for (const auto& one : *rows)
    ids.insert(one.order);
  std::map<entity_id, entity> known;
  if (!ids.empty()) {
    auto found = orders.load(std::vector(ids.begin(), ids.end()));
    if (!found)
      return std::move(found).error();
    for (auto& one : *found)
      known.emplace(id_of(one), std::move(one));
  }
  std::vector<entity_id> over;
  for (const auto& one : *rows) {
    // An order without a row was deleted by retention, long after its end.
    const auto row = known.find(one.order);
    const auto* o = row != known.end() ? std::get_if<order>(&row->second) : nullptr;
    if (o == nullptr || !needs_reservation(*o, one.taken))
      over.push_back(one.task);
  }
  place = rows->size() < page ? settled_hold{} : rows->back();
  return over.empty() ? result<size_t>(size_t{0}) : shelf.forget(over);
}

}  // namespace orrery::actors
