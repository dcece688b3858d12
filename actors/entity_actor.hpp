#pragma once
/// The shell around a state machine: one live entity. Receives commands, calls the pure `decide`, folds
/// the events with `evolve`, and hands the effect to its shard, which orders and commits it. What the
/// effect leads to (work, timers) is the derived actor's.

#include "actors/births.hpp"
#include "actors/context.hpp"
#include "actors/entity_spans.hpp"
#include "actors/messages.hpp"
#include "base/check.hpp"
#include "base/crash_point.hpp"
#include "base/log.hpp"

#include <algorithm>
#include <caf/event_based_actor.hpp>

namespace orrery::actors {

template <class Entity>
struct entity_traits;
template <>
struct entity_traits<task> {
  using command = task_command;
  using event = task_event;
  static constexpr bool has_children = false;
  static constexpr entity_kind kind = entity_kind::task;
};
template <>
struct entity_traits<order> {
  using command = order_command;
  using event = order_event;
  static constexpr bool has_children = true;
  static constexpr entity_kind kind = entity_kind::order;
};
template <>
struct entity_traits<schedule> {
  using command = schedule_command;
  using event = schedule_event;
  static constexpr bool has_children = true;
  static constexpr entity_kind kind = entity_kind::schedule;
};

/// What a status event needs of the state before.
inline std::optional<status_brief<task_status>> brief(const std::optional<task>& t) {
  return t ? std::optional(status_brief<task_status>{t->status, t->run}) : std::nullopt;
}
inline std::optional<status_brief<order_status>> brief(const std::optional<order>& o) {
  return o ? std::optional(status_brief<order_status>{o->status, 1}) : std::nullopt;
}
inline std::optional<status_brief<schedule_status>> brief(const std::optional<schedule>& s) {
  return s ? std::optional(status_brief<schedule_status>{s->status, 1}) : std::nullopt;
}

inline uint32_t run_of(const task& t) { return t.run; }
inline uint32_t run_of(const order&) { return 1; }

template <class Entity>
class entity_actor : public caf::event_based_actor {
public:
  using command = typename entity_traits<Entity>::command;
  using event = typename entity_traits<Entity>::event;

  /// Either restored (`state`), or to be born by the command `first`.
  entity_actor(caf::actor_config& config, node_context& context, caf::actor shard, epoch_t epoch,
               entity_id id, std::optional<Entity> state, std::optional<do_command> first)
      : caf::event_based_actor(config),
        context_(context),
        shard_(std::move(shard)),
        epoch_(epoch),
        id_(id),
        state_(std::move(state)),
        first_(first ? std::make_unique<do_command>(std::move(*first)) : nullptr) {
    set_exception_handler([this](std::exception_ptr& thrown) -> caf::error {
      std::string what = "unknown exception";
      try {
        std::rethrow_exception(thrown);
      } catch (const std::exception& e) {
        what = e.what();
      } catch (...) {
        // Named above.
      }
      left_ = true;
      send(shard_, entity_crashed{id_, what, handled_, trace_text()});
      return caf::exit_reason::unhandled_exception;
    });
  }

protected:
  /// Asked before each effect is sent: fills in what the effect should ask for.
  virtual void settle(entity_effect& effect) = 0;
  /// Whether others may ask this at all.
  virtual result<void> may(const command&) const { return {}; }
  /// What follows from the state at once, in the same effect.
  virtual void follow(entity_effect&) {}
  /// Not at rest, but may be asked to leave.
  virtual bool waits() const = 0;
  /// Whether the actor has nothing more to do in memory.
  virtual bool at_rest() const = 0;

  time_point now() const { return context_.time.now(); }
  /// Of the trace that this entity belongs to.
  std::string trace_text() const {
    if constexpr (!std::is_same_v<Entity, schedule>)
      return to_string(trace_of(state_ ? std::string_view(state_->spec->traceparent) : "", id_));
    else
      return to_string(trace_of({}, id_));
  }

  /// A command that is answered: decides, and tells the shard in any case. True: the state moved.
  bool handle(do_command& wish) {
    ++handled_;
    entity_effect effect;
    effect.sequence = wish.sequence;
    auto* mine = std::get_if<command>(&wish.command);
    result<bool> moves = failure{errc::invalid, "the command is for another kind of entity"};
    std::optional<failure> no;
    // Whoever names a version decided on that state; the command is for no other.
    if (wish.expected != 0 && (!state_ || state_->version != wish.expected))
      moves = failure{state_ ? errc::conflict : errc::not_found,
                      state_ ? "it has another version" : "there is no such entity", "If-Match"};
    else if (mine != nullptr) {
      if (auto ok = may(*mine); !ok)
        moves = std::move(ok).error();
      else
        moves = try_apply(*mine, effect, &no, std::max(now(), wish.due));
    }
    if (!moves) {
      effect.refused = moves.error();
      if (wish.reply)
        wish.reply(std::move(moves).error());
      emit(std::move(effect));
      return false;
    }
    if constexpr (std::is_same_v<Entity, task>)
      if (std::holds_alternative<cancel_task>(*mine))
        reach(crash_point::cancel_decided);
    effect.reply = std::move(wish.reply);
    if (effect.reply && no)
      // What came with it is kept, but whoever asked is told no, once that is durable.
      effect.reply = [reply = std::move(effect.reply), no = std::move(*no)](result<entity> told) {
        reply(told ? result<entity>(no) : std::move(told));
      };
    follow(effect);
    emit(std::move(effect));
    return *moves;
  }

