#pragma once
/// A named thread that we own, with a bounded queue of jobs: the place for calls that block.

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace orrery {

/// Runs jobs one after another on `threads` threads. `submit` is thread-safe and never blocks; at
/// the limit it refuses, and the caller answers "busy". A job must not throw.
class worker {
public:
  worker(std::string name, size_t queue_max, size_t threads = 1);
  /// Runs what is queued, then joins.
  ~worker();
  worker(const worker&) = delete;
  worker& operator=(const worker&) = delete;

  /// False when the queue is full or the worker is stopping; the job is then not run.
  [[nodiscard]] bool submit(std::function<void()> job);
  /// Refuses new jobs, runs the queued ones, joins. Idempotent.
  void stop();
  size_t queued() const;

private:
  void run();

  std::string name_;
  size_t queue_max_;
  mutable std::mutex guard_;
  std::condition_variable wake_;
  std::deque<std::function<void()>> jobs_;
  bool stopping_ = false;
  std::vector<std::jthread> threads_;
};

/// Names the calling thread, as shown by `ps -T` and debuggers; cut to 15 characters.
void name_this_thread(const std::string& name);

}  // namespace orrery
