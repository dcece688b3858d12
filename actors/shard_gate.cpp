/// The gate of a shard: intake records in the order of their offsets, effects out in the same order.

#include "actors/limit_board.hpp"
#include "actors/shard_actor.hpp"
#include "base/check.hpp"
#include "base/crash_point.hpp"
#include "base/log.hpp"
#include "base/murmur2.hpp"
#include "codec/messages.hpp"
#include "domain/ports/dead_letters.hpp"

#include <algorithm>

namespace orrery::actors {

namespace {

const std::string* find_header(const log_record& record, std::string_view name) {
  for (const auto& header : record.headers)
    if (header.name == name)
      return &header.value;
  return nullptr;
}

/// What surrounds a submission: not in the value, or not trusted from it.
template <class Spec>
void complete_spec(Spec& spec, const log_record& record, std::string reference) {
  spec.reference = std::move(reference);
  if (const auto* own = find_header(record, "orrery-reference");
      own && spec.reference.empty() && own->size() <= limits::reference_bytes)
    spec.reference = *own;
  if (const auto* trace = find_header(record, "traceparent");
      trace && trace->size() <= 128 && parse_traceparent(*trace))
    spec.traceparent = *trace;
  if (const auto* hash = find_header(record, "orrery-request-hash"); hash && hash->size() <= 64)
    spec.request_hash = *hash;
}

/// A trace that nobody began before begins here.
template <class Spec>
void begin_trace(const node_context& context, Spec& spec, entity_id id) {
  if (context.spans != nullptr && spec.traceparent.empty() &&
      is_recorded(trace_of({}, id), context.spans->ratio()))
    spec.traceparent = root_traceparent(id);
}

/// Where a redriven record died first; only believed of its own partition.
std::optional<letter_origin> origin_of(const log_record& record) {
  const auto* text = find_header(record, origin_header);
  auto origin = text ? parse_letter_origin(*text) : std::nullopt;
  if (origin && (origin->source != record.topic || origin->shard != record.shard))
    origin.reset();
  return origin;
}

/// Why a task cannot be taken, though it is well formed; empty = it can.
std::string why_not_taken(const node_context& context, const task_spec& spec, shard_id shard) {
  if (is_stock_kind(spec.kind))
    return "kind is a step of an order's flow, nobody else's: " + spec.kind;
  if (!context.takes_kind(spec.kind))
    return "kind has no executor here: " + spec.kind;
  const auto& key = spec.options->limit_key;
  if (!key.empty() && partition_of_key(key, context.limits.shards) != shard.value)
    return "limitKey belongs to partition " +
           std::to_string(partition_of_key(key, context.limits.shards));
  const auto rules = context.rules != nullptr ? context.rules->now() : nullptr;
  return rules ? rules->drain_of(spec.queue, spec.kind) : std::string();
}

entity_kind kind_of(intake topic) {
  return topic == intake::orders ? entity_kind::order : entity_kind::task;
}

}  // namespace

void shard_actor::take_in(intake_batch& batch) {
  if (batch.tenure != tenure_.epoch)
    return;  // read for an earlier owner; for us the log begins where our epoch begins
  if (draining_)
    return;  // not answered, so not committed: the next owner reads them again
  reach(crash_point::intake_polled);
  context_.probe.intake_records.fetch_add(batch.records.size(), std::memory_order_relaxed);
  for (auto& record : batch.records) {
    const auto sequence = gate_base_ + gate_.size();
    gate_.push_back({{record.topic, record.shard, record.offset}, {}, {}, {}, false, {}, {}});
    read_record(record, sequence);
  }
  release_answered();
  control_intake();
}

void shard_actor::read_record(log_record& record, uint64_t sequence) {
  auto message = codec::read_intake(record.topic, record.value);
  auto& place = gate_.back();
  place.key = std::move(record.key);
  if (!message) {
    place.value = std::move(record.value);
    place.headers = std::move(record.headers);
    const auto& why = message.error();
    return refuse_record(sequence, why.field.empty() ? why.detail : why.field + " " + why.detail);
  }
  // A dead letter that is sent again is what it was: however often, it makes one entity.
  const auto origin = origin_of(record);
  auto resolved = resolve_id(context_.log.topic_name(record.topic), record.shard,
                             origin ? origin->offset : record.offset,
                             origin ? origin->at : record.at, message->id_text);
  bool is_submit = false;
  if (auto* of_task = std::get_if<task_command>(&message->command)) {
    if (auto* submit = std::get_if<submit_task>(of_task)) {
      is_submit = true;
      if (auto why = why_not_taken(context_, submit->spec, tenure_.shard); !why.empty()) {
        place.value = std::move(record.value);
        place.headers = std::move(record.headers);
        return refuse_record(sequence, std::move(why));
      }
      if (submit->spec.heartbeat == duration{} && context_.is_external(submit->spec.kind))
        submit->spec.heartbeat = context_.limits.worker_heartbeat;
      complete_spec(submit->spec, record, resolved.reference);
      begin_trace(context_, submit->spec, resolved.id);
      settle_delay(submit->spec, record.at);
    }
  } else if (auto* submit = std::get_if<submit_order>(&std::get<order_command>(message->command))) {
    is_submit = true;
    complete_spec(submit->spec, record, resolved.reference);
    begin_trace(context_, submit->spec, resolved.id);
    if (submit->spec.flow.empty())
      submit->spec.flow = context_.default_flow;
  }
  // A record without an id makes its own, and our front door marks ids it has just made: neither can
  // exist yet. Everything else is looked up.
  const bool fresh = is_submit && !careful_ && !origin &&
                     (message->id_text.empty() || (resolved.reference.empty() &&
                                                   find_header(record, "orrery-fresh") != nullptr));
  place.id = resolved.id;
  place.value = std::move(record.value);
  place.headers = std::move(record.headers);
  if (auto* of_task = std::get_if<task_command>(&message->command))
    if (auto* submit = std::get_if<submit_task>(of_task);
        submit != nullptr && !submit->spec.unique_key.empty()) {
      settle_debounce(submit->spec, record.at);
      return submit_keyed({resolved.id, sequence, std::move(*submit)});
    }
  const auto kind = kind_of(record.topic);
  if (fresh)
    return deliver_fresh(resolved.id, kind, {std::move(message->command), sequence, {}});
  item command{item::kind::command,
               sequence,
               {},
               std::make_shared<const entity_command>(std::move(message->command))};
  if (deferred_.empty())
    deliver(resolved.id, kind, std::move(command));
  else
    deferred_.push_back({resolved.id, kind, std::move(command)});
}

void shard_actor::refuse_record(uint64_t sequence, std::string reason) {
  context_.probe.intake_bad.fetch_add(1, std::memory_order_relaxed);
  auto* place = place_of(sequence);
  CHECK(place != nullptr, "a record is refused while it is in the gate");
  log::warning("intake.dead_letter", {{"shard", tenure_.shard.value},
                                      {"trace", to_string(trace_in(*place, place->id))},
                                      {"topic", context_.log.topic_name(place->place.topic)},
                                      {"offset", place->place.offset},
                                      {"reason", reason}});
  place->bad = std::move(reason);
  place->answered = true;
}

trace_id shard_actor::trace_in(const gate_place& place, entity_id id) {
  for (const auto& header : place.headers)
    if (header.name == "traceparent")
      return trace_of(header.value, id);
  return trace_of({}, id);
}

shard_actor::gate_place* shard_actor::place_of(uint64_t sequence) {
  if (sequence < gate_base_ || sequence - gate_base_ >= gate_.size())
    return nullptr;
  return &gate_[sequence - gate_base_];
}

void shard_actor::effect_arrived(entity_effect& effect) {
  if (!live_.contains(effect.id))
    return;  // of an actor that was given up
  if (effect.children != nullptr || !aside_.empty())
    if (put_aside(effect))
      return;
  take_effect(effect);
}

void shard_actor::take_effect(entity_effect& effect) {
  const auto found = live_.find(effect.id);
  if (found == live_.end())
    return;
  auto& entry = found->second;
  note_effect(entry, effect);
  const auto id = effect.id;
  const auto sequence = effect.sequence != 0 ? effect.sequence : entry.gate;
  auto* place = place_of(sequence);
  CHECK(effect.sequence == 0 || (place != nullptr && !place->answered),
        "a record is answered once");
  if (effect.children != nullptr)
    admit(*effect.children, place != nullptr ? sequence : 0);
  if (effect.sequence != 0) {
    place->answered = true;
    if (effect.refused)
      log::info("intake.refused", {{"id", to_string(id)},
                                   {"trace", to_string(trace_in(*place, id))},
                                   {"detail", effect.refused->detail}});
    entry.gate = effect.sequence;
    ++entry.held;
    place->effects.push_back(std::move(effect));
    release_answered();
  } else if (place != nullptr) {
    ++entry.held;
    place->effects.push_back(std::move(effect));
  } else {
    release(std::move(effect), nullptr);
  }
  settle_leaving(id);
}

void shard_actor::release_answered() {
  while (!gate_.empty() && gate_.front().answered) {
    auto place = std::move(gate_.front());
    gate_.pop_front();
    ++gate_base_;
    if (place.effects.empty()) {
      // Unreadable: only the offset and the dead letter.
      const auto ordinal = ++ordinal_;
      commit_release outcome{ordinal, {}, {}, {}, place.place, {}};
      outcome.letter = letter_of(place, std::move(place.bad));
      in_flight waiting;
      waiting.ordinal = ordinal;
      waiting.letter = true;
      waiting.position = position_;
      in_flight_.push_back(std::move(waiting));
      reach(crash_point::dead_letter);
      if (pending_->add(std::move(outcome)))
        context_.commits.enlist(pending_);
      continue;
    }
    const gate_place* answers = &place;
    auto effects = std::exchange(place.effects, {});
    for (auto& effect : effects) {
      const auto id = effect.id;
      if (const auto found = live_.find(id); found != live_.end())
        --found->second.held;
      if (effect.children != nullptr)
        for (const auto& b : effect.children->births)
          if (const auto found = live_.find(b.id); found != live_.end())
            --found->second.held;
      release(std::move(effect), std::exchange(answers, nullptr));
      settle_leaving(id);
    }
  }
  control_intake();
}

dead_letter shard_actor::letter_of(const gate_place& from, std::string reason) const {
  return {from.place.topic,  from.place.shard, from.place.offset, now(),
          std::move(reason), from.key,         from.value,        from.headers};
}

void shard_actor::release(entity_effect effect, const gate_place* answers) {
  in_flight waiting;
  waiting.id = effect.id;
  waiting.reply = std::move(effect.reply);
  waiting.tell_committed = effect.tell_committed;
  commit_release outcome;
  if (answers != nullptr) {
    outcome.answered = answers->place;
    // What can never be applied is not dropped in silence. A wish that came too late is: its sender reads
    // the status that was faster.
    if (effect.refused &&
        (effect.refused->code == errc::invalid || effect.refused->code == errc::conflict)) {
      const auto& why = *effect.refused;
      outcome.letter =
          letter_of(*answers, why.field.empty() ? why.detail : why.field + " " + why.detail);
      waiting.letter = true;
      reach(crash_point::dead_letter);
    }
  }
  note_key(effect);
  if (const auto found = live_.find(effect.id); found != live_.end())
    if (counts_by_key(found->second, effect))
      note_slots(found->second, effect);
  const auto children = std::move(effect.children);
  const bool bears = children != nullptr && !children->births.empty();
  outcome.status_before = effect.status_before;
  number_steps(effect.steps, outcome, waiting);
  const bool writes = !outcome.events.empty() || answers != nullptr || bears;
  waiting.spans = std::move(effect.spans);
  if (effect.state) {
    if (!outcome.events.empty())
      measure(effect);
    if (waiting.reply || watchers_.contains(effect.id))
      waiting.state = effect.state;
    if (!outcome.events.empty()) {
      note_end(*effect.state);
      plan_wake(*effect.state, waiting);
      outcome.state = std::move(effect.state);
    }
  }
  if (!writes) {
    // Nothing to store: answered once everything before it is durable.
    waiting.ordinal = ordinal_;
    if (committed_ordinal_ >= ordinal_)
      completed(waiting);
    else
      in_flight_.push_back(std::move(waiting));
    if (children != nullptr)
      attend(effect.id, *children);
    return;
  }
  waiting.ordinal = outcome.ordinal = ++ordinal_;
  if (const auto found = live_.find(waiting.id); found != live_.end()) {
    waiting.counted = true;
    ++found->second.uncommitted;
  }
  in_flight_.push_back(std::move(waiting));
  bool enlists = false;
  if (bears) {
    std::vector<commit_release> unit;
    unit.reserve(1 + children->births.size());
    unit.push_back(std::move(outcome));
    for (auto& b : children->births)
      unit.push_back(release_birth(b));
    enlists = pending_->add(std::move(unit));
  } else {
    enlists = pending_->add(std::move(outcome));
  }
  if (enlists)
    context_.commits.enlist(pending_);
  if (children != nullptr)
    attend(effect.id, *children);
}

/// Positions for events, in the order of release.
void shard_actor::number_steps(std::vector<effect_step>& steps, commit_release& outcome,
                               in_flight& waiting) {
  outcome.events.reserve(steps.size());
  for (auto& step : steps) {
    ++position_.value;
    step.record.position = position_;
    if (step.published) {
      std::visit(
          [&](auto& e) {
            e.position = position_;
            e.shard = tenure_.shard;
          },
          *step.published);
      waiting.events.push_back(std::move(*step.published));
    }
    outcome.events.push_back(std::move(step.record));
  }
  waiting.position = position_;
}

/// When it must be looked at, once its events are durable.
void shard_actor::plan_wake(const entity& state, in_flight& waiting) {
  waiting.moved = true;
  if (const auto* t = std::get_if<task>(&state)) {
    waiting.queued = t->status == task_status::queued;
    waiting.wake = waiting.queued                      ? t->waits_until()
                   : t->status == task_status::running ? never
                                                       : t->wake_at();
    return;
  }
  if (const auto* s = std::get_if<schedule>(&state)) {
    waiting.queued = s->waits_for_children();
    waiting.wake = s->alarm_at();
    return;
  }
  const auto& o = std::get<order>(state);
  waiting.queued = o.waits_for_children();
  waiting.wake = waiting.queued ? o.alarm_at() : o.wake_at();
}

}  // namespace orrery::actors
