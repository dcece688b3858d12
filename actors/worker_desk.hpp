#pragma once
/// The worker desk: where external workers ask for work on this node, and get work of all nodes.
///
/// A worker that asks first gets what waits here, then what waits at other nodes; where nothing waits, the
/// dispatchers of all nodes learn that somebody does, and say when there is something. Each asker has
/// one binding claim at one node at a time, so nothing is begun for whom it cannot be handed.
///
/// What was begun for a worker that has gone meanwhile is given back, and costs no attempt.

#include "actors/context.hpp"
#include "actors/worker_messages.hpp"

#include <caf/event_based_actor.hpp>
#include <deque>
#include <map>

namespace orrery::actors {

/// Whether the worker's lists name the queue and the kind; an empty list names all.
bool suits(const lease_wish& wish, const std::string& queue, const std::string& kind);

class worker_desk final : public caf::event_based_actor {
public:
  worker_desk(caf::actor_config& config, node_context& context);
  caf::behavior make_behavior() override;
  void on_exit() override;

private:
  using instant = caf::actor_clock::time_point;
  /// A worker that waits for an answer.
  struct poll {
    lease_wish wish;
    std::array<uint8_t, 32> seed{};
    std::function<void(result<lease_answer>)> reply;
    instant until{};
    std::string claimed_at;  ///< Where its claim is; meaningful while `claiming`.
    bool claiming = false;
    std::optional<uint32_t> expects;  ///< Tasks that the claim brought.
    uint32_t declined = 0;
    instant claim_ends{};
    std::deque<std::string> candidates;  ///< Nodes to ask next.
    std::vector<work_leased> items;
  };
  struct worker {
    instant heard_at{};
    worker_orders orders;
    uint64_t leased = 0;
  };

  void came(poll_for_work& wish);
  void ask_next(uint64_t number, poll& one);
  void claimed(const work_claimed& news);
  void leased(work_leased& news);
  void settle(uint64_t number);
  void answer(uint64_t number);
  void available(const work_available& news);
  void order(const give_orders& wish);
  void tell_interest();
  void tick();
  void want_tick();
  worker& known(const std::string& name);
  void take_or_leave(const work_leased& what, bool taken);
  void to_node(const std::string& node, peer_message message);

  instant now() { return clock().now(); }

  node_context& context_;
  std::map<uint64_t, poll> polls_;
  std::map<std::string, worker> workers_;
  uint64_t last_ = 0;
  bool ticking_ = false;
  bool interest_told_ = false;  ///< Somebody was told that we wait for work.
  std::vector<lease_wish> told_;
  instant told_at_{};
};

}  // namespace orrery::actors
