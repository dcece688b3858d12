#pragma once
/// The keys of the configuration: one row each, with how it is read, bounded and shown.

#include "app/config.hpp"

#include <functional>
#include <string>
#include <vector>

namespace orrery::app {

/// How a setting is read and shown.
struct key_rule {
  std::string key;
  std::function<result<void>(config&, const std::string&)> set;
  std::function<std::string(const config&)> get;  ///< As it may be shown: secrets are masked.
};

/// All keys, in the order in which `orrery config` shows them.
const std::vector<key_rule>& config_rules();

}  // namespace orrery::app
