#include "app/metrics.hpp"

#include <fstream>
#include <unistd.h>

namespace orrery::app {

namespace {

void head(std::string& out, const char* name, const char* type, const char* help) {
  out.append("# HELP ").append(name).append(" ").append(help).append("\n# TYPE ");
  out.append(name).append(" ").append(type).append("\n");
}

template <class Number>
void one(std::string& out, const char* name, const char* type, const char* help, Number value) {
  head(out, name, type, help);
  out.append(name).append(" ").append(std::to_string(value)).append("\n");
}

uint64_t resident_bytes() {
  std::ifstream file("/proc/self/statm");
  uint64_t total = 0;
  uint64_t resident = 0;
  file >> total >> resident;
  return resident * static_cast<uint64_t>(::sysconf(_SC_PAGESIZE));
}

}  // namespace

void append_node_metrics(std::string& out, const actors::node_probe& p,
                         const actors::writer_figures& w) {
  const auto get = [](const std::atomic<uint64_t>& value) {
    return value.load(std::memory_order_relaxed);
  };
  one(out, "orrery_intake_records_total", "counter", "Records read from the intake log.",
      get(p.intake_records));
  one(out, "orrery_intake_bad_total", "counter", "Records that became dead letters.",
      get(p.intake_bad));
  one(out, "orrery_commands_total", "counter", "Commands on existing entities.", get(p.commands));
  one(out, "orrery_attempts_started_total", "counter", "Attempts begun here.",
      get(p.attempts_started));
  one(out, "orrery_attempts_ended_total", "counter", "Attempts ended here.", get(p.attempts_ended));
  one(out, "orrery_ttl_fired_total", "counter", "Clocks that passed.", get(p.ttl_fired));
  one(out, "orrery_ttl_not_obeyed_total", "counter", "Clocks whose attempt did not stop in time.",
      get(p.attempts_late));
  one(out, "orrery_ttl_lateness_max_seconds", "gauge", "Worst lateness of a clock since start.",
      static_cast<double>(get(p.ttl_lateness_max_micros)) / 1e6);
  one(out, "orrery_timers_fired_total", "counter", "Wall-clock timers that came due.",
      get(p.timers_fired));
  one(out, "orrery_entities_live", "gauge", "Entities in memory.", get(p.entities_live));
  one(out, "orrery_entities_crashed_total", "counter", "Entity actors restarted from the journal.",
      get(p.entities_crashed));
  one(out, "orrery_rows_erased_total", "counter", "Rows deleted by retention.", get(p.rows_erased));
  one(out, "orrery_shards_owned", "gauge", "Shards that run here.", get(p.shards_owned));
  one(out, "orrery_shards_restarted_total", "counter", "Shards restarted from the journal.",
      get(p.shards_restarted));
  one(out, "orrery_events_published_total", "counter", "Status events published.",
      get(p.events_published));
  one(out, "orrery_publish_failures_total", "counter", "Publishing attempts that failed.",
      get(p.publish_failures));
  one(out, "orrery_outbox_backlog", "gauge",
      "Status events handed to the topics and not yet confirmed.", get(p.outbox_backlog));
  one(out, "orrery_ready_tasks", "gauge", "Tasks waiting for a slot.", get(p.ready_tasks));
  one(out, "orrery_slots_used", "gauge", "Slots in use.", get(p.slots_used));
  one(out, "orrery_slots_lent", "gauge", "Slots that other nodes have borrowed.",
      get(p.slots_lent));
  one(out, "orrery_attempts_away_total", "counter", "Attempts handed to other nodes.",
      get(p.attempts_away));
  one(out, "orrery_attempts_lost_away_total", "counter",
      "Attempts handed to other nodes and lost with them.", get(p.attempts_lost_away));
  one(out, "orrery_guest_attempts_total", "counter", "Attempts of other nodes, begun here.",
      get(p.guests_started));
  one(out, "orrery_commits_total", "counter", "Transactions of the journal writer.", w.commits);
  one(out, "orrery_commit_entities_total", "counter", "Entities written by them.", w.entities);
  one(out, "orrery_commit_seconds_total", "counter", "Time spent in commits.",
      static_cast<double>(w.busy.count()) / 1e6);
  one(out, "orrery_commit_failures_total", "counter", "Commits that failed and were repeated.",
      w.failures);
  one(out, "orrery_commit_refusals_total", "counter", "Commits refused by the fence.", w.refusals);
  one(out, "orrery_commit_unknowns_total", "counter", "Commits whose outcome was read back.",
      w.unknowns);
  one(out, "process_resident_memory_bytes", "gauge", "Resident memory.", resident_bytes());
}

namespace {

/// A value of a label: quotes and backslashes escaped, line ends left out.
std::string label(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '"' || c == '\\')
      out += '\\';
    if (c != '\n' && c != '\r')
      out += c;
  }
  return out;
}

}  // namespace