  /// A command of our own, folded into `effect`. A refusal is news that came too late: it changes
  /// nothing.
  bool apply(const command& wish, entity_effect& effect) {
    const auto moves = try_apply(wish, effect);
    if (!moves)
      log::debug(
          "entity.late",
          {{"id", to_string(id_)}, {"trace", trace_text()}, {"detail", moves.error().detail}});
    return moves && *moves;
  }

  /// Decides and folds: whether anything happened, or the refusal. `no` is set where the events keep
  /// something of a wish that is refused all the same. `at` is the time to decide by; `never` = now.
  result<bool> try_apply(const command& wish, entity_effect& effect,
                         std::optional<failure>* no = nullptr, time_point at = never) {
    auto decided = decide(state_, wish, at == never ? now() : at);
    if (!decided)
      return std::move(decided).error();
    if constexpr (entity_traits<Entity>::has_children) {
      const bool moves = !decided->events.empty();
      fold(std::move(decided->events), effect);
      if (!decided->starts.empty() || !decided->commands.empty())
        take_children(decided->starts, decided->commands, effect);
      return moves;
    } else {
      const bool moves = !decided->empty();
      if (no != nullptr && state_ && moves)
        *no = refusal_in(*state_, *decided);
      fold(std::move(*decided), effect);
      return moves;
    }
  }

  /// Children begin with the effect that starts them. One that cannot begin has ended at once.
  void take_children(std::vector<child_start>& starts, std::vector<child_command>& commands,
                     entity_effect& effect) {
    CHECK(starts.size() <= limits::children_at_once, "a decision starts only so many children");
    if (effect.children == nullptr)
      effect.children = std::make_shared<offspring>();
    children_ended refused;
    for (auto& start : starts) {
      if (context_.spans != nullptr)
        give_context(start);
      give_heartbeat(start);
      auto born = bear(start, id_, now());
      if (born) {
        effect.children->births.push_back(std::move(*born));
        continue;
      }
      const auto& why = born.error();
      refused.ends.push_back({start.id,
                              1,
                              child_outcome::failed,
                              false,
                              {},
                              why.field.empty() ? why.detail : why.field + " " + why.detail,
                              "refused"});
    }
    std::move(commands.begin(), commands.end(), std::back_inserter(effect.children->commands));
    if (!refused.ends.empty())
      apply(std::get<command>(*news_for(entity_traits<Entity>::kind, std::move(refused.ends))),
            effect);
  }

  /// What an order starts belongs to its trace; what a schedule starts begins one.
  void give_context(child_start& start) {
    std::string context;
    if constexpr (std::is_same_v<Entity, order>) {
      if (!state_ || !is_sampled(state_->spec->traceparent))
        return;
      context = traceparent_in(state_->spec->traceparent, id_, 1, 0);
    } else if (is_recorded(trace_of({}, start.id), context_.spans->ratio())) {
      context = root_traceparent(start.id);
    } else {
      return;
    }
    std::visit([&](auto& spec) { spec.edit([&](auto& s) { s.traceparent = context; }); },
               start.spec);
  }

  /// As those of a task that is submitted: who executes it outside must be heard of.
  void give_heartbeat(child_start& start) {
    const auto give = [this](auto& spec) {
      if constexpr (requires { spec->heartbeat; })
        if (spec->heartbeat == duration{} && context_.is_external(spec->kind))
          spec.edit([this](auto& s) { s.heartbeat = context_.limits.worker_heartbeat; });
    };
    std::visit(give, start.spec);
  }

  /// Folds events into the state and notes them as steps of the effect.
  void fold(std::vector<event> events, entity_effect& effect) {
    if (effect.steps.empty() && state_)
      effect.status_before = static_cast<uint8_t>(state_->status);
    const auto at = now();
    for (auto& one : events) {
      event_record record{{}, id_, at, entity_event{std::move(one)}};
      ending_watch<Entity> ending(state_);
      const auto before = brief(state_);
      evolve(state_, id_, std::get<event>(record.event), at);
      auto status = status_event_of(before, *state_, record);
      effect.steps.push_back({std::move(record), std::nullopt});
      if (status) {
        // Who reads it goes on from the span of the run, not from that of the submission.
        if constexpr (!std::is_same_v<Entity, schedule>)
          if (is_traced(context_, status->traceparent))
            status->traceparent = traceparent_in(status->traceparent, id_, run_of(*state_), 0);
        effect.steps.back().published.emplace(std::move(*status));
      }
      ending.look(context_, *state_, at, effect);
    }
  }

  /// Sends an effect; the last one says that the actor leaves.
  void emit(entity_effect effect) {
    if (left_)
      return;
    settle(effect);
    effect.id = id_;
    effect.handled = handled_;
    effect.leaving = !effect.tell_committed && at_rest();
    left_ = effect.leaving;
    effect.waits = !left_ && waits();
    if (state_ && (!effect.steps.empty() || effect.reply || effect.offer || effect.slot_kept)) {
      if (left_)
        effect.state.emplace(std::move(*state_));
      else
        effect.state.emplace(*state_);
    }
    // What is under way goes before new intake: it frees memory, slots and the gate.
    send<caf::message_priority::high>(shard_, std::move(effect));
    if (left_)
      quit();
  }

  node_context& context_;
  caf::actor shard_;
  epoch_t epoch_;  ///< Of the shard's owner: part of the fence that handlers carry.
  entity_id id_;
  std::optional<Entity> state_;
  std::unique_ptr<do_command> first_;  ///< Large, and only there until the actor begins.
  uint64_t handled_ = 0;               ///< Commands and grants of the shard begun so far.
  bool left_ = false;
};

}  // namespace orrery::actors
