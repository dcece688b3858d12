#pragma once
/// Looks for rows whose time is over (domain/retention.hpp) and has their shards delete them. One per
/// node, for the shards that are here.
///
/// A pass goes through the rules, one query for each, in pages from the oldest on. It does not go on
/// before the shards have deleted a page, and the pause after a pass is at least ten times as long as the
/// pass. Nothing is deleted before its last status event is known to be published.

#include "actors/context.hpp"
#include "actors/retention_messages.hpp"

#include <caf/event_based_actor.hpp>

namespace orrery::actors {

class retention_sweeper final : public caf::event_based_actor {
public:
  retention_sweeper(caf::actor_config& config, node_context& context, caf::actor bridge);
  caf::behavior make_behavior() override;

private:
  void begin();
  void shards_are(list_owned::answer owned);
  void note_marks(const std::vector<shard_row>& rows);
  void next_rule();
  void read_page();
  void take(const sweep_page& page);
  void go_on();
  void rest();

  /// What ended before `at` is published.
  struct mark {
    position_t position;
    time_point at{};
    time_point published_to = time_point::min();
  };
  struct rule_of_kind {
    entity_kind kind;
    retention_rule rule;
  };

  node_context& context_;
  caf::actor bridge_;
  std::vector<rule_of_kind> rules_;
  std::map<shard_id, caf::actor> owned_;
  std::map<shard_id, mark> marks_;
  caf::actor_clock::time_point begun_{};
  size_t rule_ = 0;
  std::string cursor_;
  uint64_t page_ = 0;
  size_t open_ = 0;  ///< Shards that have not answered for the page.
};

}  // namespace orrery::actors
