#pragma once
/// One who follows the log of an attempt. Internal to app/.

#include "app/log_office.hpp"

#include <chrono>

namespace orrery::app {

/// Filled by the office's thread, emptied by its reader's.
class log_follower final : public feed_stream {
public:
  log_follower(log_wish wish, std::function<void()> wake);

  // Its reader's side.
  void take(std::string& out, size_t bytes_max) override;
  std::string place() const override;
  feed_end ended() const override;

  // The office's side.
  const log_wish& wish() const noexcept { return wish_; }
  /// What was there before it was opened.
  void begin(log_answer first);
  /// Behind which chunk it wants more; nothing while its reader has enough to take.
  std::optional<int64_t> wants() const;
  /// Whether there was something new in it.
  bool take_news(log_content content);
  /// Nothing came for a moment: the task is asked whether the attempt is over.
  bool asks_for_state();
  void hear_state(bool over);
  void end(feed_end why);
  bool is_over() const;

private:
  using steady = std::chrono::steady_clock;
  struct frame {
    std::string place;
    std::string text;
  };
  void add(const log_answer& news);
  void tell_gap(const log_loss& lost);

  const log_wish wish_;
  const std::function<void()> wake_;
  mutable std::mutex guard_;
  std::deque<frame> frames_;
  size_t bytes_ = 0;
  std::string taken_;       ///< Place of the last frame that its reader has.
  line_place seen_{0, -1};  ///< Of the last line that has a frame.
  feed_end end_ = feed_end::none;
  steady::time_point quiet_since_ = steady::now();
  steady::time_point asked_at_{};
  std::optional<steady::time_point> over_since_;
};

}  // namespace orrery::app
