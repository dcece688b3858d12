#pragma once
/// The owner of one shard on this node: routes commands to its live entities, puts their effects in
/// order, gives positions, and commits by groups.
///
/// Order. Every intake record takes a place in the gate; effects are released from the front, so the
/// committed offset says exactly which records have taken effect. What an entity decides after a record
/// that is not yet released waits behind it. Positions are given at release.
///
/// Memory. An entity is live while it runs, is being asked, or has uncommitted events; then it is a row.
/// Commands for an entity that is on its way out, or in, wait in its stash.
///
/// Truth. When a commit is lost (another epoch), the actor ends with everything below it; the node
/// starts a new one from the store.

#include "actors/context.hpp"
#include "actors/messages.hpp"
#include "actors/retention_messages.hpp"
#include "actors/worker_messages.hpp"
#include "base/rare_vector.hpp"
#include "domain/unique_key.hpp"

#include <caf/event_based_actor.hpp>
#include <deque>
#include <map>
#include <unordered_map>
#include <unordered_set>

namespace orrery::actors {

class shard_actor final : public caf::event_based_actor {
public:
  /// `careful`: look every id up before inserting; set after the store refused the contents.
  shard_actor(caf::actor_config& config, node_context& context, const shard_tenure& tenure,
              bool careful);
  caf::behavior make_behavior() override;
  void on_exit() override;

private:
  /// Something for an entity: a command, a slot, a timer, the ends of children, or the question whether it
  /// wants a slot.
  struct item {
    enum class kind { command, grant, wake, news, ask };
    kind what = kind::command;
    uint64_t sequence = 0;
    reply_to reply;
    /// Null for grants and timers, and for the command that an actor was born with.
    std::shared_ptr<const entity_command> command = {};
    time_point limit{};  ///< After it nobody waits for the answer; `never` = always.
    std::shared_ptr<const std::vector<child_end>> ends = {};  ///< Of news.
    std::string worker = {};                                  ///< Of a grant: whose slot it is.
    std::shared_ptr<const lease_claim> claim = {};
    time_point due{};       ///< Of a timer.
    uint64_t expected = 0;  ///< Of a command: the version that the entity must have; 0 = any.

    static item wake(time_point at) {
      item one;
      one.what = kind::wake;
      one.due = at;
      return one;
    }
  };
  enum class phase : uint8_t { loading, live, leaving };
  struct live_entity {
    entity_kind kind = entity_kind::task;
    phase stage = phase::loading;
    bool waiting = false;        ///< Only waits: may be asked to leave.
    bool awaits_key = false;     ///< Its submission waits for its unique key; the rest behind it.
    bool dead_has_slot = false;  ///< An actor that crashed, before the next one has begun.
    bool slot_of_dead = false;   ///< Of an actor before this one: free once this one has said
                                 ///< what became of the attempt.
    uint16_t crashes = 0;
    caf::actor actor;
    uint64_t answered = 0;                   ///< Of the messages sent to the actor.
    std::vector<item> unanswered;            ///< Sent, in order, and not yet answered.
    rare_vector<item> stash;                 ///< Waits until the entity is (back) in memory.
    uint32_t held = 0;                       ///< Effects waiting in the gate.
    uint32_t uncommitted = 0;                ///< Effects released and not yet durable.
    uint64_t gate = 0;                       ///< Sequence of its newest answered record.
    std::shared_ptr<const slot_key> slot;    ///< Held by the entity; null = none. Shared by many.
    caf::actor_clock::time_point touched{};  ///< Steady: nobody sets it.
  };
  /// The place of one intake record in the gate.
  struct gate_place {
    log_place place;
    std::string key;
    std::string value;  ///< For the dead letter, where it comes to that.
    entity_id id;
    bool answered = false;
    std::vector<entity_effect> effects;
    std::string bad;  ///< Why it is a dead letter.
    std::vector<log_header> headers = {};
  };
  /// Released, not yet durable.
  struct in_flight {
    uint64_t ordinal = 0;
    entity_id id;
    bool counted = false;  ///< Counts in the entity's `uncommitted`.
    bool tell_committed = false;
    reply_to reply;
    std::optional<entity> state;  ///< For the reply and watchers.
    std::vector<status_event> events;
    bool letter = false;  ///< A dead letter goes with it.
    position_t position;
    bool moved = false;       ///< Has events.
    bool queued = false;      ///< Scans do not find it by the time it must be woken.
    time_point wake = never;  ///< When it must be looked at, once this is durable.
    std::shared_ptr<std::vector<span>> spans = {};
  };
  /// Waits for a look-up of children that may exist.
  struct set_aside {
    entity_effect effect;
    std::optional<entity_crashed> crash;
  };
  struct watcher {
    time_point limit{};
    reply_to reply;
  };

