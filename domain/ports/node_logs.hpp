#pragma once
/// The log lines of the nodes, as their faces show them. Implemented in app/ over the log files.

#include "base/log.hpp"
#include "base/result.hpp"
#include "base/time.hpp"
#include "domain/ports/live_feed.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace orrery {

/// Which lines. Empty members do not filter.
struct node_log_wish {
  log::level least = log::level::debug;
  std::string text = {};   ///< Anywhere in the line, in any case of (ASCII) letters.
  time_point from{};       ///< Inclusive.
  time_point to{};         ///< Exclusive.
  std::string node = {};   ///< Of this node only; empty = of all that can be reached.
  std::string trace = {};  ///< Id of a trace.
  size_t limit = 200;
};

struct node_log_page {
  /// JSON objects, oldest first: the newest `limit` that fit, and those of the same instant as the first.
  std::vector<std::string> lines;
  time_point next{};  ///< There may be older ones: ask with `to` = this. `never` = there are none.
  std::vector<std::string> missing;  ///< Nodes that did not answer.
};

class node_log_desk {
public:
  virtual ~node_log_desk() = default;
  /// Runs `done` once, on any thread, within a few seconds. Failures: `busy`, `not_found` (no such node),
  /// `unavailable` (the node that was named cannot be reached, or keeps no file).
  virtual void read(node_log_wish wish, std::function<void(result<node_log_page>)> done) = 0;
  /// Lines of all nodes (of `node`) as they are written, as frames of server-sent events: `log` is a line,
  /// `lost` counts lines of a node that cannot be had any more, `nodes` says who is heard and who is missing,
  /// whenever that changes. A node that goes or comes does not end the stream. Those of several nodes come in
  /// the order of their times as far as they arrive in time. `wake` as in `live_feed::open`. Failures: `busy`
  /// (too many readers), `not_found` (no such node).
  virtual result<std::shared_ptr<feed_stream>> follow(node_log_wish wish,
                                                      std::function<void()> wake) = 0;
};

/// Whether a line, as JSON, is one of those. It is written by `log`, so its members `time`, `level` and `node`
/// come first, and are told by how it begins.
bool fits(const node_log_wish& wish, std::string_view line);
/// When a line was written; empty where it is none of ours.
std::optional<time_point> time_of_line(std::string_view line);

}  // namespace orrery
