#pragma once
/// Why a task does not run now: the one thing that holds it.

#include "domain/lane_view.hpp"
#include "domain/task.hpp"

namespace orrery {

struct blocker {
  /// `none` (it runs or has ended), `delay`, `retry`, `paused`, `unknown-kind`, `rule-pause`,
  /// `limit-of-queue`, `limit-of-key`, `rate-of-queue`, `rate-of-key`, `no-worker`, `no-label`,
  /// `slots-of-kind`, `slots-of-queue`, `turn`, `shard-moving`.
  std::string code;
  std::string text;          ///< A sentence for people.
  time_point until = never;  ///< When it ends by itself, where that is known.
};

/// Of whose attempts to ask who holds what the task waits for; by the code of its blocker.
enum class held_by { nobody, kind, queue, key };
held_by holders_of(const blocker& why) noexcept;

/// `lane`: of the node that owns the shard; needed for QUEUED only.
blocker why_waiting(const task& t, const lane_view& lane);

}  // namespace orrery
