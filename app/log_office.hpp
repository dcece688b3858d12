#pragma once
/// The logs of attempts, as the faces of a node ask for them: of every node, from the store they share.

#include "app/log_recorder.hpp"
#include "base/worker.hpp"
#include "domain/ports/live_feed.hpp"
#include "domain/ports/store.hpp"

namespace orrery::app {

class log_follower;

/// Thread-safe. Streams may outlive it; they have then ended.
class log_office final : public log_desk {
public:
  /// `where` and `truth` must outlive it.
  log_office(task_log_source& where, store& truth, const clock& time, log_options how);
  ~log_office() override;

  void read(log_wish wish, std::function<void(result<log_answer>)> done) override;
  void follow(log_wish wish, std::function<void()> wake,
              std::function<void(result<std::shared_ptr<feed_stream>>)> done) override;
  attempt_log& recorder() override { return recorder_; }
  log_figures figures() const { return recorder_.figures(); }

  /// Ends all streams. Idempotent.
  void end_streams();
  /// Stores what waits, and ends the threads. Idempotent.
  void stop();

private:
  using followers = std::vector<std::weak_ptr<log_follower>>;
  void look(std::stop_token stopped);
  void look_at(log_follower& one, task_log_store& logs, entity_store& tasks);

  store& truth_;
  const log_options how_;
  log_recorder recorder_;
  const std::unique_ptr<task_log_store> reads_;    ///< Of the worker's thread.
  const std::unique_ptr<task_log_store> follows_;  ///< Of the thread that looks.
  std::mutex guard_;
  std::condition_variable_any wake_;
  followers followers_;
  bool ending_ = false;
  worker worker_{"log-reads", 1000};
  std::jthread looks_;  ///< Last: it uses all of the above.
};

/// The number of a chunk and of a line in it, as text: `17.3`.
struct line_place {
  int64_t chunk = 0;
  int64_t line = 0;
};
std::string to_string(const line_place& place);
std::optional<line_place> parse_line_place(std::string_view text);
/// The lines behind `after`, with their places; of them the newest `tail`.
log_answer lines_behind(log_content content, const line_place& after, size_t tail);

}  // namespace orrery::app
