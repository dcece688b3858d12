#pragma once
/// One transaction over two databases: the journal decides, the stock follows.
///
/// A commit that moves stock prepares it there first (`PREPARE TRANSACTION`, one for all shards of the
/// commit), then commits the journal together with a row in `stock_decisions` that names what was
/// prepared, then says COMMIT PREPARED. No such row means: rolled back (presumed abort). Whoever wants
/// to roll back what is in doubt first writes a row that says so; the same key then makes the commit
/// fail that might still be on its way. So any node may settle what any other left behind, at any time,
/// and there is one answer.
///
/// One thread of its own, on one connection to each database: it finishes what was decided, forgets
/// decisions that are carried out, and looks for what others left. docs/decisions/0017.

#include "persistence/postgres/inventory_database.hpp"
#include "persistence/postgres/libpq_connection.hpp"
#include "persistence/postgres/stock_gid.hpp"

#include <atomic>
#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <set>
#include <thread>

namespace orrery {

struct two_phase_options {
  duration look_pause = 5s;   ///< Between looks for what was left behind.
  duration doubt_after = 8s;  ///< What is prepared for this long has lost its owner.
};

/// Plain counters, read by /metrics.
struct two_phase_figures {
  uint64_t prepared = 0;
  uint64_t committed = 0;
  uint64_t rolled_back = 0;
  uint64_t resolved = 0;  ///< Of those: left behind, and settled by a look.
  uint64_t open = 0;      ///< Prepared, decided, not yet finished.
};

/// Thread-safe. Outlives the sessions that use it.
class two_phase {
public:
  /// `journal` and `journal_setup` connect to the store; `identity` is the store's.
  two_phase(const inventory_database& stock, std::string journal, std::string journal_setup,
            std::string_view identity, two_phase_options options = {});
  ~two_phase();

  /// Finishes what is decided where the databases answer, then joins. Idempotent.
  void stop();

  /// A name that was never used, for these batches of one commit; under way from now on.
  std::string begin(std::span<const shard_batch* const> batches);
  size_t fits(std::span<const shard_batch* const> batches) const;
  /// The outcome is certain.
  void finish(std::string gid, bool commit, bool releases);
  /// It is not: the row decides.
  void doubt(std::string gid, bool releases);
  /// A shard has a new owner: what older epochs of it left is settled now.
  void look_after(shard_id shard, epoch_t epoch);

  /// The stock did not answer a moment ago: nobody waits for it until it does.
  bool away() const noexcept { return away_.load(std::memory_order_relaxed); }
  void set_away(std::string why);
  two_phase_figures figures() const;

private:
  enum class wish : uint8_t { commit, abort, decide };
  struct open_end {
    std::string gid;
    wish what = wish::decide;
    bool releases = false;
    bool found = false;  ///< By a look.
  };

  void run(const std::stop_token& stop);
  void round();
  bool carry_out(open_end& one);
  /// True: to be committed. Writes the refusal where there is no decision.
  result<bool> decide(const std::string& gid);
  void look();
  bool is_lost(const postgres::stock_gid& gid, double age_seconds) const;
  void clear_decisions(const std::vector<std::vector<std::string>>& prepared);
  void forget_decisions();
  void give_back();
  void ping();
  bool connected(postgres::libpq_connection& connection);
  void push(open_end one);

  const two_phase_options options_;
  const std::string prefix_;
  const std::string start_;  ///< Tells this process from all others.
  std::shared_ptr<postgres::watchdog> watchdog_;
  std::atomic<bool> away_{false};

  mutable std::mutex guard_;  ///< Of what follows, down to the thread's own.
  std::condition_variable_any wake_;
  uint64_t numbers_ = 0;
  std::set<std::string> under_way_;
  std::deque<open_end> ends_;
  std::map<shard_id, epoch_t> owners_;  ///< Newest owners that this node knows of.
  bool look_now_ = true;
  two_phase_figures figures_;

  // The thread's own.
  postgres::libpq_connection stock_;
  postgres::libpq_connection journal_;
  std::unique_ptr<stock_shelf> shelf_;
  std::vector<std::string> carried_out_;  ///< Committed; their decisions can be forgotten.
  bool released_ = true;                  ///< Something may wait to be given back.
  std::chrono::steady_clock::time_point look_due_{};
  std::chrono::steady_clock::time_point clear_due_{};
  std::jthread thread_;
};

}  // namespace orrery
