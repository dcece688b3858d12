#pragma once
/// The lives of a task as its events tell them: runs, and the attempts of each.

#include "domain/events.hpp"

namespace orrery {

struct attempt_record {
  uint32_t attempt = 0;
  std::string worker;
  time_point started_at{};
  time_point ended_at{};                 ///< `never` while it runs.
  end_reason reason = end_reason::none;  ///< `none` while it runs.
  std::string error;
  std::string error_code;
  time_point next_at{};  ///< When the next attempt is due, where one follows.
  friend bool operator==(const attempt_record&, const attempt_record&) = default;
};

struct run_record {
  uint32_t run = 1;
  task_status status = task_status::queued;  ///< Now, or when the next run began.
  end_reason reason = end_reason::none;
  time_point created_at{};
  time_point finished_at{};  ///< `never` while it has not ended.
  std::string result;        ///< JSON text.
  std::vector<attempt_record> attempts;
  friend bool operator==(const run_record&, const run_record&) = default;
};

/// Folds a task's own history, oldest first; events of other kinds are passed over.
std::vector<run_record> runs_of(const std::vector<event_record>& history);

}  // namespace orrery
