#pragma once
/// The log of this node and of those it can reach, for `GET /api/logs`: from the rotating file, and as lines
/// are written.

#include "base/log_outputs.hpp"
#include "base/worker.hpp"
#include "domain/ports/node_logs.hpp"

#include <atomic>
#include <deque>
#include <mutex>

namespace orrery::app {

/// Reads of the file run on a thread of its own.
class node_log_office final : public node_log_desk {
public:
  struct options {
    std::string node;
    std::string file;         ///< Empty = none is kept.
    uint32_t files_kept = 5;  ///< Rotated ones beside it.
    size_t readers_max = 64;  ///< Who follows.
    duration read_limit = 2s;
  };
  explicit node_log_office(options how);
  ~node_log_office() override;

  /// How other nodes are asked from now on. `others`: who can be reached; `ask`: one of them, answered within
  /// a few seconds.
  void reach(
      std::function<std::vector<std::string>()> others,
      std::function<void(std::string, std::string, std::function<void(result<std::string>)>)> ask);
  /// The question of another node, and the answer to it; `done` on any thread.
  void answer_peer(const std::string& question, std::function<void(result<std::string>)> done);
  void stop();

  void read(node_log_wish wish, std::function<void(result<node_log_page>)> done) override;
  result<std::shared_ptr<feed_stream>> follow(node_log_wish wish,
                                              std::function<void()> wake) override;

private:
  class follower;
  class hub;

  void read_here(node_log_wish wish, std::function<void(result<node_log_page>)> done);

  const options how_;
  std::shared_ptr<hub> hub_;
  std::mutex reach_guard_;  ///< Of the next two: requests come before the mesh is there.
  std::function<std::vector<std::string>()> others_;
  std::function<void(std::string, std::string, std::function<void(result<std::string>)>)> ask_;
  worker reader_;
};

}  // namespace orrery::app
