#pragma once
/// What a node tells of itself besides /metrics: its log to Elasticsearch and to `GET /api/logs`, its spans to a
/// collector.

#include "app/config.hpp"
#include "app/node_log_office.hpp"
#include "bridge/telemetry/elastic_log.hpp"
#include "bridge/telemetry/otlp_spans.hpp"
#include "http/web_client.hpp"

#include <memory>

namespace orrery::app {

/// Begins before everything that logs or makes spans, and ends after it.
class telemetry {
public:
  telemetry(const config& how, time_point now);
  ~telemetry();

  node_log_office& logs() noexcept { return logs_; }
  /// Null where nothing is traced.
  span_sink* spans() noexcept { return spans_.get(); }
  /// Prometheus text: what was shipped, dropped, refused.
  void append_metrics(std::string& out) const;
  /// Ships what waits, within a few seconds. Idempotent.
  void stop();

private:
  node_log_office logs_;
  http::outward_client client_;
  std::unique_ptr<otlp_spans> spans_;
  std::shared_ptr<elastic_log> elastic_;
};

}  // namespace orrery::app
