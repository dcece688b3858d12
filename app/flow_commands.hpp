#pragma once
/// `orrery flows check | bpmn`, `orrery process`: flows and drawings without a server.

#include <CLI/CLI.hpp>

namespace orrery::app {

/// Adds the subcommands; `status` becomes the exit status: 0, or 2 where the input is wrong (said on
/// stderr, with the place).
void add_flow_commands(CLI::App& app, int& status);

}  // namespace orrery::app
