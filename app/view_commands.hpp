#pragma once
/// `orrery views rebuild`: whether the views are what the journal says.

#include "app/config.hpp"

#include <functional>

namespace CLI {
class App;
}

namespace orrery::app {

/// `options` adds those of the configuration, `load` reads it.
void add_view_commands(CLI::App& app, int& status, const std::function<void(CLI::App*)>& options,
                       const std::function<loaded_config()>& load);

}  // namespace orrery::app
