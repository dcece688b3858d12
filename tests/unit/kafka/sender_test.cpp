/// What the sender makes of answers that a broker seldom gives, by the client library's own stand-in for
/// brokers. Everything else of it is tested against real ones (tests/contract/log).

#include "bridge/kafka/sender.hpp"

#include <future>
#include <gtest/gtest.h>
#include <librdkafka/rdkafka_mock.h>
#include <memory>
#include <thread>

namespace orrery::kafka {
namespace {

using namespace std::chrono_literals;

constexpr int16_t produce_request = 0;  ///< In Kafka's protocol.

class senders : public ::testing::Test {
protected:
  senders() {
    char why[256];
    auto* quiet = rd_kafka_conf_new();
    rd_kafka_conf_set(quiet, "log_level", "3", why, sizeof why);
    keeper_.reset(rd_kafka_new(RD_KAFKA_PRODUCER, quiet, why, sizeof why));
    brokers_.reset(rd_kafka_mock_cluster_new(keeper_.get(), 1));
    rd_kafka_mock_topic_create(brokers_.get(), "tasks", 1, 1);
    kafka_options options;
    options.bootstrap = rd_kafka_mock_cluster_bootstraps(brokers_.get());
    sender::settings how;
    how.role = "log";
    how.topics = {"tasks"};
    how.message_bytes_max = 100'000;
    auto opened = sender::open(options, std::move(how));
    EXPECT_TRUE(opened);
    if (opened)
      sender_ = std::move(*opened);
  }

  result<std::vector<int64_t>> send(size_t count = 1) {
    std::vector<outgoing> messages(count);
    for (auto& one : messages)
      one.value = "{}";
    std::promise<result<std::vector<int64_t>>> told;
    sender_->send(std::move(messages), [&](auto outcome) { told.set_value(std::move(outcome)); });
    return told.get_future().get();
  }
  void answer_next_with(rd_kafka_resp_err_t code) {
    rd_kafka_mock_push_request_errors(brokers_.get(), produce_request, 1, code);
  }

private:
  struct close_client {
    void operator()(rd_kafka_t* client) const { rd_kafka_destroy(client); }
  };
  struct close_brokers {
    void operator()(rd_kafka_mock_cluster_t* all) const { rd_kafka_mock_cluster_destroy(all); }
  };
  std::unique_ptr<rd_kafka_t, close_client> keeper_;
  std::unique_ptr<rd_kafka_mock_cluster_t, close_brokers> brokers_;

protected:
  std::unique_ptr<sender> sender_;
};

TEST_F(senders, tell_where_messages_are) {
  const auto first = send(2);
  ASSERT_TRUE(first) << first.error().detail;
  ASSERT_EQ(first->size(), 2u);
  EXPECT_GE((*first)[0], 0);
  EXPECT_EQ((*first)[1], (*first)[0] + 1);
}

/// The library says "delivered" and no offset. The message may be nowhere: it must not be told as accepted.
TEST_F(senders, are_in_doubt_of_what_is_called_delivered_and_has_no_place) {
  ASSERT_TRUE(send());
  answer_next_with(RD_KAFKA_RESP_ERR_DUPLICATE_SEQUENCE_NUMBER);
  const auto told = send();
  ASSERT_FALSE(told) << "with the offset " << told->front();
  EXPECT_EQ(told.error().code, errc::in_doubt);
}

TEST_F(senders, refuse_what_kafka_has_refused_for_good) {
  ASSERT_TRUE(send());
  answer_next_with(RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED);
  const auto told = send();
  ASSERT_FALSE(told);
  EXPECT_NE(told.error().code, errc::in_doubt) << "it is certainly not there";
  // The producer begins a new sequence, or is built anew; then messages are taken again.
  auto later = send();
  for (int i = 0; i < 200 && !later; ++i) {
    std::this_thread::sleep_for(50ms);
    later = send();
  }
  EXPECT_TRUE(later) << later.error().detail;
}

}  // namespace
}  // namespace orrery::kafka
