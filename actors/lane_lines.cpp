#include "actors/lane_lines.hpp"

#include <algorithm>

namespace orrery::actors {

namespace {

constexpr size_t remembered_lines = 1000;

}  // namespace

size_t lane_lines::heap_of::erase(shard_id shard) {
  const auto gone = std::erase_if(c, [&](const waiting_task& one) { return one.shard == shard; });
  if (gone > 0)
    std::make_heap(c.begin(), c.end(), comp);
  return gone;
}

void lane_lines::push(const std::string& key, double weight, waiting_task task) {
  auto& one = lines_[key];
  if (one.heap.empty())
    one.pass = std::max(one.pass, pass_);  // nobody saves up turns by staying away
  one.weight = weight > 0 ? weight : 1;
  one.heap.push(task);
  ++size_;
  take_turn(key, one);
}

void lane_lines::leave_turn(line& one) {
  if (std::exchange(one.has_turn, false))
    turns_.erase(one.at);
}

void lane_lines::take_turn(const std::string& key, line& one) {
  leave_turn(one);
  if (one.closed || one.heap.empty())
    return;
  const auto& first = one.heap.top();
  one.at = {first.priority, one.pass, first.since, key};
  one.has_turn = true;
  turns_.insert(one.at);
}

const std::string* lane_lines::next_key() const {
  return turns_.empty() ? nullptr : &std::get<3>(*turns_.begin());
}

waiting_task lane_lines::pop(const std::string& key) {
  const auto found = lines_.find(key);
  auto& one = found->second;
  const auto task = one.heap.top();
  one.heap.pop();
  --size_;
  pass_ = std::max(pass_, one.pass);
  one.pass += 1 / one.weight;
  const auto name = key;  // may be a part of the turn that goes now
  take_turn(name, one);
  // An empty line remembers how far it has come; so many keys that come once are not remembered.
  if (lines_.size() > remembered_lines + 2 * size_)
    std::erase_if(lines_, [](const auto& entry) {
      return entry.second.heap.empty() && !entry.second.closed;
    });
  return task;
}

void lane_lines::close(const std::string& key) {
  const auto found = lines_.find(key);
  if (found == lines_.end())
    return;
  found->second.closed = true;
  leave_turn(found->second);
}

void lane_lines::open(const std::string& key) {
  const auto found = lines_.find(key);
  if (found == lines_.end())
    return;
  found->second.closed = false;
  take_turn(key, found->second);
}

void lane_lines::open_all() {
  std::vector<std::string> closed;
  for (const auto& [key, one] : lines_)
    if (one.closed)
      closed.push_back(key);
  for (const auto& key : closed)
    open(key);
}

bool lane_lines::is_closed(const std::string& key) const {
  const auto found = lines_.find(key);
  return found != lines_.end() && found->second.closed;
}

size_t lane_lines::size_of(const std::string& key) const {
  const auto found = lines_.find(key);
  return found == lines_.end() ? 0 : found->second.heap.size();
}

size_t lane_lines::erase(shard_id shard) {
  size_t gone = 0;
  for (auto it = lines_.begin(); it != lines_.end();) {
    auto& one = it->second;
    gone += one.heap.erase(shard);
    if (one.heap.empty()) {
      leave_turn(one);
      it = lines_.erase(it);
    } else {
      take_turn(it->first, one);
      ++it;
    }
  }
  size_ -= gone;
  return gone;
}

void lane_lines::add_depths(const std::string& queue, time_point now,
                            depth_board::table& to) const {
  std::map<uint16_t, queue_depth> by_shard;
  for (const auto& [key, one] : lines_)
    for (const auto& each : one.heap.all()) {
      auto& depth = by_shard[each.shard.value];
      ++depth.waiting;
      depth.oldest = std::max(depth.oldest, now - each.since);
    }
  for (const auto& [shard, depth] : by_shard) {
    auto& sum = to[{queue, shard}];
    sum.waiting += depth.waiting;
    sum.oldest = std::max(sum.oldest, depth.oldest);
  }
}

time_point lane_lines::oldest(time_point now) const {
  auto since = now;
  for (const auto& [key, one] : lines_)
    for (const auto& each : one.heap.all())
      since = std::min(since, each.since);
  return since;
}

}  // namespace orrery::actors
