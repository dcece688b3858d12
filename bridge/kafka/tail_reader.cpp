#include "bridge/kafka/tail_reader.hpp"

#include <algorithm>

namespace orrery::kafka {

namespace {

constexpr int64_t first_step = 4;
constexpr int64_t step_growth = 16;

/// Stops reading the partition at the end of a scan, also of a failed one.
class reading {
public:
  reading(rd_kafka_topic_t* topic, int32_t partition) : topic_(topic), partition_(partition) {}
  ~reading() { rd_kafka_consume_stop(topic_, partition_); }
  reading(const reading&) = delete;
  reading& operator=(const reading&) = delete;

private:
  rd_kafka_topic_t* topic_;
  int32_t partition_;
};

}  // namespace

result<void> tail_reader::connect() {
  if (client_)
    return {};
  config settings(options_);
  settings.set("isolation.level", "read_committed")
      .set("enable.partition.eof", "true")
      .set("enable.auto.commit", "false")
      .set("enable.auto.offset.store", "false")
      .set("auto.offset.reset", "error")
      // A tail is a handful of records; the end of it is to be noticed at once.
      .set("fetch.wait.max.ms", 10)
      .set("queued.min.messages", 1000);
  auto client = std::move(settings).build(RD_KAFKA_CONSUMER);
  if (!client)
    return std::move(client).error();
  client_ = std::move(*client);
  return {};
}

result<std::optional<std::string>> tail_reader::last_header(const std::string& name,
                                                            int32_t partition,
                                                            const std::string& header,
                                                            duration timeout) {
  const deadline until(timeout);
  const std::lock_guard lock(guard_);
  if (auto connected = connect(); !connected)
    return std::move(connected).error();
  const partitions_ptr list(rd_kafka_topic_partition_list_new(1));
  rd_kafka_topic_partition_list_add(list.get(), name.c_str(), partition);
  const auto ranges = ranges_of(client_.get(), *list, until.left());
  if (!ranges)
    return ranges.error();
  const auto [first, end] = ranges->front();
  const topic_ptr topic(rd_kafka_topic_new(client_.get(), name.c_str(), nullptr));
  auto upto = end;
  for (auto step = first_step; upto > first; step *= step_growth) {
    const auto from = std::max(first, upto - step);
    auto found = scan(topic.get(), partition, from, upto, header, until);
    if (!found || *found)
      return found;
    upto = from;
  }
  return std::optional<std::string>{};
}

/// The last match in [from, end).
result<std::optional<std::string>> tail_reader::scan(rd_kafka_topic_t* topic, int32_t partition,
                                                     int64_t from, int64_t end,
                                                     const std::string& header,
                                                     const deadline& until) {
  if (rd_kafka_consume_start(topic, partition, from) != 0)
    return failure_of(rd_kafka_last_error(), "reading the end of a status topic");
  const reading until_we_leave(topic, partition);
  std::optional<std::string> last;
  while (!until.passed()) {
    const message_ptr message(rd_kafka_consume(topic, partition, milliseconds_of(until.left())));
    if (!message)
      continue;
    // Behind the last record may lie control records, which are not delivered; the end is.
    if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF)
      return last;
    if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR)
      return failure_of(message->err, "reading the end of a status topic");
    if (message->offset >= end)
      return last;
    for (auto& h : headers_of(*message))
      if (h.name == header)
        last = std::move(h.value);
    if (message->offset + 1 == end)
      return last;
  }
  return failure{errc::unavailable, "reading the end of a status topic took too long"};
}

}  // namespace orrery::kafka
