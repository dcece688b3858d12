#pragma once
/// The memory twin of the event sink, for tests and the simulator.

#include "domain/ports/event_sink.hpp"

#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <thread>

namespace orrery {

/// The status topics and dead-letter topics: what was published, by all sinks together. Thread-safe;
/// outlives its sinks.
class memory_topics {
public:
  std::vector<status_event> events(shard_id shard) const;
  std::vector<dead_letter> dead_letters() const;
  /// As `events`, and drops all but the last of each topic: for runs that would not fit into memory.
  std::vector<status_event> take_events(shard_id shard);

  /// The next `calls` fail with `why`; `stored`: what they brought is published all the same.
  void fail_next(size_t calls, failure why, bool stored = false);

private:
  friend class memory_sink;
  result<void> store(shard_id shard, const std::vector<status_event>& events);
  result<void> store(const std::vector<dead_letter>& letters);

  mutable std::mutex guard_;
  std::map<shard_id, std::vector<status_event>> events_;
  std::vector<dead_letter> letters_;
  size_t failing_ = 0;
  failure why_;
  bool stored_ = false;
};

/// Publishes at once and answers on its own thread, or, where it is `stepped`, inside `step`.
class memory_sink final : public event_sink {
public:
  enum class drive { threaded, stepped };

  explicit memory_sink(memory_topics& topics, drive how = drive::threaded);
  /// Every call still unanswered is answered `unavailable`.
  ~memory_sink() override;
  memory_sink(const memory_sink&) = delete;
  memory_sink& operator=(const memory_sink&) = delete;

  void publish(shard_id shard, std::vector<status_event> events,
               std::function<void(result<void>)> done) override;
  result<tails> last_published(shard_id shard, const publishing_state& known,
                               duration timeout) override;
  void publish_dead_letters(std::vector<dead_letter> letters,
                            std::function<void(result<void>)> done) override;

  /// While held, calls take effect but stay unanswered.
  void hold(bool hold);
  /// Gives the oldest answer that is due; false where there is none.
  bool step();

private:
  struct pending_answer {
    std::function<void(result<void>)> done;
    result<void> outcome;
  };
  void answer(std::function<void(result<void>)> done, result<void> outcome);
  void run();

  memory_topics& topics_;
  const drive how_;
  std::mutex guard_;
  std::condition_variable wake_;
  std::deque<pending_answer> answers_;
  bool held_ = false;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace orrery
