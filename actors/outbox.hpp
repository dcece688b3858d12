#pragma once
/// The outbox: committed events to the status topics, in order of position, never before their commit.
///
/// Where a shard's publishing stands is found by the tail of its status topics; what lies behind it in
/// the journal is published first. The same way back is taken when publishing failed, and when more has
/// gathered than is kept in memory: the journal holds it.
///
/// Dead letters go to their own topics from the store, which knows which of them are there: each copy is
/// repeated until it succeeds, by the next owner where need be.

#include "actors/context.hpp"
#include "actors/messages.hpp"
#include "actors/outbox_messages.hpp"

#include <caf/event_based_actor.hpp>
#include <deque>
#include <map>

namespace orrery::actors {

class outbox final : public caf::event_based_actor {
public:
  outbox(caf::actor_config& config, node_context& context);
  caf::behavior make_behavior() override;

private:
  struct channel {
    epoch_t epoch;
    position_t published;            ///< All up to here are published.
    position_t committed;            ///< All up to here are committed.
    position_t handed;               ///< All up to here are published or under way.
    std::deque<status_event> queue;  ///< Committed, positions rising, not yet handed over.
    position_t queued_from;          ///< The queue holds everything after this position.
    event_sink::tails tails{};       ///< Where the topics ended when the replay began.
    int64_t handed_at = 0;           ///< When that was, in microseconds of the steady clock.
    bool publishing = false;
    bool replaying = false;
    bool behind = true;  ///< Must read the journal before the queue may be used.

    bool fenced = false;   ///< The last failure: another publishes this shard.
    bool refused = false;  ///< The sink will not go on from here.

    int64_t letter = 0;        ///< Number of the last dead letter that was copied, or given up.
    size_t letter_page = 100;  ///< How many are copied together.
    bool letters_due = true;   ///< There may be more.
    bool copying = false;      ///< Being read, sent, or waiting for another try.
  };

  void open(const open_outbox& wish);
  void gather(publish_events& news);
  void pump(shard_id shard, channel& one);
  void replay(shard_id shard, channel& one, event_sink::tails tails, bool tails_known);
  void replayed_page(replay_loaded& news);
  void published(const publish_done& news);
  void hand_over(shard_id shard, channel& one, std::vector<status_event> events, position_t upto);
  void answer_flushes();
  /// How far publishing is behind, for /metrics.
  void show(shard_id shard, const channel& one);
  void refuse(channel& one, bool refused);

  // Dead letters (outbox_letters.cpp).
  void copy(shard_id shard, channel& one);
  void copy(const letters_loaded& news);
  void copied(const letters_copied& news);
  void copy_again_later(shard_id shard, epoch_t epoch);
  channel* channel_of(shard_id shard, epoch_t epoch);

  node_context& context_;
  std::map<shard_id, channel> channels_;
  std::vector<flush_outbox> flushes_;
};

}  // namespace orrery::actors
