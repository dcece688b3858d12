#pragma once
/// `orrery cron next | previous | preview | explain`: expressions without a server.

#include "domain/cron/fire_times.hpp"

#include <CLI/CLI.hpp>
#include <string>

namespace orrery::app {

/// Adds the subcommands; `status` becomes the exit status: 0, or 2 where the input is wrong (said on
/// stderr, with the place). That there is no fire time is an answer (`never`) and not an error.
void add_cron_commands(CLI::App& app, int& status);

}  // namespace orrery::app
