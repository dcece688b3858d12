#pragma once
/// What the faces of a node (HTTP, command line) may ask of it. They see this port and never an actor.
///
/// Implemented in app/ over the intake log, the actors and the store. Thread-safe; every call returns at
/// once and runs its callback exactly once, on any thread, within its own time limit.

#include "domain/cron/preview.hpp"
#include "domain/fire_history.hpp"
#include "domain/lane_view.hpp"
#include "domain/ports/dead_letters.hpp"
#include "domain/ports/operations.hpp"
#include "domain/ports/intake_log.hpp"
#include "domain/ports/live_feed.hpp"
#include "domain/ports/peers.hpp"
#include "domain/ports/workers.hpp"
#include "domain/rules.hpp"
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

/// The sentence of a command that names another version than the entity has.
inline constexpr std::string_view other_version = "it has another version";

class node_log_desk;  // domain/ports/node_logs.hpp

class front_door {
public:
  virtual ~front_door() = default;

  /// Durably appends all of them to the intake log, in order; answers in the same order. Each is
  /// validated first; the failure's field is `items[3].ttl` and nothing is appended.
  virtual void submit(std::vector<submission> items, answer<std::vector<accepted>> done) = 0;

  /// The same, but each stands for itself: what cannot be taken is answered in its place, and the
  /// others are appended.
  virtual void submit_each(std::vector<result<submission>> items,
                           answer<std::vector<result<accepted>>> done) = 0;

  /// A command on what exists, sent to the owner of its shard wherever that is; answered after the
  /// commit with the new state. Failures: `not_found`, `rejected`, `unavailable` (no owner just now);
  /// with `expected` not 0 also `conflict` on the field `If-Match`, where the entity has another version.
  virtual void command(entity_kind kind, entity_id id, entity_command wish, duration limit,
                       answer<entity> done, uint64_t expected = 0) = 0;

  /// Reads one. Never `not_found` for what was accepted: waits, bounded, for the shard to catch up.
  virtual void get(entity_kind kind, entity_id id, answer<entity_view> done) = 0;
  /// Answers when the entity has ended (a final status; for an order without a flow also CREATED and
  /// processed), or with what is known when `limit` has passed.
  virtual void wait(entity_kind kind, entity_id id, duration limit, answer<entity_view> done) = 0;
  virtual void list(entity_query query, answer<entity_page> done) = 0;
  virtual void history(entity_kind kind, entity_id id, answer<std::vector<event_record>> done) = 0;
  /// Fires of a schedule, newest first, that its row does not list itself, before position `before` of its
  /// shard (0 = from the end).
  virtual void fires(entity_id schedule, position_t before, size_t limit,
                     answer<fire_page> done) = 0;
  /// Valid as long as the door.
  virtual letter_desk& letters() = 0;
  virtual operation_desk& operations() = 0;
  /// Tasks by queue, kind and status.
  virtual void counts(answer<std::vector<queue_counts>> done) = 0;
  /// What a waiting task waits for, as far as the slots of its queue and kind decide it.
  virtual void lane(entity_id id, lane_question of, answer<lane_view> done) = 0;

  /// Events as they are committed, of all nodes.
  virtual live_feed& feed() = 0;
  /// The lines that nodes wrote; null where none is kept. Valid as long as the door.
  virtual node_log_desk* node_logs() { return nullptr; }
  /// The fire times of a range; from now and for a year where `never`.
  virtual void preview(fire_times_spec times, time_point from, time_point to, size_t limit,
                       answer<fire_preview> done) = 0;

  virtual void check_readiness(answer<readiness> done) = 0;
  /// Prometheus text format 0.0.4.
  virtual void metrics(answer<std::string> done) = 0;
  /// How this node and those it is connected with are loaded, by name; what the others told is up to a
  /// second old.
  virtual void loads(answer<std::map<std::string, node_load>> done) = 0;
  // External workers.

  /// Attempts for a worker; waits up to `wish.wait` where there are none. What it reports goes through
  /// `command`, with the lease's token and secret.
  virtual void lease(lease_wish wish, answer<lease_answer> done) = 0;
  /// A worker has reported: it lives. What the operator wants of it.
  virtual void worker_spoke(std::string worker, std::function<void(worker_orders)> done) = 0;
  virtual void workers(answer<std::vector<worker_row>> done) = 0;
  /// Told to all nodes that can be reached; not durable.
  virtual void order_worker(std::string worker, worker_orders orders) = 0;
  /// A report on a lease was refused: what happened instead. The state, where that is the answer (a
  /// heartbeat of an attempt that was cancelled), else the refusal with what is known.
  virtual void explain_refusal(lease_id lease, std::string verb, failure why,
                               answer<task> done) = 0;

  // Rules of queues and kinds; durable, and obeyed by all nodes within a second.

  virtual void rules(answer<std::vector<work_rule>> done) = 0;
  virtual void set_rule(work_rule rule, answer<work_rule> done) = 0;
  virtual void change_rule(rule_scope scope, std::string name, std::function<void(work_rule&)> edit,
                           answer<work_rule> done) = 0;

  /// Turns a client's id text into ours: a UUID as it is, anything else by its reference in the store.
  virtual void find(entity_kind kind, std::string id_text, answer<entity_id> done) = 0;
};

}  // namespace orrery
