#pragma once
/// Batches for tests of stores: made by the state machines themselves, so that rows, events and
/// counts agree as a shard's owner would make them.

#include "base/check.hpp"
#include "domain/ports/store.hpp"

#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace orrery::test {

/// A fixed instant; tests count from here.
inline const time_point noon = from_micros(1'790'000'000'000'000);

inline task_spec a_task(std::string kind = "noop") {
  task_spec spec;
  spec.kind = std::move(kind);
  return spec;
}

inline order_spec an_order(std::string product = "Laptop") {
  order_spec spec;
  spec.product = std::move(product);
  return spec;
}

/// Plays the owner of one shard: decides commands, gives positions, keeps counts, and seals what
/// has gathered as a batch. It takes every sealed batch for committed.
class shard_owner {
public:
  shard_owner(shard_id shard, const shard_tenure& tenure)
      : shard_(shard),
        epoch_(tenure.epoch),
        sealed_(tenure.position),
        next_(tenure.next),
        sealed_next_(tenure.next),
        counts_(tenure.counts) {}

  /// Submits under a fresh id of this shard.
  entity_id submit(task_spec spec, time_point at = noon) {
    const auto id = new_entity_id(at, shard_, ++ids_made_);
    apply(id, task_command{submit_task{std::move(spec)}}, at);
    return id;
  }
  entity_id submit(order_spec spec, time_point at = noon) {
    const auto id = new_entity_id(at, shard_, ++ids_made_);
    apply(id, order_command{submit_order{std::move(spec)}}, at);
    return id;
  }

  /// Decides one command and folds its events. The command must be allowed.
  void apply(entity_id id, const entity_command& command, time_point at = noon) {
    auto found = live_.find(id);
    if (found == live_.end())
      found = live_.emplace(id, live{}).first;
    for (auto& event : decided(found->second.state, command, at))
      record(found->second, {position_t{last_position() + 1}, id, at, std::move(event)});
    if (!found->second.touched) {
      found->second.touched = true;
      order_.push_back(id);
    }
  }
  void apply(entity_id id, task_command command, time_point at = noon) {
    apply(id, entity_command{std::move(command)}, at);
  }
  void apply(entity_id id, schedule_command command, time_point at = noon) {
    apply(id, entity_command{std::move(command)}, at);
  }
  void apply(entity_id id, order_command command, time_point at = noon) {
    apply(id, entity_command{std::move(command)}, at);
  }

  /// A task from its submission to SUCCEEDED: three events.
  entity_id finished(task_spec spec, time_point at = noon) {
    const auto id = submit(std::move(spec), at);
    apply(id, task_command{start_task{"node-1"}}, at);
    apply(id, task_command{complete_task{{1, 1}, R"({"ok":true})"}}, at);
    return id;
  }

  /// Erases what has ended; nothing else of it may stand in the same batch.
  void erase(entity_id id, time_point at = noon) {
    auto& entry = live_.at(id);
    CHECK(entry.stored && !entry.touched, "only what is stored and at rest is erased");
    count(*entry.state, -1);
    entry.pending.push_back(
        {position_t{last_position() + 1}, id, at, erasure_of(kind_of(*entry.state))});
    events_.push_back(entry.pending.back());
    ++made_;
    erased_.push_back({*entry.state, false, std::move(entry.pending), true});
    live_.erase(id);
  }

  void bury(dead_letter letter) { buried_.push_back(std::move(letter)); }
  void read_to(intake topic, int64_t next) { next_[static_cast<size_t>(topic)] = next; }

  /// Everything since the last call, as one batch.
  shard_batch seal() {
    shard_batch batch{
        shard_, epoch_, sealed_, sealed_next_, next_, counts_, {}, std::exchange(buried_, {}), {}};
    sealed_next_ = next_;
    for (auto& [name, moved] : std::exchange(moved_, {}))
      batch.moved.push_back(std::move(moved));
    for (const auto& id : order_) {
      auto& entry = live_.at(id);
      batch.writes.push_back({*entry.state, !entry.stored, std::exchange(entry.pending, {})});
      entry.stored = true;
      entry.touched = false;
    }
    order_.clear();
    for (auto& gone : std::exchange(erased_, {}))
      batch.writes.push_back(std::move(gone));
    sealed_ = position_t{last_position()};
    return batch;
  }

  const entity& state(entity_id id) const { return *live_.at(id).state; }
  const task& task_of(entity_id id) const { return std::get<task>(state(id)); }
  const order& order_of(entity_id id) const { return std::get<order>(state(id)); }
  /// All events so far, in order of position.
  const std::vector<event_record>& events() const { return events_; }
  /// Of its present life.
  std::vector<event_record> events_of(entity_id id) const {
    std::vector<event_record> own;
    for (const auto& e : events_)
      if (e.id == id && is_erasure(e.event))
        own.clear();
      else if (e.id == id)
        own.push_back(e);
    return own;
  }
  shard_id shard() const { return shard_; }
  epoch_t epoch() const { return epoch_; }
  /// Position of the last event of the last sealed batch.
  position_t position() const { return sealed_; }
  const intake_offsets& next() const { return next_; }
  const status_counts& counts() const { return counts_; }

private:
  struct live {
    std::optional<entity> state;
    bool stored = false;
    bool touched = false;
    std::vector<event_record> pending;
  };

  static std::vector<entity_event> decided(const std::optional<entity>& state,
                                           const entity_command& command, time_point at) {
    std::vector<entity_event> events;
    const auto keep = [&](auto decision) {
      CHECK(decision.has_value(), "a test gives only commands that are allowed");
      for (auto& event : as_decision(std::move(*decision)).events)
        events.emplace_back(std::move(event));
    };
    if (const auto* of_task = std::get_if<task_command>(&command))
      keep(decide(state ? std::optional(std::get<task>(*state)) : std::nullopt, *of_task, at));
    else if (const auto* of_order = std::get_if<order_command>(&command))
      keep(decide(state ? std::optional(std::get<order>(*state)) : std::nullopt, *of_order, at));
    else
      keep(decide(state ? std::optional(std::get<schedule>(*state)) : std::nullopt,
                  std::get<schedule_command>(command), at));
    return events;
  }

  void record(live& entry, event_record event) {
    const auto running = [&] {
      const auto* t = entry.state ? std::get_if<task>(&*entry.state) : nullptr;
      return t != nullptr && t->status == task_status::running;
    };
    if (const auto* of_task = std::get_if<task_event>(&event.event))
      counts_.attempts.note(running(), *of_task);
    if (entry.state)
      count(*entry.state, -1);
    evolve(entry.state, event);
    count(*entry.state, 1);
    entry.pending.push_back(event);
    events_.push_back(std::move(event));
    ++made_;
  }

  void count(const entity& e, int64_t n) {
    if (const auto* t = std::get_if<task>(&e)) {
      counts_.tasks[status_of(e)] += n;
      auto& moved = moved_[{t->spec->queue, t->spec->kind}];
      moved.queue = t->spec->queue;
      moved.task_kind = t->spec->kind;
      moved.tasks[status_of(e)] += n;
    } else if (kind_of(e) == entity_kind::order) {
      counts_.orders[status_of(e)] += n;
    }
  }

  int64_t last_position() const { return begun_at_ + made_; }

  shard_id shard_;
  epoch_t epoch_;
  position_t sealed_;
  intake_offsets next_;
  intake_offsets sealed_next_{};
  status_counts counts_;
  std::map<std::pair<std::string, std::string>, queue_counts> moved_;
  int64_t begun_at_ = sealed_.value;  ///< Where this owner began.
  int64_t made_ = 0;                  ///< Events made by this owner.
  uint64_t ids_made_ = 0;
  std::map<entity_id, live> live_;
  std::vector<entity_id> order_;
  std::vector<entity_write> erased_;
  std::vector<event_record> events_;
  std::vector<dead_letter> buried_;
};

}  // namespace orrery::test
