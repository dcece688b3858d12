#pragma once
/// What holds a waiting task, as far as slots, rules and workers decide it.

#include "base/time.hpp"

#include <cstddef>
#include <string>
#include <vector>

namespace orrery {

/// Of which lane it is asked.
struct lane_question {
  std::string queue;
  std::string kind;
  std::string limit_key;            ///< Empty = none.
  std::vector<std::string> labels;  ///< That its worker must have.
  friend bool operator==(const lane_question&, const lane_question&) = default;
};

/// The slots of a queue and kind on the node that owns a task's shard.
struct lane_view {
  std::string node;  ///< Empty: the shard is on another node, or on none just now.
  bool known_kind = true;
  size_t waiting = 0;  ///< Tasks of this queue and kind that wait there.
  size_t used_by_kind = 0;
  size_t limit_of_kind = 0;
  size_t used_by_queue = 0;
  size_t limit_of_queue = 0;
  std::string pause = {};  ///< The rule that holds it, in a sentence; empty = none.
  // By the rule of the queue; 0 = it has none.
  size_t rule_limit = 0;      ///< Attempts of the queue on all nodes together.
  bool rule_reached = false;  ///< As many run as this node may hold of them.
  size_t key_running = 0;     ///< Attempts of the task's limit key.
  size_t key_limit = 0;
  double rate = 0;                ///< Of the queue or of the key, whichever lets none begin now.
  bool rate_of_key = false;       ///< `rate` is the key's.
  time_point rate_until = never;  ///< When one may begin again, as far as this node knows.
  // Of external kinds.
  bool external = false;
  bool worker_asks = false;  ///< One that suits and has all labels asks for work just now.
  std::vector<std::string> missing_labels = {};  ///< That no asking worker has which suits else.

  friend bool operator==(const lane_view&, const lane_view&) = default;
};

}  // namespace orrery
