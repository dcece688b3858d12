/// How nodes share what a queue may do together, and how keys share a lane: without actors.

#include "actors/lane_lines.hpp"
#include "actors/quota.hpp"

#include <gtest/gtest.h>
#include <random>

namespace orrery::actors {
namespace {

struct node {
  std::string name;
  quota_share share;
  size_t waiting = 0;
  std::vector<duration> running;  ///< When each ends.
  duration cut_until{};
  bool dead = false;
};
struct on_its_way {
  size_t from;
  quota_note note;
  duration due;
};

/// Nodes, one keeper, notes that are late or lost.
class shared_queue {
public:
  explicit shared_queue(uint64_t seed) : chance(seed) {
    limit.concurrency = static_cast<uint32_t>(1 + chance() % 12);
    if (chance() % 2 == 0)
      limit.rate = 1 + static_cast<double>(chance() % 50);
    for (int i = 0; i < 4; ++i)
      nodes.push_back({"n" + std::to_string(i), {}, 0, {}, {}, false});
  }

  void step() {
    now += 5ms;
    for (size_t i = 0; i < nodes.size(); ++i) {
      auto& one = nodes[i];
      if (one.dead)
        continue;
      if (chance() % 10 == 0 && one.waiting < 50)
        one.waiting += chance() % 4;
      const auto before = one.running.size();
      std::erase_if(one.running, [&](duration end) { return end <= now; });
      one.share.ended(before - one.running.size());
      while (one.waiting > 0 && one.share.has_room(true, limit.rate > 0, now)) {
        --one.waiting;
        one.share.begun(true);
        ++starts;
        one.running.push_back(now + duration{static_cast<int64_t>(chance() % 400'000)});
      }
      if (now - one.share.said_at >= 20ms)
        say(i, one.share.wish("q", one.waiting, now));
    }
    for (auto& note : std::exchange(ways, {}))
      if (note.due > now)
        ways.push_back(note);
      else
        arrive(note);
    size_t running = 0;
    for (const auto& one : nodes)
      running += one.running.size();
    most = std::max(most, running);
    ASSERT_LE(running, limit.concurrency);
    if (limit.rate > 0) {
      ASSERT_LE(static_cast<double>(starts),
                1 + limit.rate * static_cast<double>((now - begun).count()) / 1e6 + 1e-6);
    }
  }

  void say(size_t from, quota_note note) {
    if (now < nodes[from].cut_until || chance() % 1000 < loss)
      return;
    ways.push_back(
        {from, std::move(note), now + duration{static_cast<int64_t>(chance() % 40'000)}});
  }

  void arrive(const on_its_way& it) {
    auto& one = nodes[it.from];
    if (it.note.answer) {
      if (!one.dead)
        one.share.answered(it.note, now);
      return;
    }
    keeper.change(limit, now);
    keeper.sweep(now, [&](const std::string& name) {
      for (const auto& other : nodes)
        if (other.name == name)
          return !other.dead;
      return false;
    });
    say(it.from, keeper.wish(one.name, it.note, now));
  }

  std::mt19937_64 chance;
  work_limit limit;
  std::vector<node> nodes;
  std::vector<on_its_way> ways;
  quota_keeper keeper{10s, {}, 1};
  duration begun = 1h;
  duration now = begun;
  uint64_t loss = 0;
  size_t most = 0;
  uint64_t starts = 0;
};

TEST(quota, all_nodes_together_never_exceed_it_and_nobody_starves) {
  for (uint64_t seed = 1; seed <= 40; ++seed) {
    shared_queue queue(seed);
    queue.loss = seed % 3 * 50;
    std::vector<size_t> served(queue.nodes.size());
    for (int i = 0; i < 4000; ++i) {
      queue.step();
      if (::testing::Test::HasFatalFailure())
        FAIL() << "seed " << seed;
      for (size_t n = 0; n < served.size(); ++n)
        served[n] += queue.nodes[n].running.size();
    }
    EXPECT_GE(queue.most, queue.limit.rate > 0 ? 1 : queue.limit.concurrency) << "seed " << seed;
    for (size_t n = 0; n < served.size(); ++n)
      EXPECT_GT(served[n], 0u) << "seed " << seed << " node " << n;
  }
}

TEST(quota, what_a_dead_node_held_comes_back_and_what_a_silent_one_holds_does_not) {
  for (uint64_t seed = 1; seed <= 40; ++seed) {
    shared_queue queue(seed);
    queue.limit.rate = 0;
    for (int i = 0; i < 400; ++i)
      queue.step();
    queue.nodes[1].dead = true;
    queue.nodes[1].running.clear();
    queue.nodes[2].cut_until = queue.now + 30s;
    for (int i = 0; i < 5000; ++i) {
      queue.step();
      if (::testing::Test::HasFatalFailure())
        FAIL() << "seed " << seed;
    }
    // The silent one is back: everything can be used again.
    queue.nodes[2].cut_until = {};
    queue.most = 0;
    for (int i = 0; i < 4000; ++i) {
      for (auto& one : queue.nodes)
        one.waiting = one.dead ? 0 : 50;
      queue.step();
    }
    EXPECT_EQ(queue.most, queue.limit.concurrency) << "seed " << seed;
  }
}

TEST(quota, a_new_keeper_gives_nothing_away_before_it_knows_what_is_held) {
  quota_keeper keeper(10s, 1h + 10s, 1);
  keeper.change({.concurrency = 4}, 1h);
  quota_note wish{"q", false, 0, 3, 5, 0, 0};
  EXPECT_EQ(keeper.wish("n1", wish, 1h).slots, 3u);
  EXPECT_EQ(keeper.wish("n2", {"q", false, 0, 0, 5, 0, 0}, 1h + 1s).slots, 0u);
  EXPECT_EQ(keeper.wish("n2", {"q", false, 0, 0, 5, 0, 0}, 1h + 11s).slots, 1u);
}

waiting_task task_at(uint64_t number, int32_t priority = 3) {
  return {entity_id{uuid{number, number}}, from_micros(static_cast<int64_t>(number)), priority,
          shard_id{0}};
}

TEST(lane_lines, keys_share_by_weight_and_none_starves) {
  lane_lines lines;
  uint64_t number = 0;
  const std::map<std::string, double> weights = {{"a", 1}, {"b", 2}, {"c", 5}};
  for (int i = 0; i < 1000; ++i)
    for (const auto& [key, weight] : weights)
      lines.push(key, weight, task_at(++number));
  std::map<std::string, int> served;
  for (int i = 0; i < 800; ++i) {
    const std::string key = *lines.next_key();
    lines.pop(key);
    ++served[key];
  }
  EXPECT_NEAR(served["a"], 100, 2);
  EXPECT_NEAR(served["b"], 200, 2);
  EXPECT_NEAR(served["c"], 500, 2);
}

TEST(lane_lines, one_key_with_a_million_tasks_does_not_hold_up_another) {
  lane_lines lines;
  for (uint64_t i = 1; i <= 10'000; ++i)
    lines.push("flood", 1, task_at(i));
  for (int i = 0; i < 500; ++i)
    lines.pop(std::string(*lines.next_key()));
  lines.push("late", 1, task_at(20'000));
  int before = 0;
  while (*lines.next_key() != "late") {
    lines.pop("flood");
    ++before;
  }
  EXPECT_LE(before, 1);
}

TEST(lane_lines, within_a_key_priority_then_age_decides) {
  lane_lines lines;
  lines.push("k", 1, task_at(1, 5));
  lines.push("k", 1, task_at(2, 1));
  lines.push("k", 1, task_at(3, 1));
  EXPECT_EQ(lines.pop("k").id, task_at(2).id);
  EXPECT_EQ(lines.pop("k").id, task_at(3).id);
  EXPECT_EQ(lines.pop("k").id, task_at(1).id);
  EXPECT_TRUE(lines.empty());
  EXPECT_EQ(lines.next_key(), nullptr);
}

TEST(lane_lines, a_closed_line_waits_and_goes_on_when_it_is_opened) {
  lane_lines lines;
  lines.push("a", 1, task_at(1));
  lines.push("b", 1, task_at(2));
  lines.close("a");
  EXPECT_EQ(*lines.next_key(), "b");
  lines.push("a", 1, task_at(3));
  EXPECT_EQ(*lines.next_key(), "b");
  lines.pop("b");
  EXPECT_EQ(lines.next_key(), nullptr);
  lines.open("a");
  EXPECT_EQ(*lines.next_key(), "a");
  EXPECT_EQ(lines.size(), 2u);
}

TEST(lane_lines, random_use_loses_and_doubles_nothing) {
  for (uint64_t seed = 1; seed <= 30; ++seed) {
    std::mt19937_64 chance(seed);
    lane_lines lines;
    std::map<entity_id, int> inside;
    uint64_t number = 0;
    for (int i = 0; i < 3000; ++i) {
      const std::string key(1, static_cast<char>('a' + chance() % 6));
      switch (chance() % 6) {
        case 0:
        case 1:
        case 2: {
          auto task = task_at(++number, static_cast<int32_t>(1 + chance() % 5));
          task.shard = shard_id{static_cast<uint16_t>(chance() % 3)};
          lines.push(key, 1 + static_cast<double>(chance() % 3), task);
          ++inside[task.id];
          break;
        }
        case 3:
          if (const auto* next = lines.next_key()) {
            EXPECT_EQ(inside.erase(lines.pop(std::string(*next)).id), 1u);
          }
          break;
        case 4: lines.close(key); break;
        default: lines.open(key);
      }
      ASSERT_EQ(lines.size(), inside.size());
    }
    lines.open_all();
    while (const auto* next = lines.next_key())
      EXPECT_EQ(inside.erase(lines.pop(std::string(*next)).id), 1u);
    EXPECT_TRUE(inside.empty());
  }
}

}  // namespace
}  // namespace orrery::actors
