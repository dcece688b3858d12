#pragma once
/// `GET /api/cluster`, from the store and the log.

#include "app/read_pool.hpp"
#include "base/clock.hpp"
#include "domain/ports/cluster_view.hpp"

namespace orrery::app {

/// Everything it needs outlives it. Reads on the reader threads; the end of a topic is asked only for the
/// shards of this node, for at most a second in all.
class store_view final : public cluster_view {
public:
  struct parts {
    node_row self;
    const clock& time;
    store& where;
    read_pool& reads;
    intake_log& log;
    front_door& door;
  };
  explicit store_view(parts p) : parts_(std::move(p)) {}

  void look(answer<cluster_picture> done) override;

private:
  result<cluster_picture> read(entity_store& from);

  parts parts_;
};

}  // namespace orrery::app
