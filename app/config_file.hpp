#pragma once
/// Reads `orrery.toml`.

#include "app/config.hpp"

#include <map>
#include <string>

namespace orrery::app {

/// Puts scalar keys into `keys` under their dotted names and tables with a form of their own (commands,
/// Kafka's security) into `out`; what is wrong, with line and column, into `out.problems`.
void read_config_file(const std::string& file, std::map<std::string, std::string>& keys,
                      loaded_config& out);

}  // namespace orrery::app
