#pragma once
/// What the faces of a node (HTTP, command line) may ask of it. They see this port and never an actor.
///
/// Implemented in app/ over the intake log, the actors and the store. Thread-safe; every call returns at
/// once and runs its callback exactly once, on any thread, within its own time limit.

#include "domain/cron/preview.hpp"
#include "domain/ports/dead_letters.hpp"
#include "domain/ports/intake_log.hpp"
#include "domain/ports/live_feed.hpp"
#include "domain/ports/peers.hpp"
#include "domain/submission.hpp"

#include <functional>
#include <map>
#include <string>
#include <variant>
#include <vector>

namespace orrery {

template <class T>
using answer = std::function<void(result<T>)>;

/// A read that knows of what was accepted but not yet processed.
struct entity_view {
  bool accepted_only = false;  ///< In the intake, not yet in the view: status ACCEPTED.
  entity_id id;
  std::optional<entity> state;  ///< Set unless `accepted_only`.
};

struct readiness {
  struct part {
    std::string name;  ///< `store`, `log`, `shards`, …
    bool ready = false;
    std::string detail;
  };
  bool ready = false;
  std::vector<part> parts;
};

class front_door {
public:
  virtual ~front_door() = default;

  /// Durably appends all of them to the intake log, in order; answers in the same order. Each is
  /// validated first; the failure's field is `items[3].ttl` and nothing is appended.
  virtual void submit(std::vector<submission> items, answer<std::vector<accepted>> done) = 0;

  /// A command on what exists, sent to the owner of its shard wherever that is; answered after the
  /// commit with the new state. Failures: `not_found`, `rejected`, `unavailable` (no owner just now).
  virtual void command(entity_kind kind, entity_id id, entity_command wish, duration limit,
                       answer<entity> done) = 0;

  /// Reads one. Never `not_found` for what was accepted: waits, bounded, for the shard to catch up.
  virtual void get(entity_kind kind, entity_id id, answer<entity_view> done) = 0;
  /// Answers when the entity has ended (a final status; for an order without a flow also CREATED and
  /// processed), or with what is known when `limit` has passed.
  virtual void wait(entity_kind kind, entity_id id, duration limit, answer<entity_view> done) = 0;
  virtual void list(entity_query query, answer<entity_page> done) = 0;
  virtual void history(entity_kind kind, entity_id id, answer<std::vector<event_record>> done) = 0;
  /// Valid as long as the door.
  virtual letter_desk& letters() = 0;

  /// Events as they are committed, of all nodes.
  virtual live_feed& feed() = 0;
  /// The fire times of a range; from now and for a year where `never`.
  virtual void preview(fire_times_spec times, time_point from, time_point to, size_t limit,
                       answer<fire_preview> done) = 0;

  virtual void check_readiness(answer<readiness> done) = 0;
  /// Prometheus text format 0.0.4.
  virtual void metrics(answer<std::string> done) = 0;
  /// How this node and those it is connected with are loaded, by name; what the others told is up to a
  /// second old.
  virtual void loads(answer<std::map<std::string, node_load>> done) = 0;
  /// Turns a client's id text into ours: a UUID as it is, anything else by its reference in the store.
  virtual void find(entity_kind kind, std::string id_text, answer<entity_id> done) = 0;
};

}  // namespace orrery
