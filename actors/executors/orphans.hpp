#pragma once
/// Descendants that no mark leads to any more: what left session and group, emptied its environment and
/// lost its parent. The node is the subreaper of all it starts, so such a process becomes its child, and is
/// known as one of ours. Used by the `exec` thread alone.

#include "actors/executors/process_scan.hpp"

#include <set>
#include <vector>

namespace orrery {

/// Whose it is follows by elimination: of the attempts that ran when it was first seen, one that is over
/// cannot keep it. The last of them is charged with it, and ends only when it is gone; where none is left, it
/// is killed at once. So it outlives its attempt only as long as others that ran beside it. Who was there
/// before any of them is left alone, and only reaped.
class orphan_keeper {
public:
  /// Of several in one process only the first adopts; the others leave orphans to init.
  orphan_keeper();
  ~orphan_keeper();
  orphan_keeper(const orphan_keeper&) = delete;
  orphan_keeper& operator=(const orphan_keeper&) = delete;

  /// `leader` was started, or reaped: it is nobody's orphan.
  void began(pid_t leader);
  void reaped(pid_t leader);

  /// After a scan; `running`: all attempts that are not over.
  void settle(const scan_result& seen, const std::vector<process_family*>& running);

private:
  struct orphan {
    seen_process process;
    std::set<pid_t> candidates;  ///< Leaders of the attempts that it may belong to.
  };
  bool adopts_ = false;
  std::vector<orphan> orphans_;
};

}  // namespace orrery
