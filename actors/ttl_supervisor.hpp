#pragma once
/// The TTL supervisor: the deadlines of all running attempts of a node. Tells the entity when its clock
/// has passed, and checks that it obeyed.
///
/// Deadlines are instants of the steady clock, so a step of the wall clock neither ends work early nor lets
/// it run on.

#include "actors/context.hpp"
#include "actors/messages.hpp"

#include <caf/event_based_actor.hpp>
#include <memory>
#include <queue>
#include <unordered_map>

namespace orrery::actors {

class ttl_supervisor final : public caf::event_based_actor {
public:
  ttl_supervisor(caf::actor_config& config, node_context& context);
  caf::behavior make_behavior() override;

private:
  using instant = caf::actor_clock::time_point;
  struct armed {
    attempt_token token;
    caf::actor entity;
    instant due = instant::max();           ///< Of its one entry in the heap that counts.
    std::unique_ptr<const trace_id> trace;  ///< For the log; null = the one that its id makes.
    end_reason clock = end_reason::ttl;
    bool wakes = false;
    bool fired = false;
  };
  struct deadline {
    instant at;
    entity_id id;
    friend bool operator<(const deadline& a, const deadline& b) { return a.at > b.at; }
  };

  void arm(arm_clock& wish);
  void look();
  void fire(const deadline& due, armed& clock);
  /// Armed anew it has a new entry: those of before mean nothing.
  static bool counts(const deadline& one, const armed& clock) { return clock.due == one.at; }
  void sleep_until_next();
  void forget_disarmed();

  node_context& context_;
  std::priority_queue<deadline> deadlines_;
  std::unordered_map<entity_id, armed> armed_;
  instant next_look_ = instant::max();
  uint64_t planned_ = 0;
};

}  // namespace orrery::actors
