#pragma once
/// The system as one node sees it: who is there, and who owns what. Asked by the faces of a node.

#include "domain/ports/front_door.hpp"

#include <map>
#include <string>
#include <vector>

namespace orrery {

struct cluster_picture {
  struct shard {
    shard_row row;
    /// Records of each intake topic that are durable and have not taken effect; -1 = the log did not tell in
    /// time.
    std::array<int64_t, intakes> waiting{-1, -1};
  };
  std::string asked;  ///< Name of the node that answers.
  std::vector<node_row> nodes;
  std::vector<shard> shards;
  readiness health;  ///< Of the node that answers.
  /// Of each node that answered in time, itself included: whether it takes work.
  std::map<std::string, bool> ready;
};

/// Thread-safe; runs `done` exactly once on any thread.
class cluster_view {
public:
  virtual ~cluster_view() = default;
  virtual void look(answer<cluster_picture> done) = 0;
};

}  // namespace orrery
