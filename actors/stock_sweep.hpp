#pragma once
/// What reservations leave behind: given back to the stock.

#include "domain/ports/stock.hpp"
#include "domain/ports/store.hpp"

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

}  // namespace orrery::actors
