#pragma once
/// Spans to an OpenTelemetry collector: OTLP over HTTP in its JSON form, in batches.

#include "bridge/telemetry/shipping.hpp"
#include "domain/ports/web_client.hpp"
#include "domain/trace.hpp"

#include <atomic>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

namespace orrery {

struct otlp_options {
  std::string endpoint;  ///< `http://collector:4318`; `/v1/traces` is put behind it.
  std::string node;
  std::string version;
  double ratio = 1;         ///< Part of the traces that begin here and are recorded.
  size_t queue_max = 8192;  ///< Spans that wait; beyond it they are dropped.
  size_t batch_max = 512;
  duration pace = 1s;         ///< At most so long a span waits for company.
  duration timeout = 5s;      ///< Of one post.
  duration drain_limit = 3s;  ///< What stopping may take.
  std::vector<std::pair<std::string, secret>> headers = {};
};

struct otlp_figures {
  uint64_t exported = 0;
  uint64_t dropped = 0;   ///< The queue was full, or the node stopped before they were taken.
  uint64_t refused = 0;   ///< By the collector.
  uint64_t failures = 0;  ///< Posts that will be repeated.
  uint64_t waiting = 0;
};

/// One thread of its own, which posts; `take` only queues.
class otlp_spans final : public span_sink {
public:
  /// `client` outlives this.
  otlp_spans(otlp_options how, web_client& client);
  ~otlp_spans() override;

  void take(span one) noexcept override;
  double ratio() const noexcept override { return how_.ratio; }
  otlp_figures figures() const;
  /// Sends what waits, as far as the time goes, and ends. Idempotent.
  void stop();

private:
  void run();
  /// False: to be sent again later.
  bool send(const std::vector<span>& batch);

  const otlp_options how_;
  web_client& client_;
  back_off back_off_;
  mutable std::mutex guard_;
  std::condition_variable wake_;
  std::deque<span> queue_;
  bool stopping_ = false;
  std::atomic<uint64_t> exported_{0};
  std::atomic<uint64_t> dropped_{0};
  std::atomic<uint64_t> refused_{0};
  std::atomic<uint64_t> failures_{0};
  std::jthread thread_;
};

/// The body of an export (ExportTraceServiceRequest in its JSON form).
std::string otlp_body(const std::vector<span>& batch, const otlp_options& how);

}  // namespace orrery
