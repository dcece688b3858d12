#pragma once
/// `orrery server dev`: a node to try things with.

#include "app/config.hpp"

#include <string>

namespace CLI {
class App;
}

namespace orrery::app {

/// Adds `server dev`: SQLite, the embedded log, one account, on 127.0.0.1. `status` becomes the exit status.
void add_dev_command(CLI::App& app, int& status);

}  // namespace orrery::app
