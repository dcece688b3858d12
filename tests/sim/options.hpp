#pragma once
/// Everything about a run that is derived from its seed.

#include "tests/sim/dice.hpp"

#include <string>

namespace orrery::sim {

/// Mistakes that can be planted, to see that the auditor finds them. They live in the twins: no build of
/// the product contains one.
enum class mistake {
  none,
  told_before_commit,         ///< A commit that failed is told as done.
  offset_before_effect,       ///< The stored offset runs ahead of what has taken effect.
  no_epoch_check,             ///< The store takes the commits of a former owner.
  marked_before_sent,         ///< Publishing is told as done and sometimes was not.
  lease_by_wall_clock,        ///< Clocks of attempts follow the machine's wall clock.
  insert_without_unique_key,  ///< Neither looked up nor refused: an id can be born twice.
  completion_apart,           ///< The row of what ended is stored after its event, not with it.
  unknown_is_done,            ///< An unknown outcome is taken for success.
  retry_without_key,          ///< What may be in the log is sent again as something new.
  recovery_skips_running,     ///< A new owner does not look at what ran.
  cancel_by_read_then_write,  ///< Somebody cancels by what was read before, not by what is.
  outbox_without_order,       ///< Events are published in another order.
  stock_apart,                ///< What a commit takes from the stock is sometimes not taken.
  /// Not one of them: an unknown outcome is tried again without reading back. The fence refuses what was
  /// applied already, and a refusal is read back.
  unknown_is_failed,
};
inline constexpr int mistakes = static_cast<int>(mistake::stock_apart);
std::string to_string(mistake planted);

/// Rates are per mille of the places where the fault may strike.
struct options {
  uint64_t seed = 0;
  uint32_t nodes = 2;
  uint32_t shards = 2;
  uint32_t operations = 100;
  duration length = 20s;  ///< Virtual time of operations and faults.
  size_t slots_of_work = 4;
  bool first_has_no_slots = false;  ///< The first node has all its work done by others.
  size_t in_flight = 300;
  size_t commit_entities = 2000;  ///< At most so many in one transaction.
  mistake planted = mistake::none;
  bool calm = false;    ///< No fault at all.
  duration skew_max{};  ///< Of the nodes' wall clocks.

  // What clients do beside plain tasks and orders.
  bool flows = false;      ///< Orders whose steps are tasks.
  bool keys = false;       ///< Tasks with unique keys.
  bool limits = false;     ///< A queue of which each limit key has only so many at a time.
  bool leases = false;     ///< Tasks for workers outside.
  bool schedules = false;  ///< One that fires each second.
  bool stock = false;      ///< Orders whose steps take from a stock.

  uint32_t commit_failed = 0;
  uint32_t commit_unknown = 0;
  uint32_t commit_refused = 0;
  uint32_t commit_slow = 0;
  uint32_t acquire_fails = 0;
  uint32_t read_fails = 0;
  uint32_t publish_fails = 0;
  uint32_t sink_holds = 0;
  uint32_t log_fails = 0;
  uint32_t log_away = 0;
  uint32_t log_holds = 0;
  uint32_t work_throws = 0;
  uint32_t work_hangs = 0;
  uint32_t mesh_loses = 0;
  uint32_t stock_fails = 0;  ///< Setting aside.
  uint32_t stock_away = 0;   ///< A commit that needs the stock does not reach it.
  uint32_t crash_at_await = 0;
  uint32_t crashes = 0;  ///< Of ten thousand steps of time, as the following.
  uint32_t pauses = 0;
  uint32_t moves = 0;
  uint32_t steals = 0;
  uint32_t mesh_cuts = 0;
  uint32_t store_cuts = 0;
  uint32_t log_cuts = 0;
  uint32_t clock_jumps = 0;
};

options options_of(uint64_t seed);
std::string describe(const options& how);

}  // namespace orrery::sim
