#pragma once
/// The log of this node and of those it can reach, for `GET /api/logs`: from the rotating files, and as lines
/// are written (app/log_hub.hpp for those of this node, app/log_scout.hpp for those of others).

#include "app/log_scout.hpp"
#include "base/worker.hpp"

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
    std::string run = "1";  ///< Another one in each process of the node.
    bool others = false;    ///< There may be other nodes: the newest lines are kept for them.
  };
  using names = log_scout::names;
  using asker = log_scout::asker;
  explicit node_log_office(options how);
  ~node_log_office() override;

  /// How other nodes are asked from now on, once. `others`: who can be reached; then how one of them is asked
  /// for lines of its file (`answer_peer` there) and for what is new (`tell_news`), answered within a few
  /// seconds.
  void reach(names others, asker ask_lines, asker ask_news);
  /// The question of another node, and the answer to it; `done` on any thread.
  void answer_peer(const std::string& question, std::function<void(result<std::string>)> done);
  /// The same for what is new; at once.
  std::string tell_news(const std::string& question) const;
  void stop();

  void read(node_log_wish wish, std::function<void(result<node_log_page>)> done) override;
  result<std::shared_ptr<feed_stream>> follow(node_log_wish wish,
                                              std::function<void()> wake) override;

private:
  void read_here(node_log_wish wish, std::function<void(result<node_log_page>)> done);

  const options how_;
  std::shared_ptr<log_hub> hub_;
  std::mutex reach_guard_;  ///< Of the next three: requests come before the mesh is there.
  names others_;
  asker ask_;
  std::unique_ptr<log_scout> scout_;
  worker reader_;
};

}  // namespace orrery::app
