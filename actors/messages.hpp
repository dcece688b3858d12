#pragma once
/// The messages between the actors of a node, but for those to the bridge and the outbox
/// (bridge_messages.hpp, outbox_messages.hpp), of slots and workers (work_messages.hpp,
/// worker_messages.hpp) and of retention (retention_messages.hpp). None of these leaves the process
/// (cluster/messages.hpp holds those that do), so they carry domain values as they are.

#include "actors/meters.hpp"
#include "domain/lane_view.hpp"
#include "domain/messages.hpp"
#include "domain/ports/executor.hpp"
#include "domain/ports/intake_log.hpp"
#include "domain/trace.hpp"

#include <caf/actor.hpp>
#include <caf/actor_clock.hpp>
#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/type_id.hpp>
#include <functional>
#include <memory>

namespace orrery::actors {

/// Answers whoever asked, after the commit, with the committed state. Empty = nobody waits.
using reply_to = std::function<void(result<entity>)>;

/// The same reply, of which only the first call counts: whoever may have to answer holds a copy.
reply_to once(reply_to reply);

// To a shard.

/// Records of one topic, offsets rising. From the bridge.
struct intake_batch {
  epoch_t tenure;  ///< Of the owner for whom they were read.
  std::vector<log_record> records;
};
/// A command on what exists; `limit` is when the asker stops waiting.
struct direct_command {
  entity_kind kind = entity_kind::task;
  entity_id id;
  entity_command command;
  time_point limit{};
  reply_to reply;
  uint64_t expected = 0;  ///< The version that the entity must have; 0 = any.
};
/// Answers when the entity has come to rest, or at `limit` with what is known (`not_found`: nothing).
struct watch_entity {
  entity_id id;
  time_point limit{};
  reply_to reply;
};
/// One event on its way.
struct effect_step {
  event_record record;                    ///< Position is given by the shard.
  std::optional<status_event> published;  ///< Position and shard are given by the shard.
};
/// A child with its first events.
struct birth {
  entity_id id;
  std::vector<effect_step> steps;
  entity state;
  bool look_up = false;  ///< It may exist already.
};
/// What an effect brings beside the events of its own entity.
struct offspring {
  std::vector<birth> births;  ///< Committed with the events, or not at all.
  std::vector<child_command> commands;
  std::vector<child_watch> watches;  ///< Of a parent that was woken: are these still under way?
  time_point alarm = never;          ///< Of a parent that was woken: its own clock.
};
/// What an entity actor decided: in the order of its decisions.
struct entity_effect {
  using step = effect_step;
  entity_id id;
  uint64_t sequence = 0;  ///< Of the intake record answered by this; 0 = none.
  std::vector<step> steps;
  std::optional<entity> state;           ///< After the steps; set where there are any.
  std::optional<uint8_t> status_before;  ///< Empty = the entity did not exist.
  bool leaving = false;                  ///< The actor has ended.
  bool offer = false;                    ///< Wants a slot.
  bool slot_released = false;
  bool slot_kept = false;               ///< Holds one since before it was loaded.
  bool tell_committed = false;          ///< Send `committed_note` once durable.
  bool waits = false;                   ///< Stays in memory, but may be asked to leave.
  std::shared_ptr<offspring> children;  ///< Null for most.
  uint64_t handled = 0;                 ///< Messages of the shard that the actor has answered.
  reply_to reply;
  std::optional<failure> refused;  ///< The intake record asked for what cannot be.
  duration attempt_time{-1};       ///< Of the attempt that ended with it; negative = none did.
  std::shared_ptr<std::vector<span>> spans = {};  ///< To be told once it is durable; null for most.
};
/// An entity actor threw; its supervisor rebuilds it from the store.
struct entity_crashed {
  entity_id id;
  std::string what;
  uint64_t handled = 0;    ///< Messages of the shard that it had begun to handle.
  std::string trace = {};  ///< Id of its trace.
};
/// What became of a commit that carried releases up to `ordinal`.
struct commit_note {
  enum class kind { done, lost } outcome = kind::done;
  uint64_t ordinal = 0;
  bool careful =
      false;  ///< Lost because the store refused the contents: check ids before inserting.
  std::string detail;
};
/// Entities asked for, as the store has them; those missing in `found` do not exist.
struct entities_loaded {
  std::vector<entity_id> asked;
  result<std::vector<entity>> found = failure{};
};
/// A page of rows that are due or soon due.
struct due_loaded {
  time_point until{};
  result<std::vector<due_row>> rows = failure{};
  size_t limit = 0;
};
/// Where slots are counted.
struct slot_key {
  std::string queue;
  std::string task_kind;
  std::string worker = {};     ///< The node whose slot it is; empty = this one.
  std::string limit_key = {};  ///< Of the task, where it names one.
  friend auto operator<=>(const slot_key&, const slot_key&) = default;
};
/// An external worker's wish for attempts (actors/work_messages.hpp).
struct lease_claim;
/// Slots for these waiting tasks, and some for tasks of the same queue and kind that are still to come.
struct slots_granted {
  slot_key key;
  std::vector<entity_id> tasks;
  uint32_t credit = 0;
  std::shared_ptr<const lease_claim> claim = {};  ///< Of the worker that executes; null = a node.
};
/// The dispatcher needs the credit of this kind back, as far as it is not in use.
struct return_credit {
  std::string task_kind;
};
/// Timers came due, each at its time.
struct wake_entities {
  std::vector<std::pair<entity_id, time_point>> timers;
};
/// Interrupt what runs, commit, then end.
struct drain_shard {};
/// End at once, without another write: somebody else owns the shard.
struct abandon_shard {};
/// Handle what has gathered (offers, timers, loads); a shard sends it to itself.
struct flush_gathered {};
/// Housekeeping while there is something to keep.
struct shard_tick {};
/// The committed state of an entity that somebody watches.
struct watched_state {
  entity state;
};
/// Rows of children that a woken parent waits for.
struct children_loaded {
  entity_id parent;
  std::vector<child_watch> watches;
  result<std::vector<entity>> found = failure{};
};
/// Children of an effect that may exist already, as the store has them.
struct births_looked_up {
  entity_id parent;
  result<std::vector<entity>> found = failure{};
};
/// Time to load the rows that come due next.
struct scan_due {};

// To an entity actor.

struct do_command {
  entity_command command;
  uint64_t sequence = 0;
  reply_to reply;
  bool with_slot = false;  ///< A task that is born with a slot of this node.
  /// Of a timer: it is that late at least, also if the clock was set back since.
  time_point due{};
  uint64_t expected = 0;  ///< The version that the entity must have; 0 = any.
};
struct slot_granted {
  std::string worker;  ///< Another node whose slot it is; empty = this one.
  std::shared_ptr<const lease_claim> claim = {};
};
/// To a task that waits and was loaded: nobody else has offered it.
struct ask_for_slot {};
struct committed_note {};
/// The flow that an order named.
struct flow_found {
  result<shared_value<flow>> found = failure{};
};
/// The work has ended and nothing of it is left.
struct work_done {
  attempt_token token;
  work_outcome outcome = {};
  bool lost = false;         ///< With the node that executed it.
  bool interrupted = false;  ///< The node that executed it was stopped.
  bool expired = false;      ///< The node that executed it stopped it, by its time to live.
};
/// A clock of the attempt passed.
struct clock_passed {
  attempt_token token;
  end_reason clock = end_reason::ttl;
};
/// Leave if you only wait.
struct may_leave {};
/// The node or shard stops: give back what runs, then leave.
struct give_back {};

// To the dispatcher.

struct ready_task {
  entity_id id;
  int32_t priority = 0;
  time_point since{};
  std::string queue;
  std::string task_kind;
  std::string limit_key = {};
  double weight = 1;                     ///< Of its key, in the sharing between keys.
  std::vector<std::string> labels = {};  ///< A worker must have all of them.
};
/// Tasks of one shard that want slots, and slots that came free.
struct dispatch_update {
  caf::actor shard;
  shard_id number;
  std::vector<ready_task> offers;
  std::vector<slot_key> released;
  std::vector<slot_key> kept;  ///< Held since before the shard came here: they count, unasked.
};
/// How full the slots of a queue and kind are. `done` runs in the dispatcher.
struct explain_lane {
  lane_question of;
  std::function<void(lane_view)> done;
};
/// The shard is gone: forget its offers, take back its slots.
struct shard_gone {
  shard_id number;
};

// To the TTL supervisor.

struct arm_clock {
  caf::actor entity;
  entity_id id;
  attempt_token token;
  caf::actor_clock::time_point at{};  ///< Steady: nobody sets it.
  end_reason clock = end_reason::ttl;
  trace_id trace = {};  ///< Of the task, for the log.
  bool wakes = false;   ///< Then a sleep is over, and nothing is late.
};
struct disarm_clock {
  entity_id id;
  attempt_token token;
};

// To the tick supervisor.

struct timer_entry {
  entity_id id;
  time_point at{};
};
struct set_timers {
  caf::actor shard;
  shard_id number;
  std::vector<timer_entry> timers;
};
/// A supervisor's own next look. Only the one planned last counts.
struct supervisor_tick {
  uint64_t number = 0;
};

// To any actor.

/// Runs in the actor that receives it: how callbacks of others come back to its state.
struct run_here {
  std::function<void()> what;
};
/// Tell how many messages wait here, and how long this one did.
struct sample_mailbox {
  mailbox_meter* into = nullptr;
};

// To the node.

struct stop_node {
  std::function<void()> done;
};

}  // namespace orrery::actors

