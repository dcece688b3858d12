#pragma once
/// Starts one process, hardened: own session, no other descriptors, no new privileges, clean
/// environment, limits, and killed by the kernel when the thread that started it ends.

#include "actors/executors/command.hpp"
#include "actors/executors/descriptor.hpp"

#include <sys/types.h>
#include <string>
#include <vector>

namespace orrery {

struct spawned_process {
  pid_t pid = -1;              ///< Also its process group and its session.
  descriptor handle;           ///< pidfd: readable when the process has ended.
  descriptor standard_input;   ///< Non-blocking; empty where there is nothing to write.
  descriptor standard_output;  ///< Non-blocking.
  descriptor standard_error;   ///< Non-blocking.
};

/// `environment` holds `NAME=value`. Must be called on a thread that lives as long as the process
/// may
/// (`PR_SET_PDEATHSIG` is tied to it). The caller reaps. The failure tells which step failed.
result<spawned_process> spawn_process(const command_line& line,
                                      const std::vector<std::string>& environment);

}  // namespace orrery
