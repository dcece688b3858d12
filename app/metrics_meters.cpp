/// What the actors measure.

#include "app/metrics.hpp"
#include "app/prometheus.hpp"

#include <algorithm>

namespace orrery::app {

namespace {

uint64_t relaxed(const std::atomic<uint64_t>& value) {
  return value.load(std::memory_order_relaxed);
}

void append_times(metric_writer& to, const actors::node_meters& m) {
  to.begin("orrery_attempt_seconds", "histogram", "How long attempts took, by kind.");
  for (const auto& [kind, times] : m.attempt_time.read())
    to.spread({{"kind", kind}}, times, true);
  to.begin("orrery_task_seconds", "histogram",
           "From the submission of a task, or its rerun, to its end, by kind.");
  for (const auto& [kind, times] : m.task_life.read())
    to.spread({{"kind", kind}}, times, true);
  to.begin("orrery_order_seconds", "histogram", "From the submission of an order to its end.");
  to.spread({}, m.order_life.read(), true);
  to.begin("orrery_ttl_lateness_seconds", "histogram",
           "How long after its deadline an attempt was told to stop.");
  to.spread({}, m.ttl_lateness.read(), true);
}

void append_statuses(metric_writer& to, const actors::node_meters& m) {
  to.begin("orrery_entered_total", "counter",
           "Committed changes of status in the shards of this node, by the new status.");
  for (size_t i = 0; i < task_statuses; ++i)
    to.line({{"kind", "task"}, {"status", status_text(entity_kind::task, static_cast<uint8_t>(i))}},
            m.tasks_entered.read(i));
  for (size_t i = 0; i < order_statuses; ++i)
    to.line(
        {{"kind", "order"}, {"status", status_text(entity_kind::order, static_cast<uint8_t>(i))}},
        m.orders_entered.read(i));
  for (size_t i = 0; i < schedule_statuses; ++i)
    to.line({{"kind", "schedule"},
             {"status", status_text(entity_kind::schedule, static_cast<uint8_t>(i))}},
            m.schedules_entered.read(i));
  to.one("orrery_rebalances_total", "counter", "Times that shards came or went.",
         relaxed(m.rebalances));
  to.begin("orrery_shards_moved_total", "counter",
           "Shards that came, were given up in order, or were lost.");
  to.line({{"how", "gained"}}, relaxed(m.shards_gained));
  to.line({{"how", "given-up"}}, relaxed(m.shards_given_up));
  to.line({{"how", "lost"}}, relaxed(m.shards_lost));
}

void append_depths(metric_writer& to, const actors::node_meters& m) {
  const auto depths = m.depths.read();
  to.begin("orrery_queue_depth", "gauge", "Tasks that wait for a slot, by queue and shard.");
  for (const auto& [key, depth] : depths)
    to.line({{"queue", key.first}, {"shard", std::to_string(key.second)}}, depth.waiting);
  to.begin("orrery_queue_oldest_seconds", "gauge",
           "How long the one of them that waits longest has waited.");
  for (const auto& [key, depth] : depths)
    to.line({{"queue", key.first}, {"shard", std::to_string(key.second)}},
            static_cast<double>(depth.oldest.count()) / 1e6);
}

void append_shards(metric_writer& to, const actors::node_meters& m) {
  auto all = m.shards.all();
  std::erase_if(all, [](const auto& one) { return !one.second->here.load(); });
  const auto each = [&](const char* name, const char* help, auto value) {
    to.begin(name, "gauge", help);
    for (const auto& [number, one] : all)
      to.line({{"shard", std::to_string(number)}}, value(*one));
  };
  const auto now = actors::steady_micros();
  each("orrery_shard_live", "Entities of the shard in memory.",
       [](const auto& s) { return s.live.load(); });
  each("orrery_shard_intake_open", "Intake records read whose effects wait for those before them.",
       [](const auto& s) { return s.in_gate.load(); });
  each("orrery_shard_commits_open", "Effects that are not yet durable.",
       [](const auto& s) { return s.in_flight.load(); });
  each("orrery_outbox_lag_events", "Committed events that are not known to be published.",
       [](const auto& s) { return std::max<int64_t>(0, s.committed - s.published); });
  each("orrery_outbox_lag_seconds", "For how long the oldest of them has waited, at most.",
       [&](const auto& s) {
         const auto since = s.unpublished_since.load();
         return since == 0 ? 0.0 : static_cast<double>(now - since) / 1e6;
       });
}

void append_mailboxes(metric_writer& to, const actors::node_meters& m) {
  struct one {
    const char* actor;
    std::string shard;
    const actors::mailbox_meter* box;
  };
  std::vector<one> all = {
      {"dispatcher", {}, &m.dispatcher}, {"ttl", {}, &m.ttl},           {"tick", {}, &m.tick},
      {"outbox", {}, &m.outbox},         {"exchange", {}, &m.exchange}, {"desk", {}, &m.desk},
      {"bridge", {}, &m.bridge}};
  for (const auto& [number, shard] : m.shards.all())
    if (shard->here)
      all.push_back({"shard", std::to_string(number), &shard->mailbox});
  to.begin("orrery_mailbox_messages", "gauge", "Messages that wait in an actor's mailbox.");
  for (const auto& each : all)
    to.line({{"actor", each.actor}, {"shard", each.shard}}, each.box->size.load());
  to.begin("orrery_mailbox_delay_seconds", "gauge", "How long a message waits there.");
  const auto now = actors::steady_micros();
  for (const auto& each : all)
    to.line({{"actor", each.actor}, {"shard", each.shard}},
            static_cast<double>(each.box->delay(now)) / 1e6);
}

}  // namespace

void append_meters(std::string& out, const actors::node_meters& meters) {
  metric_writer to(out);
  append_times(to, meters);
  append_statuses(to, meters);
  append_depths(to, meters);
  append_shards(to, meters);
  append_mailboxes(to, meters);
}

}  // namespace orrery::app
