#pragma once
/// The work exchange: hands attempts of our shards to other nodes, executes theirs, and carries what the
/// dispatchers of both say about slots.
///
/// An attempt away from home lives within the session with its node (peer_link.hpp). When the session
/// breaks, the executing side stops the work at once; the owner waits another `lease`, by which the work
/// is gone, and then tells the task that it is lost.

#include "actors/context.hpp"
#include "actors/peer_link.hpp"
#include "actors/worker_messages.hpp"
#include "codec/peer_notes.hpp"

#include <caf/event_based_actor.hpp>
#include <map>

namespace orrery::actors {

class work_exchange final : public caf::event_based_actor {
public:
  work_exchange(caf::actor_config& config, node_context& context);
  caf::behavior make_behavior() override;
  void on_exit() override;

private:
  using instant = peer_link::instant;
  /// With the epoch: an owner whose first start was not committed begins the same attempt again.
  struct attempt {
    entity_id task;
    attempt_token token;
    epoch_t epoch;
    friend auto operator<=>(const attempt&, const attempt&) = default;
  };
  /// An attempt of ours that another node executes.
  struct away {
    caf::actor entity;
    std::string peer;
    std::optional<instant> lost_at;  ///< Set once the session broke.
    bool expired = false;            ///< It is stopped there, as its time to live is over.
  };
  /// An attempt of another node that runs here.
  struct guest {
    std::string owner;
    executor* runs = nullptr;  ///< Null for `sleep`.
    bool wanted = true;        ///< False: nobody waits for its outcome.
    instant ends{};            ///< By our own clock: no message need come for it to be stopped.
    bool expired = false;      ///< That has passed, and it was told to stop.
  };

  peer_link& link(const std::string& peer);
  void say(const std::string& peer, const peer_message& message);
  void send_packet(const std::string& peer, peer_link& over);
  void packet_came(peer_packet_came& news);
  void packet_answered(peer_packet_answered& news);
  void broke(const std::string& peer);
  void heard(const std::string& peer, peer_message& message);
  void heard_note(const std::string& peer, const peer::note& note);
  void heard_of_attempt(const std::string& peer, const codec::attempt_note& note);
  void pass_on(work_leased& news);
  void tick();

  void start(start_away& wish);
  void ended(const std::string& peer, peer::ended& news);
  void take_guest(const std::string& owner, work_item item);
  void stop_guest(const attempt& which, stop_mode mode);
  void stop_overdue_guests();
  void guest_is_done(guest_ended& news);
  void close_if_done();

  instant now() { return clock().now(); }

  node_context& context_;
  std::map<std::string, peer_link> links_;
  std::map<attempt, away> away_;
  std::map<attempt, guest> guests_;
  /// Leases that desks of other nodes got, until they say whether a worker took them.
  struct passed_on {
    caf::actor entity;
    std::string peer;
    instant until{};
  };
  std::map<attempt, passed_on> passed_on_;
  std::function<void()> closing_;
  instant close_by_{};
  instant load_told_{};
  uint64_t last_session_ = 0;
};

}  // namespace orrery::actors
