#pragma once
/// Kafka as another program sees it: plain reading, keyed and transactional writing, deleting.

#include "bridge/kafka/handles.hpp"
#include "tests/support/kafka.hpp"

#include <gtest/gtest.h>
#include <optional>
#include <stdexcept>

namespace orrery::test {

inline kafka_options options_for(const kafka_cluster& cluster, std::string prefix) {
  kafka_options o;
  o.bootstrap = cluster.bootstrap();
  o.prefix = std::move(prefix);
  o.session_timeout = 1500ms;
  return o;
}

inline kafka::client_ptr raw_client(
    const kafka_options& options, rd_kafka_type_t type,
    const std::vector<std::pair<std::string, std::string>>& settings) {
  kafka::config c(options);
  for (const auto& [name, value] : settings)
    c.set(name, value);
  auto client = std::move(c).build(type);
  if (!client)
    throw std::runtime_error(client.error().detail);
  return std::move(*client);
}

/// Every committed record of a partition, in order.
inline std::vector<log_record> read_partition(const kafka_options& options,
                                              const std::string& topic, shard_id shard) {
  const auto client = raw_client(options, RD_KAFKA_CONSUMER,
                                 {{"enable.partition.eof", "true"}, {"fetch.wait.max.ms", "10"}});
  const kafka::topic_ptr handle(rd_kafka_topic_new(client.get(), topic.c_str(), nullptr));
  rd_kafka_consume_start(handle.get(), shard.value, RD_KAFKA_OFFSET_BEGINNING);
  std::vector<log_record> out;
  for (;;) {
    const kafka::message_ptr m(rd_kafka_consume(handle.get(), shard.value, 20'000));
    if (!m || m->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
      EXPECT_TRUE(m && m->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) << "reading " << topic;
      break;
    }
    log_record record;
    record.shard = shard;
    record.offset = m->offset;
    record.key = kafka::text_of(m->key, m->key_len);
    record.value = kafka::text_of(m->payload, m->len);
    record.headers = kafka::headers_of(*m);
    out.push_back(std::move(record));
  }
  rd_kafka_consume_stop(handle.get(), shard.value);
  return out;
}

inline std::optional<std::string> header_of(const log_record& record, const std::string& name) {
  for (const auto& h : record.headers)
    if (h.name == name)
      return h.value;
  return {};
}

/// Produces one message as any other program would; partition UA leaves the choice to the partitioner.
inline void put_raw(rd_kafka_t* producer, const std::string& topic, int32_t partition,
                    const std::string& key, const std::string& value,
                    const std::vector<log_header>& headers = {}) {
  auto made = kafka::make_headers(headers);
  const auto code = rd_kafka_producev(
      producer, RD_KAFKA_V_TOPIC(topic.c_str()), RD_KAFKA_V_PARTITION(partition),
      RD_KAFKA_V_KEY(key.data(), key.size()),
      RD_KAFKA_V_VALUE(const_cast<char*>(value.data()), value.size()),
      RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_HEADERS(made.get()), RD_KAFKA_V_END);
  ASSERT_EQ(code, RD_KAFKA_RESP_ERR_NO_ERROR);
  (void)made.release();
}

/// A transactional producer of another program.
class transactional_producer {
public:
  transactional_producer(const kafka_options& options, const std::string& id)
      : client_(raw_client(options, RD_KAFKA_PRODUCER,
                           {{"transactional.id", id}, {"retry.backoff.ms", "20"}})) {
    EXPECT_EQ(rd_kafka_init_transactions(client_.get(), 20'000), nullptr);
  }

  /// One transaction with one record in it.
  void transact(const std::string& topic, shard_id shard, const std::string& value,
                const std::vector<log_header>& headers, bool commit) {
    ASSERT_EQ(rd_kafka_begin_transaction(client_.get()), nullptr);
    put_raw(client_.get(), topic, shard.value, "k", value, headers);
    rd_kafka_flush(client_.get(), 20'000);
    ASSERT_EQ(commit ? rd_kafka_commit_transaction(client_.get(), 20'000)
                     : rd_kafka_abort_transaction(client_.get(), 20'000),
              nullptr);
  }

private:
  kafka::client_ptr client_;
};

/// Deletes what lies before `offset`, as retention does.
inline void delete_before(const kafka_options& options, const std::string& topic, shard_id shard,
                          int64_t offset) {
  const auto client = raw_client(options, RD_KAFKA_PRODUCER, {});
  const kafka::partitions_ptr list(rd_kafka_topic_partition_list_new(1));
  rd_kafka_topic_partition_list_add(list.get(), topic.c_str(), shard.value)->offset = offset;
  rd_kafka_DeleteRecords_t* request = rd_kafka_DeleteRecords_new(list.get());
  const kafka::queue_ptr queue(rd_kafka_queue_new(client.get()));
  rd_kafka_DeleteRecords(client.get(), &request, 1, nullptr, queue.get());
  const kafka::event_ptr event(rd_kafka_queue_poll(queue.get(), 20'000));
  rd_kafka_DeleteRecords_destroy(request);
  ASSERT_TRUE(event);
  ASSERT_EQ(rd_kafka_event_error(event.get()), RD_KAFKA_RESP_ERR_NO_ERROR);
}

}  // namespace orrery::test
