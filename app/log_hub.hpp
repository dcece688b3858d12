#pragma once
/// Where the lines of this node, and those that the scout brings from others, meet who follows them. Internal
/// to app/.

#include "app/line_stream.hpp"
#include "base/log_outputs.hpp"

#include <atomic>
#include <condition_variable>
#include <memory>
#include <set>
#include <stop_token>

namespace orrery::app {

/// Thread-safe.
class log_hub final : public log::tap {
public:
  struct options {
    std::string node;
    std::string run;                  ///< Of this process.
    size_t streams_max = 64;          ///< More are refused.
    size_t memory_bytes = 0;          ///< Newest lines kept for other nodes; 0 = there are none.
    size_t answer_bytes = 256 << 10;  ///< Of one answer to another node, about.
  };
  explicit log_hub(options how);

  /// A line of this node.
  void take(log::level lvl, std::string_view line) noexcept override;
  /// The question of another node.
  log_news answer(const log_question& question) const;

  /// Null where too many follow.
  std::shared_ptr<line_stream> open(node_log_wish wish, duration settle,
                                    std::function<void()> wake);
  /// Ends all streams, also those to come.
  void end();

  // For the scout.

  /// What those who follow want of other nodes.
  struct interest {
    bool any = false;
    bool all = false;  ///< All nodes; else `nodes`.
    std::set<std::string> nodes;
    log::level least = log::level::off;
    steady_time since{};  ///< When the oldest of them began.
  };
  interest wanted();
  /// Until there is an interest, or `stop`.
  void await_interest(std::stop_token stop);
  void bring(const std::vector<std::string>& lines);
  void tell_loss(const std::string& node, uint64_t lines);
  void tell_nodes(const std::vector<std::string>& heard, const std::vector<std::string>& missing);
  void look();

private:
  struct follower {
    std::weak_ptr<line_stream> stream;
    steady_time since;
  };
  /// Under `guard_`. Forgets those who are gone.
  template <class F>
  void each(F&& what);
  interest interest_now();
  void forget_gone();

  const options how_;
  mutable std::mutex guard_;
  std::condition_variable_any begun_;
  std::vector<follower> followers_;
  std::atomic<size_t> followers_count_{0};  ///< So that lines cost nothing while nobody follows.
  log_memory memory_;
  bool ended_ = false;
};

}  // namespace orrery::app
