#pragma once
/// The rules of queues and kinds: kept in the store, known to this node's board.

#include "actors/limit_board.hpp"
#include "base/clock.hpp"
#include "base/worker.hpp"
#include "domain/ports/settings.hpp"

#include <condition_variable>
#include <mutex>
#include <thread>

namespace orrery::app {

/// Owns two threads: one that reads the store each `period`, one that changes it. A change is known here at
/// once, and to the other nodes after their next reading. While the store is away the last rules hold.
class rule_book {
public:
  static constexpr duration period = 500ms;
  using answer = std::function<void(result<work_rule>)>;

  /// All outlive this. `changed` is called on a thread of ours after the board has new rules.
  rule_book(settings_source& source, const clock& time, actors::limit_board& board,
            std::function<void()> changed);
  ~rule_book();

  /// Reads for the first time, then starts the threads.
  result<void> start();
  /// Idempotent.
  void stop();

  void list(std::function<void(result<std::vector<work_rule>>)> done);
  /// Applies `edit` to the rule as it is and stores it; repeated where somebody else was faster.
  void change(rule_scope scope, std::string name, std::function<void(work_rule&)> edit,
              answer done);

private:
  result<std::vector<work_rule>> read(settings_store& from);
  void publish(std::vector<work_rule> rules);
  void run(const std::stop_token& stopping);

  settings_source& source_;
  const clock& time_;
  actors::limit_board& board_;
  const std::function<void()> changed_;
  std::unique_ptr<settings_store> for_changes_;
  worker changes_;
  std::mutex guard_;
  std::condition_variable_any wake_;
  std::jthread thread_;
};

}  // namespace orrery::app
