#include "app/telemetry.hpp"

#include "app/prometheus.hpp"
#include <filesystem>

namespace orrery::app {

namespace {

/// RFC 4648, with padding: what HTTP's Basic scheme wants.
std::string base64(std::string_view bytes) {
  static constexpr char digits[] =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  for (size_t at = 0; at < bytes.size(); at += 3) {
    uint32_t word = 0;
    const auto n = std::min<size_t>(3, bytes.size() - at);
    for (size_t i = 0; i < 3; ++i)
      word = word << 8 | (i < n ? static_cast<unsigned char>(bytes[at + i]) : 0U);
    for (size_t i = 0; i < 4; ++i)
      out += i <= n ? digits[word >> (18 - 6 * i) & 63] : '=';
  }
  return out;
}

elastic_options elastic_of(const config& how, time_point now) {
  elastic_options out;
  out.url = how.elastic_url;
  out.index = how.elastic_index;
  out.node = how.node;
  out.start = std::to_string(micros(now));
  out.spool = std::filesystem::path(how.data) / "log-spool";
  out.spool_bytes = how.elastic_buffer;
  if (!how.elastic_key.empty())
    out.headers.emplace_back("Authorization", secret("ApiKey " + how.elastic_key.reveal()));
  else if (!how.elastic_user.empty())
    out.headers.emplace_back(
        "Authorization",
        secret("Basic " + base64(how.elastic_user + ":" + how.elastic_password.reveal())));
  return out;
}

otlp_options otlp_of(const config& how) {
  otlp_options out;
  out.endpoint = how.traces_endpoint;
  out.node = how.node;
  out.version = ORRERY_VERSION;
  out.ratio = how.traces_sample;
  if (!how.traces_token.empty())
    out.headers.emplace_back("Authorization", secret("Bearer " + how.traces_token.reveal()));
  return out;
}

}  // namespace

telemetry::telemetry(const config& how, time_point now)
    : logs_({.node = how.node,
             .file = how.logging.file,
             .files_kept = how.logging.files_kept,
             .run = std::to_string(micros(now)),
             .others = !how.mesh.empty()}),
      client_(how.telemetry_ca) {
  if (!how.traces_endpoint.empty())
    spans_ = std::make_unique<otlp_spans>(otlp_of(how), client_);
  if (!how.elastic_url.empty()) {
    elastic_ = std::make_shared<elastic_log>(elastic_of(how, now), client_);
    log::add_tap(elastic_);
  }
}

telemetry::~telemetry() { stop(); }

void telemetry::stop() {
  if (spans_)
    spans_->stop();
  if (elastic_) {
    log::remove_tap(elastic_);
    elastic_->stop();
  }
  logs_.stop();
}

void telemetry::append_metrics(std::string& out) const {
  metric_writer to(out);
  const auto spans = spans_ ? spans_->figures() : otlp_figures{};
  to.begin("orrery_spans_total", "counter", "Spans by what became of them.");
  to.line({{"outcome", "exported"}}, spans.exported);
  to.line({{"outcome", "dropped"}}, spans.dropped);
  to.line({{"outcome", "refused"}}, spans.refused);
  to.one("orrery_spans_waiting", "gauge", "Spans that wait to be exported.", spans.waiting);
  to.one("orrery_span_failures_total", "counter", "Posts of spans that failed and are repeated.",
         spans.failures);
  const auto lines = elastic_ ? elastic_->figures() : elastic_figures{};
  to.begin("orrery_log_lines_shipped_total", "counter",
           "Lines for Elasticsearch by what became of them.");
  to.line({{"outcome", "stored"}}, lines.stored);
  to.line({{"outcome", "dropped"}}, lines.dropped);
  to.line({{"outcome", "refused"}}, lines.refused);
  to.one("orrery_log_spool_bytes", "gauge", "Lines that wait on disk.", lines.spool_bytes);
  to.one("orrery_log_shipping_failures_total", "counter",
         "Posts of lines that failed and are repeated.", lines.failures);
}

}  // namespace orrery::app
