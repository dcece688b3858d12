#pragma once
/// librdkafka's handles as values that clean up after themselves, and its errors as ours. Only the
/// files of this room include this header.

#include "base/result.hpp"
#include "bridge/kafka/kafka_options.hpp"
#include "domain/ports/intake_log.hpp"

#include <chrono>
#include <librdkafka/rdkafka.h>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace orrery::kafka {

template <auto destroy>
struct deleter {
  template <class T>
  void operator()(T* handle) const noexcept {
    destroy(handle);
  }
};

using client_ptr = std::unique_ptr<rd_kafka_t, deleter<rd_kafka_destroy>>;
using config_ptr = std::unique_ptr<rd_kafka_conf_t, deleter<rd_kafka_conf_destroy>>;
using topic_ptr = std::unique_ptr<rd_kafka_topic_t, deleter<rd_kafka_topic_destroy>>;
using queue_ptr = std::unique_ptr<rd_kafka_queue_t, deleter<rd_kafka_queue_destroy>>;
using error_ptr = std::unique_ptr<rd_kafka_error_t, deleter<rd_kafka_error_destroy>>;
using event_ptr = std::unique_ptr<rd_kafka_event_t, deleter<rd_kafka_event_destroy>>;
using message_ptr = std::unique_ptr<rd_kafka_message_t, deleter<rd_kafka_message_destroy>>;
using headers_ptr = std::unique_ptr<rd_kafka_headers_t, deleter<rd_kafka_headers_destroy>>;
using metadata_ptr = std::unique_ptr<const rd_kafka_metadata_t, deleter<rd_kafka_metadata_destroy>>;
using new_topic_ptr = std::unique_ptr<rd_kafka_NewTopic_t, deleter<rd_kafka_NewTopic_destroy>>;
using admin_options_ptr =
    std::unique_ptr<rd_kafka_AdminOptions_t, deleter<rd_kafka_AdminOptions_destroy>>;
using partitions_ptr = std::unique_ptr<rd_kafka_topic_partition_list_t,
                                       deleter<rd_kafka_topic_partition_list_destroy>>;

/// Settings of a client. The first one that is refused is told by `build`.
class config {
public:
  /// With what every client of ours has: servers, names, security, quick reconnects, our log.
  explicit config(const kafka_options& options);

  config& set(const std::string& name, const std::string& value);
  config& set(const std::string& name, int64_t value) { return set(name, std::to_string(value)); }
  rd_kafka_conf_t* raw() const noexcept { return config_.get(); }
  result<client_ptr> build(rd_kafka_type_t type) &&;

private:
  config_ptr config_;
  result<void> refused_;
};

/// One of our failures for one of theirs; the library's text stays in `detail`.
failure failure_of(rd_kafka_resp_err_t code, std::string_view doing);

/// The headers of a received message, in order.
std::vector<log_header> headers_of(const rd_kafka_message_t& message);
headers_ptr make_headers(const std::vector<log_header>& headers);

inline std::string text_of(const void* bytes, size_t size) {
  return bytes == nullptr ? std::string{} : std::string(static_cast<const char*>(bytes), size);
}

/// Whole milliseconds for the library's timeouts, at least one.
int milliseconds_of(duration length);

/// A point in time up to which calls may block, for those that take a timeout each.
class deadline {
public:
  explicit deadline(duration length) : end_(std::chrono::steady_clock::now() + length) {}
  duration left() const {
    return std::max(duration{0},
                    std::chrono::duration_cast<duration>(end_ - std::chrono::steady_clock::now()));
  }
  bool passed() const { return left() == duration{0}; }

private:
  std::chrono::steady_clock::time_point end_;
};

/// First and next offset of each partition in `list` (whose offsets are ignored), in its order. Blocks
/// up to `timeout`. Under read_committed the end lies before the first open transaction.
struct offset_range {
  int64_t first = 0;
  int64_t end = 0;
};
result<std::vector<offset_range>> ranges_of(rd_kafka_t* client,
                                            const rd_kafka_topic_partition_list_t& list,
                                            duration timeout);

}  // namespace orrery::kafka
