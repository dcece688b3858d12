#pragma once
/// Prometheus text of a node's counters. Every metric, with what it means: docs/observability.md.

#include "actors/context.hpp"
#include "actors/journal_writer.hpp"
#include "app/live_feed.hpp"
#include "app/log_recorder.hpp"

#include <chrono>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace orrery::app {

/// Records of a shard's intake topics that are durable and have not taken effect.
struct intake_lag {
  shard_id shard;
  std::array<int64_t, intakes> records{};
};

/// Lags as they were seen last: a log in the network is not asked at each of many scrapes.
struct lag_memory {
  std::mutex guard;
  std::chrono::steady_clock::time_point at{};  ///< Epoch = never.
  std::vector<intake_lag> lags;
};

void append_node_metrics(std::string& out, const actors::node_probe& probe,
                         const actors::writer_figures& writer);
/// What the actors measure: times, changes of status, mailboxes, and the shards that live here.
void append_meters(std::string& out, const actors::node_meters& meters);
/// Slots, queue depth and oldest wait of each node that is known.
void append_load_metrics(std::string& out, const std::map<std::string, node_load>& loads);
void append_feed_metrics(std::string& out, const feed_figures& f);
void append_log_metrics(std::string& out, const log_figures& f);
void append_shard_metrics(std::string& out, const std::vector<shard_row>& rows);
/// `topics`: names of the intake topics by their number.
void append_lag_metrics(std::string& out, const std::vector<intake_lag>& lags,
                        const std::array<std::string, intakes>& topics);
/// Memory, processor time, files, threads, as other programs tell theirs.
void append_process_metrics(std::string& out, std::string_view version);

}  // namespace orrery::app
