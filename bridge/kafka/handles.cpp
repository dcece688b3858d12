#include "bridge/kafka/handles.hpp"

#include "base/log.hpp"
#include "bridge/kafka/steady_waits.hpp"

#include <algorithm>
#include <array>
#include <syslog.h>
#include <thread>

namespace orrery::kafka {

namespace {

/// The library repeats each failed connection; whether Kafka is there is told once, by the sender.
void log_line(const rd_kafka_t* client, int severity, const char* facility, const char* text) {
  const auto level = severity <= LOG_CRIT ? log::level::warning : log::level::debug;
  if (log::enabled(level))
    log::write(level, "kafka.client",
               {{"client", rd_kafka_name(client)}, {"facility", facility}, {"text", text}});
}

/// Passes by itself: a partition that was just created or moves to another broker.
bool is_passing(rd_kafka_resp_err_t code) {
  return code == RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION ||
         code == RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE ||
         code == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART || code == RD_KAFKA_RESP_ERR__TRANSPORT;
}

rd_kafka_resp_err_t query(rd_kafka_t* client, rd_kafka_topic_partition_list_t& list, int64_t which,
                          duration timeout) {
  for (int i = 0; i < list.cnt; ++i) {
    list.elems[i].offset = which;
    list.elems[i].err = RD_KAFKA_RESP_ERR_NO_ERROR;
  }
  auto code = rd_kafka_offsets_for_times(client, &list, milliseconds_of(timeout));
  for (int i = 0; i < list.cnt && code == RD_KAFKA_RESP_ERR_NO_ERROR; ++i)
    code = list.elems[i].err;
  return code;
}

}  // namespace

config::config(const kafka_options& options) : config_(rd_kafka_conf_new()) {
  wait_by_the_steady_clock();
  rd_kafka_conf_set_log_cb(raw(), log_line);
  set("bootstrap.servers", options.bootstrap);
  set("client.id", options.node);
  // A broker that is back is used within a second, not after the stock ten.
  set("reconnect.backoff.ms", 100);
  set("reconnect.backoff.max.ms", 1000);
  set("socket.nagle.disable", "true");
  set("socket.keepalive.enable", "true");
  // Topics are created by `prepare` with the right number of partitions, never in passing.
  set("allow.auto.create.topics", "false");
  for (const auto& [name, value] : options.security)
    set(name, value);
}

config& config::set(const std::string& name, const std::string& value) {
  std::array<char, 512> why{};
  if (rd_kafka_conf_set(raw(), name.c_str(), value.c_str(), why.data(), why.size()) !=
          RD_KAFKA_CONF_OK &&
      refused_)
    refused_ = failure{errc::invalid, std::string("Kafka setting refused: ") + why.data(), name};
  return *this;
}

result<client_ptr> config::build(rd_kafka_type_t type) && {
  if (!refused_)
    return refused_.error();
  std::array<char, 512> why{};
  auto* client = rd_kafka_new(type, raw(), why.data(), why.size());
  if (client == nullptr)
    return failure{errc::invalid, std::string("Kafka client refused: ") + why.data()};
  (void)config_.release();  // the client owns its settings now
  return client_ptr(client);
}

failure failure_of(rd_kafka_resp_err_t code, std::string_view doing) {
  const auto detail = std::string(doing) + ": " + rd_kafka_err2str(code);
  switch (code) {
    case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
    case RD_KAFKA_RESP_ERR_INVALID_MSG_SIZE:
    case RD_KAFKA_RESP_ERR_INVALID_RECORD:
    case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION: return {errc::invalid, detail};
    case RD_KAFKA_RESP_ERR__QUEUE_FULL: return {errc::busy, detail};
    default: return {errc::unavailable, detail};
  }
}

std::vector<log_header> headers_of(const rd_kafka_message_t& message) {
  std::vector<log_header> out;
  rd_kafka_headers_t* headers = nullptr;
  if (rd_kafka_message_headers(&message, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR)
    return out;
  out.reserve(rd_kafka_header_cnt(headers));
  const char* name = nullptr;
  const void* value = nullptr;
  size_t size = 0;
  for (size_t i = 0;
       rd_kafka_header_get_all(headers, i, &name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR; ++i)
    out.push_back({name, text_of(value, size)});
  return out;
}

headers_ptr make_headers(const std::vector<log_header>& headers) {
  headers_ptr out(rd_kafka_headers_new(headers.size()));
  for (const auto& h : headers)
    rd_kafka_header_add(out.get(), h.name.data(), static_cast<ssize_t>(h.name.size()),
                        h.value.data(), static_cast<ssize_t>(h.value.size()));
  return out;
}

int milliseconds_of(duration length) {
  const auto count = std::chrono::duration_cast<std::chrono::milliseconds>(length).count();
  return static_cast<int>(std::clamp<int64_t>(count, 1, 24L * 3600 * 1000));
}

result<std::vector<offset_range>> ranges_of(rd_kafka_t* client,
                                            const rd_kafka_topic_partition_list_t& list,
                                            duration timeout) {
  // Asking "for times" with the two logical offsets is one request per broker, where asking for
  // watermarks is one per partition: a node takes over many shards at once.
  const deadline end(timeout);
  std::vector<offset_range> ranges(static_cast<size_t>(list.cnt));
  const partitions_ptr asked(rd_kafka_topic_partition_list_copy(&list));
  for (const auto which : {RD_KAFKA_OFFSET_BEGINNING, RD_KAFKA_OFFSET_END}) {
    auto code = query(client, *asked, which, end.left());
    while (is_passing(code) && !end.passed()) {
      std::this_thread::sleep_for(20ms);
      code = query(client, *asked, which, end.left());
    }
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
      return failure_of(code, std::string("asking for the offsets of ") + list.elems[0].topic);
    for (int i = 0; i < list.cnt; ++i) {
      auto& range = ranges[static_cast<size_t>(i)];
      (which == RD_KAFKA_OFFSET_END ? range.end : range.first) = asked->elems[i].offset;
    }
  }
  return ranges;
}

}  // namespace orrery::kafka
