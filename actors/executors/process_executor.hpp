#pragma once
/// The `exec` executor: runs configured commands as processes of their own.

#include "actors/executors/command.hpp"
#include "domain/ports/executor.hpp"
#include "domain/ports/task_logs.hpp"

#include <cstddef>
#include <memory>

namespace orrery {

/// Runs the work of `exec` tasks, one process per attempt. Owns one thread, `exec`, which starts,
/// feeds, watches and reaps all processes; `done` runs there and must not block.
///
/// Payload: `{"command":"copy","args":{"from":"/a","to":"/b"},"stdin":"…"}`. See command.hpp.
///
/// A process gets a session of its own, its standard input from `stdin` or /dev/null, a clean
/// environment (PATH, LANG, what its command adds, ORRERY_TASK, ORRERY_RUN, ORRERY_ATTEMPT,
/// ORRERY_EPOCH, TRACEPARENT), its limits, and no new privileges; the kernel kills it when the node
/// dies.
///
/// An attempt ends when its process has ended: what is left of its family (see process_scan.hpp,
/// which also says who can evade) gets `linger` to end by itself, then SIGKILL; `done` runs when
/// none is left. `stop(graceful)` sends SIGTERM to the process group, and after `grace` SIGKILL to
/// the family; `stop(now)` sends SIGKILL at once. The outcome tells how the process ended, whether
/// stopped or not: `exit-3`, `signal-9`, or success for exit 0.
///
/// Other outcomes: `refused` (payload; final), `spawn-failed` (final), `duplicate` (this attempt
/// runs already; final), `busy` (limit reached; retryable), `stopped` (before it began, or at
/// shutdown).
class process_executor final : public executor {
public:
  struct options {
    command_table commands;
    size_t processes_max = 256;  ///< Attempts at a time; more are answered `busy`.
    duration grace = 2s;
    duration linger = 100ms;
    std::string path = "/usr/local/bin:/usr/bin:/bin";
    std::string lang = "C.UTF-8";
    attempt_log* logs = nullptr;  ///< Hears what processes write while they run. Outlives this.
  };

  explicit process_executor(options how);
  /// Kills and reaps everything; every `done` has run when it returns.
  ~process_executor() override;

  void start(work_item item, std::function<void(work_outcome)> done) override;
  void stop(entity_id task, attempt_token token, stop_mode mode) override;
  result<void> check(const std::string& payload) const override;

  /// Attempts whose `done` has not run yet.
  size_t active() const;

private:
  class loop;
  std::unique_ptr<loop> loop_;
};

}  // namespace orrery
