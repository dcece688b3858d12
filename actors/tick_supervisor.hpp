#pragma once
/// The tick supervisor: wakes entities at wall-clock times (run-at, retry delays, order expiry, the end
/// of waiting). Holds only what is due within the horizon; the rest are rows.
///
/// Looks at the wall clock at least once a second while it holds anything, so that a step of the clock
/// is noticed.

#include "actors/context.hpp"
#include "actors/messages.hpp"

#include <caf/event_based_actor.hpp>
#include <map>
#include <queue>

namespace orrery::actors {

class tick_supervisor final : public caf::event_based_actor {
public:
  tick_supervisor(caf::actor_config& config, node_context& context);
  caf::behavior make_behavior() override;

private:
  struct timer {
    time_point at{};
    entity_id id;
    shard_id shard;
    friend bool operator<(const timer& a, const timer& b) { return a.at > b.at; }
  };

  void set(set_timers& wish);
  void look();
  void sleep_until_next();

  node_context& context_;
  std::map<shard_id, caf::actor_addr> shards_;
  std::priority_queue<timer> timers_;
  time_point next_look_ = time_point::max();
  uint64_t planned_ = 0;
};

}  // namespace orrery::actors
