#pragma once
/// Drives a task or an order through commands as a shard does: decide, then fold what was decided.

#include "domain/events.hpp"

#include <gtest/gtest.h>

namespace orrery::test {

inline constexpr auto start_of_test = from_micros(1'800'000'000'000'000);
inline const entity_id test_id = new_entity_id(start_of_test, shard_id{3}, 0x1234);

template <class Entity, class Command, class Event>
struct driver {
  std::optional<Entity> state;
  time_point now = start_of_test;
  std::vector<child_start> starts;      ///< Of the last command.
  std::vector<child_command> commands;  ///< Of the last command.
  std::vector<std::pair<time_point, Event>> history;

  /// Answers the events, or the refusal; folds them.
  result<std::vector<Event>> send(const Command& command) {
    auto decided = decide(state, command, now);
    if (!decided)
      return std::move(decided).error();
    auto whole = as_decision(std::move(*decided));
    for (const auto& event : whole.events) {
      evolve(state, test_id, event, now);
      history.emplace_back(now, event);
    }
    starts = std::move(whole.starts);
    commands = std::move(whole.commands);
    return std::move(whole.events);
  }
  /// The command must be taken, and have an effect.
  driver& must(const Command& command) {
    const auto events = send(command);
    EXPECT_TRUE(events) << (events ? "" : events.error().detail);
    EXPECT_TRUE(!events || !events->empty()) << "without effect: " << name_of(command);
    return *this;
  }
  /// The command must be refused with this code and change nothing.
  failure refuses(const Command& command, errc code) {
    const auto before = state;
    const auto events = send(command);
    EXPECT_FALSE(events) << name_of(command);
    EXPECT_EQ(state, before);
    if (events)
      return {};
    EXPECT_EQ(events.error().code, code);
    return events.error();
  }
  /// The command must be taken and change nothing.
  void ignores(const Command& command) {
    const auto events = send(command);
    ASSERT_TRUE(events) << name_of(command) << ": " << events.error().detail;
    EXPECT_TRUE(events->empty()) << name_of(command);
  }
  driver& wait(duration length) {
    now += length;
    return *this;
  }
  const Entity& operator*() const { return *state; }
  const Entity* operator->() const { return &*state; }
};

using task_driver = driver<task, task_command, task_event>;
using order_driver = driver<order, order_command, order_event>;

inline task_spec simple_task() {
  task_spec spec;
  spec.kind = "noop";
  return spec;
}

/// A simple task with a change.
inline task_spec with(auto change) {
  auto spec = simple_task();
  change(spec);
  return spec;
}

inline task_driver submitted(task_spec spec = simple_task()) {
  task_driver d;
  d.must(submit_task{std::move(spec)});
  return d;
}

inline task_driver started(task_spec spec = simple_task()) {
  auto d = submitted(std::move(spec));
  d.must(start_task{"node-1"});
  return d;
}

}  // namespace orrery::test
