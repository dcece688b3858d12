#pragma once
/// Shows running tasks in Redis: `orrery:running:<task id>` holds what runs, and goes when it ends, or by
/// itself at the end of the attempt's time. For dashboards and scripts that know Redis; nothing here reads it.
///
/// A sink around the real one. What is published passes through as it is; the tasks it speaks of are noted
/// and looked up in the store by a thread of its own, so that Redis being slow or away changes nothing
/// else. While it is away, notes beyond the limit are dropped, the oldest first; when it is back, all that
/// runs is written again. More time given by a heartbeat shows at the task's next status.

#include "base/clock.hpp"
#include "domain/ports/event_sink.hpp"

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>
#include <thread>

namespace orrery {

struct redis_options {
  std::string address;  ///< `host:port`
  std::string prefix = "orrery:running:";
  size_t notes_max = 10'000;
  duration patience = 1s;     ///< For connecting and for each answer.
  duration retry_after = 1s;  ///< Between attempts to connect.
};

class redis_mirror final : public event_sink {
public:
  /// `inner`, `where` and `time` outlive it.
  redis_mirror(std::unique_ptr<event_sink> inner, store& where, const clock& time,
               redis_options options);
  ~redis_mirror() override;

  void publish(shard_id shard, std::vector<status_event> events,
               std::function<void(result<void>)> done) override;
  result<tails> last_published(shard_id shard, const publishing_state& known,
                               duration timeout) override;
  void publish_dead_letters(std::vector<dead_letter> letters,
                            std::function<void(result<void>)> done) override;

private:
  class connection;
  void run(const std::stop_token& stopped);
  bool write_all_running(connection& redis, entity_store& store, const std::stop_token& stopped);
  bool show(connection& redis, const entity& state);
  std::vector<entity_id> take_notes(const std::stop_token& stopped);

  const std::unique_ptr<event_sink> inner_;
  store& where_;
  const clock& time_;
  const redis_options options_;
  std::mutex guard_;
  std::condition_variable_any wake_;
  std::deque<entity_id> notes_;
  std::jthread runner_;  // last: joins before the rest goes
};

}  // namespace orrery
