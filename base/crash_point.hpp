#pragma once
/// Places where a test lets the program die as by kill -9: `CRASH_AT=<point>:<nth>` in the environment
/// raises SIGKILL in the process itself the nth time the point is reached. Only in a program that links
/// base/crash_point.cpp, as `orrery_crash` does; all others have base/no_crash_point.cpp, where a point is
/// nothing at all. docs/reliability.md says what each is for.
///
/// A name or number that is not understood ends the process with status 2 at the first point, so that a
/// misspelled test cannot pass.

#include <cstdint>

namespace orrery {

enum class crash_point : uint8_t {
  submit_read,
  submit_before_durable,
  submit_after_durable,
  start_committed,
  attempt_before_work,
  attempt_done,
  commit_before,
  commit_after,
  publish_before,
  publish_acked,
  publish_marked,
  intake_polled,
  commit_told,
  rebalance,
  timer_fired,
  retry_stored,
  dead_letter,
  cancel_decided,
  attempt_takeover,
  wal_checkpoint,
  migration_between,
  drain,
  child_running,
  sweep_between,
  stock_held,
  stock_prepare,
  stock_prepared,
  stock_decided,
  stock_finished,
  stock_forgotten,
};

/// Whether this program has them.
bool has_crash_points() noexcept;

/// Any thread. Does not return where this is the chosen moment.
void reach(crash_point point) noexcept;

}  // namespace orrery
