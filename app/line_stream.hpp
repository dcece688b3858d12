#pragma once
/// One who follows the log of the nodes. Internal to app/.

#include "app/log_news.hpp"
#include "domain/ports/node_logs.hpp"

#include <deque>
#include <functional>
#include <mutex>

namespace orrery::app {

/// Filled by threads that log and by the scout (app/log_scout.hpp), emptied by its reader's.
class line_stream final : public feed_stream {
public:
  /// Lines are held back for `settle`, so that those of several nodes come in the order of their times.
  line_stream(node_log_wish wish, duration settle, std::function<void()> wake);

  // Its reader's side.
  void take(std::string& out, size_t bytes_max) override;
  std::string place() const override;
  feed_end ended() const override;

  // The office's side.
  const node_log_wish& wish() const noexcept { return wish_; }
  /// Taken where it fits the wish. A reader who leaves more than the limits waiting is cut as `slow`.
  void offer(std::string_view line, steady_time now);
  /// Lines of this node are missing from the stream.
  void tell_loss(const std::string& node, uint64_t lines);
  /// Which nodes are heard, and which are there and not heard. The latest counts.
  void tell_nodes(const std::vector<std::string>& heard, const std::vector<std::string>& missing);
  /// Wakes the reader where lines were held back long enough.
  void look(steady_time now);
  void end(feed_end why);

private:
  struct waiting_line {
    time_point written;
    steady_time came;
    std::string text;
  };

  const node_log_wish wish_;
  const duration settle_;
  const std::function<void()> wake_;
  mutable std::mutex guard_;
  std::deque<waiting_line> lines_;  ///< By time.
  size_t bytes_ = 0;
  std::string notes_;  ///< Frames about losses that wait.
  std::string told_;   ///< The last frame about nodes.
  bool told_is_new_ = false;
  uint64_t number_ = 0;  ///< Of the last line that its reader has.
  feed_end end_ = feed_end::none;
};

}  // namespace orrery::app