  // Intake and the gate (shard_gate.cpp).
  void take_in(intake_batch& batch);
  void read_record(log_record& record, uint64_t sequence);
  void refuse_record(uint64_t sequence, std::string reason);
  void effect_arrived(entity_effect& effect);
  void take_effect(entity_effect& effect);
  void note_effect(live_entity& entry, entity_effect& effect);
  void release_answered();
  void release(entity_effect effect, const gate_place* answers);
  dead_letter letter_of(const gate_place& from, std::string reason) const;
  void number_steps(std::vector<effect_step>& steps, commit_release& outcome, in_flight& waiting);
  static void plan_wake(const entity& state, in_flight& waiting);
  void commit_told(const commit_note& note);
  void completed(in_flight& finished);
  void control_intake();

  // What is measured (shard_meters.cpp).
  void measure(const entity_effect& effect);
  void measure(const std::vector<status_event>& events);
  void tell_spans(in_flight& finished);
  void show();
  gate_place* place_of(uint64_t sequence);
  static trace_id trace_in(const gate_place& place, entity_id id);

  // Entities (shard_entities.cpp).
  void deliver(entity_id id, entity_kind kind, item what);
  void deliver_fresh(entity_id id, entity_kind kind, do_command first);
  void grant(slots_granted& grants);

  // Slots (shard_slots.cpp).
  static bool counts_by_key(const live_entity& entry, const entity_effect& effect);
  void note_slots(live_entity& entry, const entity_effect& effect);
  void release_withheld();
  void hold_slot(live_entity& entry, slot_key key);
  /// Frees the slot of the entity, where it holds one: to our credit, or back to the dispatcher.
  void free_slot(live_entity& entry);
  /// Takes one of the slots kept for tasks to come; false where there is none.
  bool take_credit(const slot_key& key);
  void return_credit_of(const std::string& kind);
  void return_idle_credit();
  void cut_back_key(const cut_back& wish);
  void cancel(entity_id id, std::string why);
  void spawn_entity(entity_id id, live_entity& entry, std::optional<entity> state,
                    std::optional<do_command> first);
  void hand_over(live_entity& entry, item what);
  void answer_missing(entity_id id, item& what);
  void loaded(entities_loaded& news);
  void unreadable(entities_loaded& news);
  void settle_leaving(entity_id id);
  void forget(std::unordered_map<entity_id, live_entity>::iterator gone);
  void crashed(const entity_crashed& news);
  void direct(direct_command& wish);
  void watch(watch_entity& wish);
  void tell_watchers(entity_id id, const entity& state);
  void look_for_watchers(entity_id id);
  void note_scanned(const due_row& row);
  void due_rows(due_loaded& news);
  /// `queued`: it waits for a slot until then; scans do not find it by that time.
  void set_timer(entity_id id, time_point at, bool queued);
  void scan();