void append_load_metrics(std::string& out, const std::map<std::string, node_load>& loads) {
  const auto line = [&](const char* name, const std::string& labels, auto value) {
    out.append(name).append("{").append(labels).append("} ").append(std::to_string(value));
    out.append("\n");
  };
  const auto per_kind = [&](const char* name, const char* help, auto value) {
    head(out, name, "gauge", help);
    for (const auto& [node, load] : loads)
      for (const auto& kind : load.kinds)
        line(name, "node=\"" + label(node) + "\",kind=\"" + label(kind.kind) + "\"", value(kind));
  };
  const auto per_queue = [&](const char* name, const char* help, auto value) {
    head(out, name, "gauge", help);
    for (const auto& [node, load] : loads)
      for (const auto& queue : load.queues)
        line(name,
             "node=\"" + label(node) + "\",queue=\"" + label(queue.queue) + "\",kind=\"" +
                 label(queue.kind) + "\"",
             value(queue));
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
  one(out, "orrery_feed_readers", "gauge", "Open streams of events.", f.readers);
  one(out, "orrery_feed_opened_total", "counter", "Streams opened.", f.opened);
  one(out, "orrery_feed_refused_total", "counter", "Streams refused: too many readers.", f.refused);
  one(out, "orrery_feed_cut_total", "counter", "Streams cut because their reader was too slow.",
      f.cut);
  one(out, "orrery_feed_events_total", "counter", "Events read for streams.", f.events);
}

void append_log_metrics(std::string& out, const log_figures& f) {
  one(out, "orrery_log_lines_total", "counter", "Lines of attempts that this node stored.",
      f.lines);
  one(out, "orrery_log_lines_dropped_total", "counter",
      "Lines that were never stored: the store was away, or too slow for them.", f.dropped);
  one(out, "orrery_log_waiting_bytes", "gauge", "Of lines that wait to be stored.", f.waiting);
  one(out, "orrery_log_failures_total", "counter", "Rounds that the store refused.", f.failures);
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
  head(out, "orrery_entities", "gauge", "Entities by status, in all shards.");
  const auto status = [&](entity_kind kind, size_t i, int64_t n) {
    out.append("orrery_entities{kind=\"").append(to_string(kind)).append("\",status=\"");
    out.append(status_text(kind, static_cast<uint8_t>(i))).append("\"} ");
    out.append(std::to_string(n)).append("\n");
  };
  for (size_t i = 0; i < task_statuses; ++i)
    status(entity_kind::task, i, sum.tasks[i]);
  for (size_t i = 0; i < order_statuses; ++i)
    status(entity_kind::order, i, sum.orders[i]);
  one(out, "orrery_ledger_attempts_started_total", "counter",
      "Attempts begun in all shards, as committed.", sum.attempts.started);
  head(out, "orrery_ledger_attempts_ended_total", "counter",
       "Attempts ended in all shards by reason, as committed: with those that run they are as many "
       "as"
       " were begun.");
  for (size_t i = 1; i < end_reasons; ++i)
    out.append("orrery_ledger_attempts_ended_total{reason=\"")
        .append(to_string(static_cast<end_reason>(i)))
        .append("\"} ")
        .append(std::to_string(sum.attempts.ended[i]))
        .append("\n");
  const auto per_shard = [&](const char* name, const char* help, auto value) {
    head(out, name, "gauge", help);
    for (const auto& row : rows)
      out.append(name)
          .append("{shard=\"")
          .append(std::to_string(row.shard.value))
          .append("\"} ")
          .append(std::to_string(value(row)))
          .append("\n");
  };
  per_shard("orrery_shard_epoch", "Owners the shard has had.",
            [](const shard_row& r) { return r.epoch.value; });
  per_shard("orrery_shard_position", "Events committed.",
            [](const shard_row& r) { return r.position.value; });
  per_shard("orrery_shard_published", "Events known to be published.",
            [](const shard_row& r) { return r.published.value; });
}

}  // namespace orrery::app
