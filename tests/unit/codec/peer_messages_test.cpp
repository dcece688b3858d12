#include "codec/peer_messages.hpp"

#include <gtest/gtest.h>

namespace orrery::codec {
namespace {

peer_packet sent_and_read(const std::vector<peer_message>& messages) {
  peer_packet head;
  head.from = "n1";
  head.session = 7;
  head.of = 8;
  head.number = 9;
  std::vector<std::string> pieces;
  for (const auto& one : messages)
    pieces.push_back(encode(one));
  const auto read = decode_peer_packet(encode(head, {pieces.begin(), pieces.end()}));
  EXPECT_TRUE(read);
  return read ? *read : peer_packet{};
}

TEST(peer_messages, a_packet_comes_back_as_it_was_sent) {
  work_item item;
  item.task = entity_id{uuid{1, 2}};
  item.token = {3, 4};
  item.epoch = epoch_t{5};
  item.kind = "exec";
  item.payload = R"({"a":1})";
  item.ttl = 10s;
  item.traceparent = "00-1";
  peer::ended ended{item.task, item.token, item.epoch, {.error = "no", .error_code = "x"}, true};
  ended.outcome.retryable = false;
  ended.outcome.retry_after = 3s;
  node_load load;
  load.kinds = {{"exec", 64, 3, 1, 2, 5s}, {"http", 1, 0, 0, 0, {}}};
  load.queues = {{"default", "exec", 2, 5s}};
  const auto packet =
      sent_and_read({peer::load{load}, peer::borrow{"exec", 2}, peer::lend{"exec", 0},
                     peer::give_back{"exec", 1}, peer::recall{"http", 3}, peer::start{item},
                     peer::stop{item.task, item.token, item.epoch, stop_mode::now}, ended});
  EXPECT_EQ(packet.from, "n1");
  EXPECT_EQ(packet.session, 7u);
  EXPECT_EQ(packet.of, 8u);
  EXPECT_EQ(packet.number, 9u);
  ASSERT_EQ(packet.messages.size(), 8u);
  EXPECT_EQ(std::get<peer::load>(packet.messages[0]).of, load);
  EXPECT_EQ(std::get<peer::borrow>(packet.messages[1]).slots, 2u);
  EXPECT_EQ(std::get<peer::lend>(packet.messages[2]).slots, 0u);
  EXPECT_EQ(std::get<peer::recall>(packet.messages[4]).kind, "http");
  const auto& start = std::get<peer::start>(packet.messages[5]).item;
  EXPECT_EQ(start.task, item.task);
  EXPECT_EQ(start.token, item.token);
  EXPECT_EQ(start.epoch, item.epoch);
  EXPECT_EQ(start.payload, item.payload);
  EXPECT_EQ(start.ttl, item.ttl);
  EXPECT_EQ(std::get<peer::stop>(packet.messages[6]).mode, stop_mode::now);
  const auto& end = std::get<peer::ended>(packet.messages[7]);
  EXPECT_TRUE(end.interrupted);
  EXPECT_FALSE(end.outcome.succeeded);
  EXPECT_FALSE(end.outcome.retryable);
  EXPECT_EQ(end.outcome.retry_after, 3s);
  EXPECT_EQ(end.outcome.error_code, "x");
}

TEST(peer_messages, what_is_cut_or_garbled_is_refused_and_never_read_beyond_its_end) {
  peer_packet head;
  head.from = "n1";
  head.session = 7;
  const auto piece = encode(peer_message{peer::borrow{"exec", 200}});
  const auto whole = encode(head, {piece});
  for (size_t length = 0; length < whole.size(); ++length)
    (void)decode_peer_packet(whole.substr(0, length));
  for (size_t at = 0; at < whole.size(); ++at)
    for (const int bit : {1, 16, 128}) {
      auto bad = whole;
      bad[at] = static_cast<char>(bad[at] ^ bit);
      (void)decode_peer_packet(bad);
    }
  EXPECT_FALSE(decode_peer_packet(""));
  EXPECT_FALSE(decode_peer_packet(std::string("\x08", 1)));
  EXPECT_FALSE(decode_peer_receipt(""));
}

TEST(peer_messages, a_message_of_a_newer_program_is_skipped) {
  peer_packet head;
  head.from = "n1";
  head.session = 7;
  std::string unknown(
      "\xfa\x0f\x03"
      "abc",
      6);  // field 255, three bytes
  const auto known = encode(peer_message{peer::lend{"exec", 1}});
  const auto read = decode_peer_packet(encode(head, {unknown, known}));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->messages.size(), 1u);
}

TEST(peer_messages, a_receipt_comes_back) {
  const auto read = decode_peer_receipt(encode(peer_receipt{5, true}));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->session, 5u);
  EXPECT_TRUE(read->taken);
}

}  // namespace
}  // namespace orrery::codec