  // Children (shard_children.cpp).
  bool put_aside(entity_effect& effect);
  bool must_look_up(const entity_effect& effect) const;
  void look_up_births(entity_id parent);
  void births_known(births_looked_up& news);
  void admit(offspring& children, uint64_t gate);
  void begin_child(const birth& b, live_entity& entry);
  commit_release release_birth(birth& b);
  void attend(entity_id parent, offspring& children);
  void look_after(entity_id parent, std::vector<child_watch> watches);
  void children_found(children_loaded& news);
  void note_end(const entity& state);
  void hear(entity_id parent, child_end end);
  void tell_parents();
  void repeat_reads();
  // Unique keys (shard_keys.cpp).
  struct keyed_submission {
    entity_id id;
    uint64_t sequence = 0;
    submit_task wish;
  };
  struct key_place {
    bool loading = false;
    bool again = false;  ///< What is being loaded may be older than what we knew.
    bool asked =
        false;  ///< The store was asked, so a holder that holds no more leaves the key free.
    std::optional<key_holder> holder;
    std::vector<entity_id>
        passed_over;       ///< Rows that are no answer; the store is asked for others.
    uint32_t waiting = 0;  ///< Submissions that are deferred until it has been loaded.
  };
  /// A record that waits for the key of a submission before it, or for its own.
  struct deferred_record {
    entity_id id;
    entity_kind kind = entity_kind::task;
    item command;
    std::optional<keyed_submission> keyed = {};  ///< Instead of the command.
  };
  bool is_known(const key_place& place) const;
  void submit_keyed(keyed_submission one);
  void settle_deferred();
  void load_key(const std::string& key);
  void key_loaded(const std::string& key, const result<std::optional<task>>& found);
  void settle_key(key_place& place, keyed_submission one);
  void deliver_settled(const keyed_submission& one, item what);
  void note_key(const entity_effect& effect);
  void hold(const std::string& key, key_place& place, key_holder holder);
  void forget_key_of(entity_id id);

  // Retention (shard_erase.cpp).
  void erase(erase_ended& wish);
  void erase_checked(erasures_checked& news);
  void release_erasure(live_entity& entry, entity state);

  // Housekeeping (shard_actor.cpp).
  void want_flush();
  void flush();
  void want_tick();
  void tick();
  void drain();
  void finish_drain_if_empty();
  void lose(const commit_note& note);
  time_point now() const { return context_.time.now(); }

  node_context& context_;
  const shard_tenure tenure_;
  shard_meter& meter_;
  const bool careful_;
  std::shared_ptr<pending_commit> pending_;
  position_t position_;
  position_t told_;  ///< Of the last event that the outbox knows to be durable.
  uint64_t ordinal_ = 0;
  uint64_t committed_ordinal_ = 0;

  uint64_t gate_base_ = 1;  ///< Sequence of the front of the gate.
  std::deque<gate_place> gate_;
  std::deque<in_flight> in_flight_;
  std::unordered_map<entity_id, live_entity> live_;
  std::unordered_multimap<entity_id, watcher> watchers_;

  std::unordered_map<entity_id, std::vector<child_end>> news_;  ///< By parent.
  std::unordered_map<entity_id, std::deque<set_aside>> aside_;  ///< By parent.
  std::vector<entity_id> repeat_look_ups_;                      ///< At the next tick.
  std::vector<std::pair<entity_id, std::vector<child_watch>>> repeat_watches_;
  std::unordered_map<std::string, key_place> keys_;  ///< Being loaded, or held by a live entity.
  std::unordered_map<entity_id, std::string> key_of_;
  std::deque<deferred_record>
      deferred_;  ///< In the order of the gate; the first waits for its key.

  std::vector<entity_id> loads_;
  std::vector<entity_id> reloads_;  ///< After a failed load, at the next tick.
  dispatch_update dispatch_;
  struct credit {
    uint32_t free = 0;
    bool used = false;  ///< Since the last look.
  };
  std::map<slot_key, credit> credits_;
  std::shared_ptr<const slot_key> last_slot_;  ///< Held last: most are of the same queue and kind.
  caf::actor_clock::time_point credit_look_{};
  std::vector<timer_entry> timers_;
  std::unordered_map<entity_id, time_point> far_waits_;  ///< Of QUEUED tasks, beyond the horizon.
  bool flush_pending_ = false;
  bool tick_pending_ = false;
  bool intake_paused_ = false;
  time_point horizon_{};
  due_cursor cursor_;
  bool scanning_ = false;
  bool scanned_what_ran_ =
      false;                     ///< All that ran under the former owner is in memory, or has been.
  bool knows_what_ran_ = false;  ///< And has been noted as lost, or counts.
  std::unordered_set<entity_id> ran_before_;  ///< Not yet looked at.
  std::vector<ready_task> withheld_;          ///< Of limit keys, until then.
  bool lost_ = false;
  bool draining_ = false;
  caf::actor_clock::time_point drain_limit_{};  ///< Steady: nobody sets it.
};

}  // namespace orrery::actors
