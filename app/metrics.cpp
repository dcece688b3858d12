#include "app/metrics.hpp"

#include "app/prometheus.hpp"

namespace orrery::app {

void append_node_metrics(std::string& out, const actors::node_probe& p,
                         const actors::writer_figures& w) {
  metric_writer to(out);
  const auto get = [](const std::atomic<uint64_t>& value) {
    return value.load(std::memory_order_relaxed);
  };
  to.one("orrery_intake_records_total", "counter", "Records read from the intake log.",
         get(p.intake_records));
  to.one("orrery_intake_bad_total", "counter", "Records that became dead letters.",
         get(p.intake_bad));
  to.one("orrery_commands_total", "counter", "Commands on existing entities.", get(p.commands));
  to.one("orrery_attempts_started_total", "counter", "Attempts begun here.",
         get(p.attempts_started));
  to.one("orrery_attempts_ended_total", "counter", "Attempts ended here.", get(p.attempts_ended));
  to.one("orrery_ttl_fired_total", "counter", "Clocks that passed.", get(p.ttl_fired));
  to.one("orrery_ttl_not_obeyed_total", "counter", "Clocks whose attempt did not stop in time.",
         get(p.attempts_late));
  to.one("orrery_ttl_lateness_max_seconds", "gauge", "Worst lateness of a clock since start.",
         static_cast<double>(get(p.ttl_lateness_max_micros)) / 1e6);
  to.one("orrery_timers_fired_total", "counter", "Wall-clock timers that came due.",
         get(p.timers_fired));
  to.one("orrery_entities_live", "gauge", "Entities in memory.", get(p.entities_live));
  to.one("orrery_entities_crashed_total", "counter", "Entity actors restarted from the journal.",
         get(p.entities_crashed));
  to.one("orrery_rows_erased_total", "counter", "Rows deleted by retention.", get(p.rows_erased));
  to.one("orrery_shards_owned", "gauge", "Shards that run here.", get(p.shards_owned));
  to.one("orrery_shards_restarted_total", "counter", "Shards restarted from the journal.",
         get(p.shards_restarted));
  to.one("orrery_events_published_total", "counter", "Status events published.",
         get(p.events_published));
  to.one("orrery_publish_failures_total", "counter", "Publishing attempts that failed.",
         get(p.publish_failures));
  to.one("orrery_outbox_backlog", "gauge",
         "Status events handed to the topics and not yet confirmed.", get(p.outbox_backlog));
  to.one("orrery_ready_tasks", "gauge", "Tasks waiting for a slot.", get(p.ready_tasks));
  to.one("orrery_slots_used", "gauge", "Slots in use.", get(p.slots_used));
  to.one("orrery_slots_lent", "gauge", "Slots that other nodes have borrowed.", get(p.slots_lent));
  to.one("orrery_attempts_away_total", "counter", "Attempts handed to other nodes.",
         get(p.attempts_away));
  to.one("orrery_attempts_lost_away_total", "counter",
         "Attempts handed to other nodes and lost with them.", get(p.attempts_lost_away));
  to.one("orrery_guest_attempts_total", "counter", "Attempts of other nodes, begun here.",
         get(p.guests_started));
  to.one("orrery_commits_total", "counter", "Transactions of the journal writer.", w.commits);
  to.one("orrery_commit_entities_total", "counter", "Entities written by them.", w.entities);
  to.one("orrery_commit_failures_total", "counter", "Commits that failed and were repeated.",
         w.failures);
  to.one("orrery_commit_refusals_total", "counter", "Commits refused by the fence.", w.refusals);
  to.one("orrery_commit_unknowns_total", "counter", "Commits whose outcome was read back.",
         w.unknowns);
  to.begin("orrery_commit_batch", "histogram", "Entities in a transaction of the journal writer.");
  to.spread({}, w.batch_sizes, false);
  to.begin("orrery_commit_seconds", "histogram", "How long its transactions took.");
  to.spread({}, w.latencies, true);
}

void append_load_metrics(std::string& out, const std::map<std::string, node_load>& loads) {
  metric_writer to(out);
  const auto per_kind = [&](const char* name, const char* help, auto value) {
    to.begin(name, "gauge", help);
    for (const auto& [node, load] : loads)
      for (const auto& kind : load.kinds)
        to.line({{"node", node}, {"kind", kind.kind}}, value(kind));
  };
  const auto per_queue = [&](const char* name, const char* help, auto value) {
    to.begin(name, "gauge", help);
    for (const auto& [node, load] : loads)
      for (const auto& queue : load.queues)
        to.line({{"node", node}, {"queue", queue.queue}, {"kind", queue.kind}}, value(queue));
  };
  per_kind("orrery_slots", "Slots of a node for a kind.",
           [](const kind_load& k) { return k.slots; });
  per_kind("orrery_slots_taken", "Of those, in use, kept ready or lent.",
           [](const kind_load& k) { return k.used; });
  per_queue("orrery_queue_waiting", "Tasks that wait for a slot.",
            [](const queue_load& q) { return q.waiting; });
  per_queue("orrery_queue_oldest_wait_seconds", "How long the oldest of them has waited.",
            [](const queue_load& q) { return static_cast<double>(q.oldest.count()) / 1e6; });
}

void append_feed_metrics(std::string& out, const feed_figures& f) {
  metric_writer to(out);
  to.one("orrery_feed_readers", "gauge", "Open streams of events.", f.readers);
  to.one("orrery_feed_opened_total", "counter", "Streams opened.", f.opened);
  to.one("orrery_feed_refused_total", "counter", "Streams refused: too many readers.", f.refused);
  to.one("orrery_feed_cut_total", "counter", "Streams cut because their reader was too slow.",
         f.cut);
  to.one("orrery_feed_events_total", "counter", "Events read for streams.", f.events);
}

void append_log_metrics(std::string& out, const log_figures& f) {
  metric_writer to(out);
  to.one("orrery_log_lines_total", "counter", "Lines of attempts that this node stored.", f.lines);
  to.one("orrery_log_lines_dropped_total", "counter",
         "Lines that were never stored: the store was away, or too slow for them.", f.dropped);
  to.one("orrery_log_waiting_bytes", "gauge", "Of lines that wait to be stored.", f.waiting);
  to.one("orrery_log_failures_total", "counter", "Rounds that the store refused.", f.failures);
}

void append_shard_metrics(std::string& out, const std::vector<shard_row>& rows) {
  status_counts sum;
  for (const auto& row : rows) {
    for (size_t i = 0; i < task_statuses; ++i)
      sum.tasks[i] += row.counts.tasks[i];
    for (size_t i = 0; i < order_statuses; ++i)
      sum.orders[i] += row.counts.orders[i];
    sum.attempts.started += row.counts.attempts.started;
    for (size_t i = 0; i < end_reasons; ++i)
      sum.attempts.ended[i] += row.counts.attempts.ended[i];
  }
  metric_writer to(out);
  to.begin("orrery_entities", "gauge", "Entities by status, in all shards.");
  for (size_t i = 0; i < task_statuses; ++i)
    to.line({{"kind", "task"}, {"status", status_text(entity_kind::task, static_cast<uint8_t>(i))}},
            sum.tasks[i]);
  for (size_t i = 0; i < order_statuses; ++i)
    to.line(
        {{"kind", "order"}, {"status", status_text(entity_kind::order, static_cast<uint8_t>(i))}},
        sum.orders[i]);
  to.one("orrery_ledger_attempts_started_total", "counter",
         "Attempts begun in all shards, as committed.", sum.attempts.started);
  to.begin("orrery_ledger_attempts_ended_total", "counter",
           "Attempts ended in all shards by reason, as committed: with those that run they are as "
           "many as were begun.");
  for (size_t i = 1; i < end_reasons; ++i)
    to.line({{"reason", to_string(static_cast<end_reason>(i))}}, sum.attempts.ended[i]);
  const auto per_shard = [&](const char* name, const char* help, auto value) {
    to.begin(name, "gauge", help);
    for (const auto& row : rows)
      to.line({{"shard", std::to_string(row.shard.value)}}, value(row));
  };
  per_shard("orrery_shard_epoch", "Owners the shard has had.",
            [](const shard_row& r) { return r.epoch.value; });
  per_shard("orrery_shard_position", "Events committed.",
            [](const shard_row& r) { return r.position.value; });
  per_shard("orrery_shard_published", "Events known to be published.",
            [](const shard_row& r) { return r.published.value; });
}

void append_lag_metrics(std::string& out, const std::vector<intake_lag>& lags,
                        const std::array<std::string, intakes>& topics) {
  metric_writer to(out);
  to.begin("orrery_intake_lag", "gauge",
           "Durable records of an intake topic that have not taken effect, in shards owned here.");
  for (const auto& lag : lags)
    for (size_t i = 0; i < intakes; ++i)
      to.line({{"topic", topics[i]}, {"shard", std::to_string(lag.shard.value)}}, lag.records[i]);
}

}  // namespace orrery::app
