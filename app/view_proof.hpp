#pragma once
/// Whether what is folded once more from the journal is what the views hold.

#include "base/clock.hpp"
#include "domain/ports/statistics.hpp"
#include "domain/ports/store.hpp"

#include <functional>
#include <unordered_map>
#include <unordered_set>

namespace orrery::app {

struct proof_totals {
  size_t entities = 0;
  size_t events = 0;
  size_t differences = 0;
  size_t repaired = 0;
};

/// Folds shard after shard in memory and compares rows, counts and statistics with it. May run beside
/// nodes at work: what moves meanwhile is looked at again. One thread.
class view_proof {
public:
  using say = std::function<void(const std::string&)>;
  /// All outlive it. `tell` hears of each difference.
  view_proof(store& truth, statistics_source& statistics, const clock& time, say tell);

  /// `repair`: takes the shard where its views differ (its owner begins anew) and writes what the
  /// journal says.
  result<void> check_shard(const shard_row& row, bool repair);
  /// Goes through all lists, before any shard: rows that are filed under another status than theirs.
  result<void> check_lists();
  /// Rows that no journal knows; after all shards. They are told, never removed.
  void check_strangers();
  const proof_totals& totals() const noexcept { return totals_; }

private:
  struct folded {
    shard_id shard;
    position_t upto;
    std::unordered_map<entity_id, std::optional<entity>> states;
    order_statistics_fold statistics;  ///< Of all events.
    order_statistics_fold counted;     ///< Of those that the statistics say they have counted.
    position_t mark;
  };
  result<void> fold_on(folded& to);
  result<std::vector<entity_id>> differing(const folded& whole, std::vector<entity_id> ids);
  result<void> tell_rows(const folded& whole, const std::vector<entity_id>& ids);
  result<bool> counts_differ(const folded& whole);
  result<bool> statistics_differ(const folded& whole);
  result<void> repair_rows(folded& whole);
  static status_counts counts_of(const folded& whole, const status_counts& before);

  store& truth_;
  const std::unique_ptr<entity_store> reader_;
  const std::unique_ptr<statistics_store> statistics_;
  const clock& time_;
  const time_point began_;
  const say tell_;
  proof_totals totals_;
  std::unordered_set<entity_id> misfiled_;
  std::unordered_map<entity_id, time_point> listed_;  ///< When they were made.
  std::unordered_set<entity_id> known_;
};

}  // namespace orrery::app
