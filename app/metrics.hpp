#pragma once
/// Prometheus text of a node's counters.

#include "actors/context.hpp"
#include "actors/journal_writer.hpp"
#include "app/live_feed.hpp"
#include "app/log_recorder.hpp"

#include <string>
#include <vector>

namespace orrery::app {

void append_node_metrics(std::string& out, const actors::node_probe& probe,
                         const actors::writer_figures& writer);
/// Slots, queue depth and oldest wait of each node that is known.
void append_load_metrics(std::string& out, const std::map<std::string, node_load>& loads);
void append_feed_metrics(std::string& out, const feed_figures& f);
void append_log_metrics(std::string& out, const log_figures& f);
void append_shard_metrics(std::string& out, const std::vector<shard_row>& rows);

}  // namespace orrery::app
