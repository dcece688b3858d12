#pragma once
/// What is new in a node's log, for the nodes that follow it: the newest lines, the question for what came
/// after them, and the answer. Internal to app/. No threads, no clock.

#include "base/log.hpp"
#include "base/result.hpp"
#include "base/time.hpp"

#include <chrono>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

namespace orrery::app {

using steady_time = std::chrono::steady_clock::time_point;

/// Up to where somebody has heard a node.
struct log_place {
  std::string run = {};  ///< Which process of the node; empty = none was heard yet.
  uint64_t number = 0;   ///< Of the last line that was looked at.
  bool operator==(const log_place&) const = default;
};

struct log_question {
  log::level least = log::level::debug;
  log_place after = {};
  /// Where `after` is empty: lines of so long ago count. An age, as clocks of nodes differ.
  duration age{};
};

struct log_news {
  log_place upto;
  uint64_t lost = 0;  ///< Lines (of any level) that had left the memory before they were asked for.
  bool more = false;  ///< There is more at once.
  std::vector<std::string> lines;
};

/// Between nodes: lines of text, none of which holds a line end.
std::string to_text(const log_question& question);
log_question log_question_in(std::string_view text);
std::string to_text(const log_news& news);
/// `corrupt` where it is no such text.
result<log_news> log_news_in(std::string_view text);

/// The newest lines of this node: what does not fit pushes the oldest out. Used under its owner's lock.
class log_memory {
public:
  /// `run` differs from process to process of a node, and holds no line end.
  log_memory(std::string run, size_t bytes_max) : run_(std::move(run)), bytes_max_(bytes_max) {}

  void add(log::level lvl, std::string_view line, steady_time now);
  /// About `bytes_max` of what came after the question's place.
  log_news after(const log_question& question, steady_time now, size_t bytes_max) const;

private:
  struct entry {
    log::level lvl;
    steady_time at;
    std::string line;
  };
  const std::string run_;
  const size_t bytes_max_;
  std::deque<entry> entries_;
  size_t bytes_ = 0;
  uint64_t first_ = 1;  ///< Number of the first entry.
};

}  // namespace orrery::app
