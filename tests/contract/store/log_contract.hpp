#pragma once
/// What every store of task logs promises.

#include "domain/ports/task_logs.hpp"
#include "tests/contract/store/store_batches.hpp"

#include <gtest/gtest.h>
#include <thread>

namespace orrery::test {

inline entity_id log_task(uint8_t last) {
  std::array<uint8_t, 16> bytes{};
  bytes[0] = 1;
  bytes[15] = last;
  return entity_id{uuid_from_bytes(bytes.data())};
}

inline log_batch some_lines(entity_id task, attempt_token token, int64_t stamp, size_t count,
                            size_t length = 10) {
  log_batch batch{task, token, stamp, {}, {}};
  for (size_t i = 0; i < count; ++i) {
    log_line line;
    line.at = noon + std::chrono::milliseconds{stamp * 1000 + static_cast<int64_t>(i)};
    line.source = static_cast<log_source>(i % 3);
    line.unfinished = i % 5 == 4;
    line.text = std::to_string(stamp) + ":" + std::to_string(i) + std::string(length, 'x');
    batch.lines.push_back(std::move(line));
  }
  return batch;
}

inline std::vector<log_line> all_lines(const log_content& content) {
  std::vector<log_line> all;
  int64_t before = content.chunks.empty() ? 0 : content.chunks.front().number - 1;
  for (const auto& chunk : content.chunks) {
    EXPECT_EQ(chunk.number, ++before);
    all.insert(all.end(), chunk.lines.begin(), chunk.lines.end());
  }
  return all;
}

inline void keeps_lines_in_order_and_attempts_apart(task_log_source& where) {
  const auto logs = where.open_logs();
  const auto first = some_lines(log_task(1), {1, 1}, 1, 3000, 40);
  auto second = some_lines(log_task(1), {1, 1}, 2, 4);
  second.lines[0].text = std::string("\0\xff\n not text", 12);
  second.lines[1].text.clear();
  second.lost = {3, 77};
  const auto other = some_lines(log_task(1), {1, 2}, 1, 2);
  ASSERT_TRUE(logs->append("a", std::vector{first, other}, 1 << 20, noon));
  ASSERT_TRUE(logs->append("b", std::vector{second}, 1 << 20, noon + 1s));

  const auto reader = where.open_logs();
  const auto content = reader->read(log_task(1), {1, 1}, 0);
  ASSERT_TRUE(content) << content.error().detail;
  auto expected = first.lines;
  expected.insert(expected.end(), second.lines.begin(), second.lines.end());
  EXPECT_EQ(all_lines(*content), expected);
  EXPECT_GT(content->chunks.size(), 2u);
  EXPECT_EQ(content->lines, 3004);
  EXPECT_GT(content->bytes, 3000 * 40);
  EXPECT_EQ(content->lost, (log_loss{3, 77}));
  EXPECT_EQ(content->node, "b");
  const auto newest = reader->read(log_task(1), {1, 1}, content->chunks.back().number - 1);
  EXPECT_EQ(all_lines(*newest), second.lines);
  EXPECT_EQ(newest->lines, 3004);
  EXPECT_EQ(all_lines(*reader->read(log_task(1), {1, 2}, 0)), other.lines);
  EXPECT_TRUE(reader->read(log_task(9), {1, 1}, 0)->chunks.empty());
}

inline void takes_a_batch_that_comes_again_once(task_log_source& where) {
  const auto logs = where.open_logs();
  const auto batch = some_lines(log_task(2), {1, 1}, 7, 3);
  ASSERT_TRUE(logs->append("a", std::vector{batch}, 1 << 20, noon));
  ASSERT_TRUE(logs->append("a", std::vector{batch}, 1 << 20, noon));
  EXPECT_EQ(all_lines(*logs->read(log_task(2), {1, 1}, 0)), batch.lines);
  ASSERT_TRUE(logs->append("a", std::vector{some_lines(log_task(2), {1, 1}, 8, 3)}, 1 << 20, noon));
  EXPECT_EQ(logs->read(log_task(2), {1, 1}, 0)->lines, 6);
}

inline void cuts_off_the_oldest_and_counts_it(task_log_source& where) {
  const auto logs = where.open_logs();
  constexpr int64_t bytes_max = 200'000;
  int64_t written = 0;
  for (int64_t stamp = 1; stamp <= 20; ++stamp) {
    ASSERT_TRUE(logs->append("a", std::vector{some_lines(log_task(3), {1, 1}, stamp, 100, 1000)},
                             bytes_max, noon));
    written += 100;
    const auto now = logs->read(log_task(3), {1, 1}, 0);
    EXPECT_LE(now->bytes, bytes_max);
    EXPECT_EQ(now->lines + now->lost.lines, written);
    EXPECT_EQ(static_cast<int64_t>(all_lines(*now).size()), now->lines);
  }
  const auto content = logs->read(log_task(3), {1, 1}, 0);
  EXPECT_GT(content->bytes, bytes_max / 2);
  EXPECT_GT(content->lost.bytes, 20 * 100 * 1000 - bytes_max);
  EXPECT_EQ(all_lines(*content).back(),
            some_lines(log_task(3), {1, 1}, 20, 100, 1000).lines.back());
}

inline void trims_what_one_node_wrote_longest_ago(task_log_source& where) {
  const auto logs = where.open_logs();
  for (uint8_t i = 1; i <= 10; ++i)
    ASSERT_TRUE(logs->append("n", std::vector{some_lines(log_task(i), {7, 1}, 1, 10, 1000)},
                             1 << 20, noon + std::chrono::seconds{i}));
  ASSERT_TRUE(
      logs->append("m", std::vector{some_lines(log_task(11), {7, 1}, 1, 10, 1000)}, 1 << 20, noon));
  EXPECT_EQ(*logs->trim("n", 1 << 20), 0);
  const auto gone = logs->trim("n", 50'000);
  ASSERT_TRUE(gone) << gone.error().detail;
  EXPECT_GE(*gone, 50'000);
  EXPECT_EQ(*logs->trim("n", 50'000), 0);
  const auto oldest = logs->read(log_task(1), {7, 1}, 0);
  EXPECT_TRUE(oldest->chunks.empty());
  EXPECT_EQ(oldest->lines, 0);
  EXPECT_EQ(oldest->lost.lines, 10);
  EXPECT_EQ(logs->read(log_task(10), {7, 1}, 0)->lines, 10);
  EXPECT_EQ(logs->read(log_task(11), {7, 1}, 0)->lines, 10);

  ASSERT_TRUE(logs->erase(std::vector{log_task(10), log_task(1)}));
  EXPECT_EQ(logs->read(log_task(10), {7, 1}, 0)->lines, 0);
  EXPECT_TRUE(logs->read(log_task(1), {7, 1}, 0)->node.empty());
  EXPECT_EQ(logs->read(log_task(9), {7, 1}, 0)->lines, 10);
}

inline void lets_two_nodes_write_to_one_attempt(task_log_source& where) {
  const auto write = [&](std::string_view node, int64_t stamps) {
    const auto logs = where.open_logs();
    for (int64_t i = 0; i < 20; ++i)
      EXPECT_TRUE(logs->append(node,
                               std::vector{some_lines(log_task(5), {1, 1}, stamps + i, 5),
                                           some_lines(log_task(6), {1, 1}, stamps + i, 5)},
                               1 << 20, noon));
  };
  std::thread other([&] { write("b", 1000); });
  write("a", 1);
  other.join();
  const auto logs = where.open_logs();
  EXPECT_EQ(all_lines(*logs->read(log_task(5), {1, 1}, 0)).size(), 200u);
  EXPECT_EQ(all_lines(*logs->read(log_task(6), {1, 1}, 0)).size(), 200u);
}

inline void keeps_what_logs_promise(task_log_source& where) {
  keeps_lines_in_order_and_attempts_apart(where);
  takes_a_batch_that_comes_again_once(where);
  cuts_off_the_oldest_and_counts_it(where);
  trims_what_one_node_wrote_longest_ago(where);
  lets_two_nodes_write_to_one_attempt(where);
}

}  // namespace orrery::test
