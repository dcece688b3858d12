#pragma once
/// Finds every process that belongs to an attempt, by one look at /proc.
///
/// A process belongs to an attempt when it is in its session or process group, descends from a
/// process that belongs to it, or carries the attempt's mark in the environment it was started
/// with. A descendant that left the session, lost its parent (so that no chain leads to it) and was
/// executed with an emptied environment before it was first seen is found as a child of the node
/// (orphans.hpp).

#include <sys/types.h>
#include <cstdint>
#include <string>
#include <vector>

namespace orrery {

/// Name of the environment variable that holds the mark.
inline constexpr const char* process_mark_variable = "ORRERY_MARK";

/// A process as seen at one moment; `started` tells it from a later one with the same number.
struct seen_process {
  pid_t pid = -1;
  pid_t parent = -1;
  pid_t group = -1;
  pid_t session = -1;
  uint64_t started = 0;  ///< Clock ticks since boot.
  bool ended = false;    ///< A zombie.
  bool claimed = false;  ///< Belongs to one of the families that were sought.
};

/// Beside the families.
struct scan_result {
  /// Children of this process in sessions other than its own: those it started as leaders, and orphans
  /// that it adopted.
  std::vector<seen_process> children;
};

/// The attempt whose members are sought. `leader` must not have been reaped, so that its number,
/// which is its group's and session's too, cannot be another's.
struct process_family {
  pid_t leader = -1;
  std::string mark;
  std::vector<seen_process> known;  ///< Members seen before; kept by `find_members`.
};

/// The state of one process; pid -1 when there is none.
seen_process look_at_process(pid_t pid);

/// Sets `known` of each family to its living members. One pass over /proc for all of them.
scan_result find_members(const std::vector<process_family*>& families);

/// Sends the signal to exactly this process, never to a later one with the same number.
void signal_process(const seen_process& process, int number);

}  // namespace orrery
