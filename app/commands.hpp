#pragma once
/// What the subcommands of `orrery` do; each answers with the exit status.

#include "app/config.hpp"

#include <functional>
#include <string>
#include <vector>

namespace orrery::app {

class running_node;

/// Prints every problem; 2 where there is one.
int report_problems(const loaded_config& loaded);

/// Runs a node until SIGTERM or SIGINT. Prints `ready http=ADDR node=NAME` once it takes work. 0 after
/// an orderly stop, 2 on a bad configuration, 1 when the node failed. `begun` runs before that line; where it
/// fails, the node is stopped.
int serve(const loaded_config& loaded,
          const std::function<result<void>(const running_node&)>& begun = {});

int cluster_init(const std::string& folder, const std::vector<std::string>& nodes);
int cluster_issue(const std::string& folder, const std::vector<std::string>& nodes);

/// The journal of a shard, one event a line.
int print_journal(const loaded_config& loaded, uint32_t shard, int64_t from);
/// The status events of all shards of an embedded node, as its status topics would hold them.
int print_statuses(const loaded_config& loaded, const std::string& topic);

}  // namespace orrery::app