CAF_BEGIN_TYPE_ID_BLOCK(orrery_actors, first_custom_type_id)
CAF_ADD_TYPE_ID(orrery_actors, (orrery::actors::intake_batch))
CAF_ADD_TYPE_ID(orrery_actors, (orrery::actors::direct_command))
CAF_ADD_TYPE_ID(orrery_actors, (orrery::actors::watch_entity))
CAF_ADD_TYPE_ID(orrery_actors, (orrery::actors::entity_effect))
CAF_ADD_TYPE_ID(orrery_actors, (orrery::actors::entity_crashed))
CAF_ADD_TYPE_ID(orrery_actors, (orrery::actors::flow_found))
CAF_ADD_TYPE_ID(orrery_actors, (orrery::actors::children_loaded))
CAF_ADD_TYPE_ID(orrery_actors, (orrery::actors::births_looked_up))
CAF_ADD_TYPE_ID(orrery_actors, (orrery::actors::commit_note))
CAF_ADD_TYPE_ID(orrery_actors, (orrery::actors::entities_loaded))
CAF_ADD_TYPE_ID(orrery_actors, (orrery::actors::due_loaded))
CAF_ADD_TYPE_ID(orrery_actors, (orrery::actors::slots_granted))
CAF_ADD_TYPE_ID(orrery_actors, (orrery::actors::return_credit))
CAF_ADD_TYPE_ID(orrery_actors, (orrery::actors::wake_entities))
CAF_ADD_TYPE_ID(orrery_actors, (orrery::actors::drain_shard))
CAF_ADD_TYPE_ID(orrery_actors, (orrery::actors::abandon_shard))
CAF_ADD_TYPE_ID(orrery_actors, (orrery::actors::flush_gathered))
CAF_ADD_TYPE_ID(orrery_actors, (orrery::actors::shard_tick))
CAF_ADD_TYPE_ID(orrery_actors, (orrery::actors::scan_due))
CAF_ADD_TYPE_ID(orrery_actors, (orrery::actors::watched_state))
CAF_ADD_TYPE_ID(orrery_actors, (orrery::actors::do_command))
CAF_ADD_TYPE_ID(orrery_actors, (orrery::actors::slot_granted))
CAF_ADD_TYPE_ID(orrery_actors, (orrery::actors::ask_for_slot))
CAF_ADD_TYPE_ID(orrery_actors, (orrery::actors::committed_note))
CAF_ADD_TYPE_ID(orrery_actors, (orrery::actors::work_done))
CAF_ADD_TYPE_ID(orrery_actors, (orrery::actors::clock_passed))
CAF_ADD_TYPE_ID(orrery_actors, (orrery::actors::may_leave))
CAF_ADD_TYPE_ID(orrery_actors, (orrery::actors::give_back))
CAF_ADD_TYPE_ID(orrery_actors, (orrery::actors::dispatch_update))
CAF_ADD_TYPE_ID(orrery_actors, (orrery::actors::shard_gone))
CAF_ADD_TYPE_ID(orrery_actors, (orrery::actors::explain_lane))
CAF_ADD_TYPE_ID(orrery_actors, (orrery::actors::arm_clock))
CAF_ADD_TYPE_ID(orrery_actors, (orrery::actors::disarm_clock))
CAF_ADD_TYPE_ID(orrery_actors, (orrery::actors::set_timers))
CAF_ADD_TYPE_ID(orrery_actors, (orrery::actors::supervisor_tick))
CAF_ADD_TYPE_ID(orrery_actors, (orrery::actors::stop_node))
CAF_ADD_TYPE_ID(orrery_actors, (orrery::actors::run_here))
CAF_ADD_TYPE_ID(orrery_actors, (orrery::actors::sample_mailbox))
CAF_END_TYPE_ID_BLOCK(orrery_actors)

