#include "http/probe.hpp"

#include "base/meter.hpp"

#include <string_view>

namespace orrery::http {

namespace {

void append_line(std::string& out, std::string_view name, std::string_view labels, auto value) {
  out.append(name).append(labels).append(1, ' ').append(std::to_string(value)).append(1, '\n');
}

void append_head(std::string& out, std::string_view name, std::string_view type,
                 std::string_view help) {
  out.append("# HELP ").append(name).append(1, ' ').append(help).append(1, '\n');
  out.append("# TYPE ").append(name).append(1, ' ').append(type).append(1, '\n');
}

}  // namespace

void probe::count_answer(const route* matched, int status) noexcept {
  const auto all = routes();
  const auto index = matched ? static_cast<size_t>(matched - all.data()) : all.size();
  const auto status_class = static_cast<size_t>(status / 100) % classes;
  answers_[index][status_class].fetch_add(1, std::memory_order_relaxed);
}

void probe::note_time(const route* matched, duration took) noexcept {
  const auto index = static_cast<size_t>(matched - routes().data());
  const auto bounds = latency_bounds();
  size_t place = 0;
  while (place < time_bounds && took.count() > bounds[place])
    ++place;
  times_[index].counts[place].fetch_add(1, std::memory_order_relaxed);
  times_[index].sum.fetch_add(took.count(), std::memory_order_relaxed);
}

void probe::append_metrics(std::string& out) const {
  const auto all = routes();
  append_head(out, "orrery_http_requests_total", "counter",
              "Answers by route and class of status.");
  for (size_t i = 0; i <= all.size(); ++i) {
    for (size_t c = 1; c < classes; ++c) {
      const auto n = answers_[i][c].load(std::memory_order_relaxed);
      if (n == 0)
        continue;
      std::string labels = "{method=\"";
      labels += i < all.size() ? to_string(all[i].verb) : "";
      labels += "\",route=\"";
      labels += i < all.size() ? all[i].pattern : "none";
      labels += "\",status=\"" + std::to_string(c) + "xx\"}";
      append_line(out, "orrery_http_requests_total", labels, n);
    }
  }
  append_head(out, "orrery_http_request_seconds", "histogram",
              "Time from the header of a request to its answer, by route.");
  for (size_t i = 0; i < all.size(); ++i) {
    uint64_t sum = 0;
    for (const auto& n : times_[i].counts)
      sum += n.load(std::memory_order_relaxed);
    if (sum == 0)
      continue;
    const std::string labels = "method=\"" + std::string(to_string(all[i].verb)) + "\",route=\"" +
                               std::string(all[i].pattern) + "\"";
    uint64_t so_far = 0;
    for (size_t b = 0; b <= time_bounds; ++b) {
      so_far += times_[i].counts[b].load(std::memory_order_relaxed);
      const auto bound = b < time_bounds ? seconds_text(latency_bounds()[b]) : "+Inf";
      append_line(out, "orrery_http_request_seconds_bucket",
                  "{" + labels + ",le=\"" + bound + "\"}", so_far);
    }
    append_line(out, "orrery_http_request_seconds_sum", "{" + labels + "}",
                static_cast<double>(times_[i].sum.load(std::memory_order_relaxed)) / 1e6);
    append_line(out, "orrery_http_request_seconds_count", "{" + labels + "}", so_far);
  }
  append_head(out, "orrery_http_requests_in_flight", "gauge", "Requests not yet answered.");
  append_line(out, "orrery_http_requests_in_flight", "", in_flight.load());
  append_head(out, "orrery_http_connections", "gauge", "Open connections.");
  append_line(out, "orrery_http_connections", "", connections.load());
  append_head(out, "orrery_http_connections_accepted_total", "counter", "Connections accepted.");
  append_line(out, "orrery_http_connections_accepted_total", "", connections_accepted.load());
  append_head(out, "orrery_http_connections_refused_total", "counter",
              "Connections refused at the limit.");
  append_line(out, "orrery_http_connections_refused_total", "", connections_refused.load());
}

}  // namespace orrery::http
