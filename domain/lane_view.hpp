#pragma once
/// What holds a waiting task, as far as slots decide it.

#include <cstddef>
#include <string>

namespace orrery {

/// The slots of a queue and kind on the node that owns a task's shard.
struct lane_view {
  std::string node;  ///< Empty: the shard is on another node, or on none just now.
  bool known_kind = true;
  size_t waiting = 0;  ///< Tasks of this queue and kind that wait there.
  size_t used_by_kind = 0;
  size_t limit_of_kind = 0;
  size_t used_by_queue = 0;
  size_t limit_of_queue = 0;
};

}  // namespace orrery