#define ORRERY_LOCAL_MESSAGE(name) CAF_ALLOW_UNSAFE_MESSAGE_TYPE(orrery::actors::name)
ORRERY_LOCAL_MESSAGE(intake_batch)
ORRERY_LOCAL_MESSAGE(direct_command)
ORRERY_LOCAL_MESSAGE(watch_entity)
ORRERY_LOCAL_MESSAGE(entity_effect)
ORRERY_LOCAL_MESSAGE(entity_crashed)
ORRERY_LOCAL_MESSAGE(flow_found)
ORRERY_LOCAL_MESSAGE(children_loaded)
ORRERY_LOCAL_MESSAGE(births_looked_up)
ORRERY_LOCAL_MESSAGE(commit_note)
ORRERY_LOCAL_MESSAGE(entities_loaded)
ORRERY_LOCAL_MESSAGE(due_loaded)
ORRERY_LOCAL_MESSAGE(slots_granted)
ORRERY_LOCAL_MESSAGE(return_credit)
ORRERY_LOCAL_MESSAGE(wake_entities)
ORRERY_LOCAL_MESSAGE(drain_shard)
ORRERY_LOCAL_MESSAGE(abandon_shard)
ORRERY_LOCAL_MESSAGE(flush_gathered)
ORRERY_LOCAL_MESSAGE(shard_tick)
ORRERY_LOCAL_MESSAGE(scan_due)
ORRERY_LOCAL_MESSAGE(watched_state)
ORRERY_LOCAL_MESSAGE(do_command)
ORRERY_LOCAL_MESSAGE(slot_granted)
ORRERY_LOCAL_MESSAGE(ask_for_slot)
ORRERY_LOCAL_MESSAGE(committed_note)
ORRERY_LOCAL_MESSAGE(work_done)
ORRERY_LOCAL_MESSAGE(clock_passed)
ORRERY_LOCAL_MESSAGE(may_leave)
ORRERY_LOCAL_MESSAGE(give_back)
ORRERY_LOCAL_MESSAGE(dispatch_update)
ORRERY_LOCAL_MESSAGE(shard_gone)
ORRERY_LOCAL_MESSAGE(explain_lane)
ORRERY_LOCAL_MESSAGE(arm_clock)
ORRERY_LOCAL_MESSAGE(disarm_clock)
ORRERY_LOCAL_MESSAGE(set_timers)
ORRERY_LOCAL_MESSAGE(supervisor_tick)
ORRERY_LOCAL_MESSAGE(stop_node)
ORRERY_LOCAL_MESSAGE(run_here)
ORRERY_LOCAL_MESSAGE(sample_mailbox)
#undef ORRERY_LOCAL_MESSAGE
