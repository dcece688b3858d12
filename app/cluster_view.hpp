#pragma once
/// `GET /api/cluster`, from the store and the log.

#include "app/read_pool.hpp"
#include "base/clock.hpp"
#include "domain/ports/cluster_view.hpp"

namespace orrery::app {

/// Everything it needs outlives it. Reads on the reader threads; the ends of the topics are asked for,
/// shard by shard, for at most a second in all.
class store_view final : public cluster_view {
public:
  struct parts {
    node_row self;
    const clock& time;
    store& where;
    read_pool& reads;
    intake_log& log;
    front_door& door;
    /// Asks another node whether it takes work; answered within a second or two. Empty: there is none.
    std::function<void(std::string, std::function<void(result<bool>)>)> ask_ready = {};
  };
  explicit store_view(parts p) : parts_(std::move(p)) {}

  void look(answer<cluster_picture> done) override;

private:
  result<cluster_picture> read(entity_store& from);
  void ask_others(cluster_picture picture, std::shared_ptr<answer<cluster_picture>> told);

  parts parts_;
};

}  // namespace orrery::app
