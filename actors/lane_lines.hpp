#pragma once
/// The tasks that wait in one lane (queue, kind, labels), as lines: one for each limit key, and one for
/// all tasks without a key. Between lines of equal urgency slots are shared by weight (stride scheduling:
/// each start moves its line back by one over its weight); within a line by priority, then by time.
///
/// Pure. A line that may not go on, because its key is at a limit, is closed and costs nothing until it is
/// opened again.

#include "actors/meters.hpp"
#include "domain/ids.hpp"

#include "base/time.hpp"

#include <map>
#include <queue>
#include <set>
#include <string>
#include <tuple>
#include <vector>

namespace orrery::actors {

struct waiting_task {
  entity_id id;
  time_point since{};
  int32_t priority = 0;
  shard_id shard;
  /// Greater = later: the smallest priority number is the most urgent.
  friend bool operator<(const waiting_task& a, const waiting_task& b) {
    return std::tie(a.priority, a.since, a.id) > std::tie(b.priority, b.since, b.id);
  }
};

class lane_lines {
public:
  void push(const std::string& key, double weight, waiting_task task);
  /// The key whose turn it is; null where no open line waits. Valid until the next change.
  const std::string* next_key() const;
  /// The first of that key's line.
  const waiting_task& front(const std::string& key) const { return lines_.at(key).heap.top(); }
  waiting_task pop(const std::string& key);

  void close(const std::string& key);
  void open(const std::string& key);
  void open_all();
  bool is_closed(const std::string& key) const;

  /// How many went.
  size_t erase(shard_id shard);
  bool empty() const noexcept { return size_ == 0; }
  size_t size() const noexcept { return size_; }
  size_t size_of(const std::string& key) const;
  /// Since when the one waits that waits longest; `now` where none does.
  time_point oldest(time_point now) const;
  /// Adds who waits, by shard. As costly as `oldest`.
  void add_depths(const std::string& queue, time_point now, depth_board::table& to) const;

private:
  struct heap_of : std::priority_queue<waiting_task> {
    const std::vector<waiting_task>& all() const { return c; }
    size_t erase(shard_id shard);
  };
  using turn = std::tuple<int32_t, double, time_point, std::string>;
  struct line {
    heap_of heap;
    double weight = 1;
    double pass = 0;
    bool closed = false;
    turn at;  ///< Its place among the turns; meaningful while it is there.
    bool has_turn = false;
  };

  void take_turn(const std::string& key, line& one);
  void leave_turn(line& one);

  std::map<std::string, line> lines_;
  std::set<turn> turns_;
  double pass_ = 0;  ///< Of the line that had the last turn: who comes anew begins here.
  size_t size_ = 0;
};

}  // namespace orrery::actors
