#pragma once
/// Takes what the attempts of this node write, and stores it by a thread of its own.

#include "base/clock.hpp"
#include "domain/ports/task_logs.hpp"

#include <array>
#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <thread>

namespace orrery::app {

struct log_options {
  std::string node;
  int64_t attempt_bytes = 1 << 20;  ///< Kept of one attempt; the oldest goes.
  int64_t node_bytes = 1 << 30;  ///< Kept of what this node wrote; the attempts of longest ago go.
  size_t buffer_bytes = 16 << 20;  ///< That wait to be stored; the oldest goes.
  duration pace = 250ms;           ///< Between two rounds of storing.
  duration hold = 1s;              ///< So long a line waits for its end.
  duration pause = 1s;             ///< After a round that failed.
  size_t followers_max = 256;
};

/// For /metrics.
struct log_figures {
  int64_t lines = 0;     ///< Stored.
  int64_t dropped = 0;   ///< Lines that never were, because the store was away or too slow.
  int64_t waiting = 0;   ///< Bytes that wait to be stored.
  int64_t failures = 0;  ///< Rounds that the store refused.
};

/// Bytes become lines here. Between its rounds nothing is written, so an attempt that writes line by line
/// costs the store a few transactions in a second, however many attempts there are.
class log_recorder final : public attempt_log {
public:
  log_recorder(task_log_source& where, const clock& time, log_options how);
  ~log_recorder() override;

  void write(entity_id task, attempt_token token, log_source source,
             std::string_view bytes) override;
  void write(entity_id task, attempt_token token, std::vector<log_line> lines) override;
  void close(entity_id task, attempt_token token) override;

  /// Stores what waits, once, and ends the thread. Idempotent.
  void stop();
  log_figures figures() const;

private:
  using key = std::pair<entity_id, attempt_token>;
  /// A line whose end has not come.
  struct open_line {
    time_point since{};
    std::string text;
  };
  struct entry {
    std::deque<log_line> lines;
    size_t bytes = 0;
    log_loss lost;
    std::array<open_line, 2> open;  ///< Of standard output and error.
    bool closed = false;
  };

  void add(entry& to, log_line line);
  void drop_oldest(entry& from, size_t bytes_left);
  void end_open_line(entry& of, size_t which);
  void keep_within_limits(entry& latest);
  void run();
  std::vector<log_batch> take();
  bool store(std::vector<log_batch>& batches, task_log_store& logs);
  void trim(task_log_store& logs);

  const std::unique_ptr<task_log_store> logs_;  ///< Of the thread.
  const clock& time_;
  const log_options how_;
  mutable std::mutex guard_;
  std::condition_variable wake_;
  std::map<key, entry> entries_;
  size_t bytes_ = 0;  ///< In all of them.
  int64_t last_stamp_ = 0;
  bool stopping_ = false;
  log_figures figures_;
  int64_t untrimmed_ = 0;  ///< Stored since it was last looked whether all is too much.
  std::jthread thread_;    ///< Last: it uses all of the above.
};

}  // namespace orrery::app
