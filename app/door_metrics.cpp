/// GET /metrics: what this node has counted, and what the store and the log tell within a second.

#include "app/door.hpp"
#include "app/metrics.hpp"

#include <algorithm>

namespace orrery::app {

namespace {

/// A scrape waits so long for the store and the log, and is then answered without them.
constexpr duration outside_limit = 1s;
/// Of which one question to the log may take this.
constexpr duration end_limit = 200ms;
/// How long what the log told is told again.
constexpr duration lag_life = 1s;

}  // namespace

std::string door::own_metrics() const {
  std::string out;
  append_node_metrics(out, parts_.context.probe, parts_.writer.figures());
  append_meters(out, parts_.context.probe.meters);
  append_load_metrics(out, parts_.context.loads.all());
  append_feed_metrics(out, parts_.feed.figures());
  if (parts_.logs != nullptr)
    append_log_metrics(out, parts_.logs->figures());
  if (parts_.more_metrics)
    parts_.more_metrics(out);
  append_process_metrics(out, ORRERY_VERSION);
  return out;
}

/// Of the shards that live here, not more than a second old.
std::vector<intake_lag> door::lags_of(const std::vector<shard_row>& rows) {
  const std::lock_guard lock(lags_.guard);
  const auto now = std::chrono::steady_clock::now();
  if (lags_.at != std::chrono::steady_clock::time_point{} && now - lags_.at < lag_life)
    return lags_.lags;
  lags_.lags.clear();
  for (const auto& row : rows) {
    if (row.owner != parts_.node || std::chrono::steady_clock::now() > now + outside_limit / 2)
      continue;
    const auto end = parts_.log.consumer().end(row.shard, end_limit);
    if (!end)
      break;  // the log is away: no figures rather than wrong ones
    intake_lag one{row.shard, {}};
    for (size_t i = 0; i < intakes; ++i)
      one.records[i] = std::max<int64_t>(0, (*end)[i] - row.next[i]);
    lags_.lags.push_back(one);
  }
  lags_.at = std::chrono::steady_clock::now();
  return lags_.lags;
}

void door::add_outside_metrics(std::string& out, entity_store& store) {
  const auto rows = store.shards();
  if (!rows)
    return;
  append_shard_metrics(out, *rows);
  append_lag_metrics(out, lags_of(*rows),
                     {parts_.log.topic_name(intake::orders), parts_.log.topic_name(intake::tasks)});
}

void door::metrics(answer<std::string> done) {
  parts_.node_actors.sample_mailboxes();
  struct once {
    std::atomic<bool> told{false};
    answer<std::string> done;
  };
  const auto reply = std::make_shared<once>();
  reply->done = std::move(done);
  const auto tell = [this, reply](const std::string& outside) {
    if (!reply->told.exchange(true))
      reply->done(own_metrics() + outside);
  };
  // A store that does not answer must not hide the figures that tell of it.
  after(outside_limit, [tell] { tell({}); });
  parts_.reads.run(
      [this, tell](entity_store& store) {
        std::string outside;
        add_outside_metrics(outside, store);
        tell(outside);
      },
      [tell] { tell({}); });
}

}  // namespace orrery::app
