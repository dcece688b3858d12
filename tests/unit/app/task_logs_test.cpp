#include "app/log_office.hpp"
#include "base/clock.hpp"
#include "persistence/memory/memory_logs.hpp"
#include "persistence/memory/memory_store.hpp"
#include "tests/contract/store/store_batches.hpp"

#include <atomic>
#include <gtest/gtest.h>
#include <thread>

namespace orrery::test {

namespace {

using namespace std::chrono_literals;
using app::log_office;
using app::log_options;
using app::log_recorder;

bool comes_true(const std::function<bool()>& question) {
  const auto end = std::chrono::steady_clock::now() + 20s;
  while (!question()) {
    if (std::chrono::steady_clock::now() > end)
      return false;
    std::this_thread::sleep_for(5ms);
  }
  return true;
}

/// A store that can be away.
class moody_logs final : public task_log_source {
public:
  std::unique_ptr<task_log_store> open_logs() override {
    return std::make_unique<session>(*this, kept.open_logs());
  }
  memory_logs kept;
  std::atomic<bool> away{false};
  std::atomic<int> calls{0};

private:
  class session final : public task_log_store {
  public:
    session(moody_logs& of, std::unique_ptr<task_log_store> inner)
        : of_(of), inner_(std::move(inner)) {}
    result<void> append(std::string_view node, std::span<const log_batch> batches,
                        int64_t bytes_max, time_point now) override {
      ++of_.calls;
      if (of_.away)
        return failure{errc::unavailable, "away"};
      return inner_->append(node, batches, bytes_max, now);
    }
    result<log_content> read(entity_id task, attempt_token token, int64_t after) override {
      return inner_->read(task, token, after);
    }
    result<int64_t> trim(std::string_view node, int64_t bytes_max) override {
      return inner_->trim(node, bytes_max);
    }
    result<void> erase(std::span<const entity_id> tasks) override { return inner_->erase(tasks); }

  private:
    moody_logs& of_;
    std::unique_ptr<task_log_store> inner_;
  };
};

const entity_id some_id{parse_uuid("01920000-0000-7003-8000-000000000001").value()};
constexpr attempt_token first{1, 1};

struct task_logs : ::testing::Test {
  std::vector<log_line> kept() {
    std::vector<log_line> all;
    const auto content = logs.kept.open_logs()->read(some_id, first, 0);
    for (const auto& chunk : content->chunks)
      all.insert(all.end(), chunk.lines.begin(), chunk.lines.end());
    return all;
  }
  std::vector<std::string> texts() {
    std::vector<std::string> all;
    for (const auto& line : kept())
      all.push_back(std::string(to_string(line.source)) + (line.unfinished ? "+:" : ":") +
                    line.text);
    return all;
  }

  moody_logs logs;
  system_clock time;
  log_options how{.node = "n1", .pace = 10ms, .hold = 24h, .pause = 10ms};
};

}  // namespace

TEST_F(task_logs, bytes_cut_anywhere_become_lines_of_their_source) {
  log_recorder recorder(logs, time, how);
  recorder.write(some_id, first, log_source::standard_output, "on");
  recorder.write(some_id, first, log_source::standard_error, "bad");
  recorder.write(some_id, first, log_source::standard_output, "e\r\ntwo\n\nthr");
  recorder.write(some_id, first, log_source::standard_output, "ee");
  recorder.write(some_id, first, {{never, log_source::worker, false, "four", 0}});
  const std::vector<std::string> ended{"stdout:one", "stdout:two", "stdout:", "worker:four"};
  EXPECT_TRUE(comes_true([&] { return texts() == ended; }));
  EXPECT_NE(kept().back().at, never);
  recorder.close(some_id, first);
  auto all = ended;
  all.insert(all.end(), {"stdout+:three", "stderr+:bad"});
  EXPECT_TRUE(comes_true([&] { return texts() == all; }));
  EXPECT_EQ(recorder.figures().lines, 6);
}

TEST_F(task_logs, a_line_that_does_not_end_is_stored_all_the_same) {
  how.hold = 20ms;
  log_recorder recorder(logs, time, how);
  recorder.write(some_id, first, log_source::standard_output, "50 %");
  EXPECT_TRUE(comes_true([&] { return texts() == std::vector<std::string>{"stdout+:50 %"}; }));
  const std::string long_line(40'000, 'x');
  recorder.write(some_id, first, log_source::standard_output, long_line + "\n");
  EXPECT_TRUE(comes_true([&] { return kept().size() == 4; }));
  std::string whole;
  for (const auto& line : kept())
    whole += line.text;
  EXPECT_EQ(whole, "50 %" + long_line);
  EXPECT_FALSE(kept().back().unfinished);
}

TEST_F(task_logs, while_the_store_is_away_the_oldest_is_dropped_and_counted) {
  how.attempt_bytes = 100'000;
  how.buffer_bytes = 300'000;
  logs.away = true;
  log_recorder recorder(logs, time, how);
  recorder.write(some_id, first, log_source::standard_output, "the first\n");
  EXPECT_TRUE(comes_true([&] { return logs.calls > 1; }));
  for (int i = 0; i < 10'000; ++i)
    recorder.write(some_id, first, log_source::standard_output,
                   std::to_string(i) + std::string(100, 'x') + "\n");
  EXPECT_LE(recorder.figures().waiting, 300'000);
  logs.away = false;
  EXPECT_TRUE(comes_true([&] { return recorder.figures().waiting == 0 && !kept().empty(); }));
  recorder.stop();
  const auto lines = kept();
  EXPECT_EQ(lines.back().text.substr(0, 5), "9999x");
  const auto content = logs.kept.open_logs()->read(some_id, first, 0);
  EXPECT_EQ(content->lines + content->lost.lines, 10'001);
  EXPECT_LE(content->bytes, 100'000);
  EXPECT_GT(recorder.figures().dropped, 5'000);
}

TEST_F(task_logs, where_many_attempts_write_too_much_the_largest_loses) {
  how.buffer_bytes = 200'000;
  logs.away = true;
  log_recorder recorder(logs, time, how);
  recorder.write(some_id, first, log_source::standard_output, "wakes it\n");
  EXPECT_TRUE(comes_true([&] { return logs.calls > 0; }));
  recorder.write(some_id, {1, 2}, log_source::standard_output, "small\n");
  for (int i = 0; i < 10'000; ++i)
    recorder.write(some_id, {1, 3}, log_source::standard_output, std::string(100, 'x') + "\n");
  EXPECT_LE(recorder.figures().waiting, 200'000);
  logs.away = false;
  recorder.stop();
  const auto small = logs.kept.open_logs()->read(some_id, {1, 2}, 0);
  EXPECT_EQ(small->lines, 1);
  EXPECT_EQ(small->lost.lines, 0);
  const auto large = logs.kept.open_logs()->read(some_id, {1, 3}, 0);
  EXPECT_EQ(large->lines + large->lost.lines, 10'000);
  ASSERT_FALSE(large->chunks.empty());
  EXPECT_EQ(large->chunks.front().lines.front().lost_before, large->lost.lines);
}

TEST_F(task_logs, what_waits_is_stored_at_the_end) {
  how.pace = 1h;
  log_recorder recorder(logs, time, how);
  recorder.write(some_id, first, log_source::standard_output, "last words\nand more");
  recorder.stop();
  EXPECT_EQ(texts(), (std::vector<std::string>{"stdout:last words", "stdout+:and more"}));
}

TEST_F(task_logs, all_attempts_of_a_node_have_one_limit) {
  how.node_bytes = 100'000;
  log_recorder recorder(logs, time, how);
  for (uint32_t i = 1; i <= 20; ++i) {
    recorder.write(some_id, {1, i}, log_source::standard_output,
                   std::string(9'999, 'x') + std::to_string(i) + "\n");
    ASSERT_TRUE(comes_true([&] { return recorder.figures().lines == i; }));
  }
  const auto reader = logs.kept.open_logs();
  EXPECT_TRUE(comes_true([&] { return *reader->trim("n1", 120'000) == 0; }));
  EXPECT_TRUE(comes_true([&] { return reader->read(some_id, {1, 1}, 0)->lost.lines == 1; }));
  EXPECT_EQ(reader->read(some_id, {1, 20}, 0)->lines, 1);
}

namespace {

struct follower {
  follower(log_office& office, log_wish wish) {
    office.follow(
        std::move(wish), [] {},
        [this](result<std::shared_ptr<feed_stream>> opened) {
          const std::lock_guard lock(guard);
          if (opened)
            stream = *opened;
          else
            refused = opened.error();
          answered = true;
        });
    EXPECT_TRUE(comes_true([&] {
      const std::lock_guard lock(guard);
      return answered;
    }));
  }
  bool hears(std::string_view text) {
    return comes_true([&] {
      stream->take(heard, 1 << 20);
      return heard.find(text) != std::string::npos;
    });
  }
  std::mutex guard;
  bool answered = false;
  std::shared_ptr<feed_stream> stream;
  failure refused;
  std::string heard;
};

struct followed_logs : task_logs {
  void SetUp() override {
    ASSERT_TRUE(truth.migrate(4));
    const auto journal = truth.open_journal();
    shard_owner owner(shard_id{0}, *journal->acquire(shard_id{0}, "n1", noon));
    id = owner.submit(a_task());
    ASSERT_EQ(journal->commit(std::vector{owner.seal()}).outcome, commit_outcome::done);
  }
  memory_store truth{time};
  entity_id id;
};

}  // namespace

TEST_F(followed_logs, a_follower_sees_the_tail_and_what_comes) {
  log_office office(logs, truth, time, how);
  office.recorder().write(id, first, log_source::standard_output, "one\ntwo\nthree\n");
  ASSERT_TRUE(comes_true([&] { return office.figures().lines == 3; }));
  follower here(office, {.task = id, .token = first, .tail = 2, .after = {}});
  ASSERT_TRUE(here.hears("three"));
  EXPECT_EQ(here.heard.find("\"one\""), std::string::npos);
  office.recorder().write(id, first, log_source::standard_error, "four\n");
  ASSERT_TRUE(here.hears("four"));
  const auto place = here.stream->place();
  office.recorder().write(id, first, log_source::standard_error, "five\nsix\n");
  ASSERT_TRUE(here.hears("six"));
  follower again(office, {.task = id, .token = first, .tail = 1000, .after = place});
  ASSERT_TRUE(again.hears("six"));
  EXPECT_NE(again.heard.find("\"five\""), std::string::npos);
  EXPECT_EQ(again.heard.find("\"four\""), std::string::npos);
  EXPECT_EQ(here.stream->ended(), feed_end::none);
  office.stop();
  EXPECT_EQ(here.stream->ended(), feed_end::stopping);
}

TEST_F(followed_logs, a_stream_ends_after_its_attempt_and_not_before) {
  log_office office(logs, truth, time, how);
  follower waits(office, {.task = id, .token = first, .tail = 10, .after = {}});
  follower over(office, {.task = some_id, .token = first, .tail = 10, .after = {}});
  EXPECT_TRUE(comes_true([&] { return over.stream->ended() == feed_end::complete; }));
  EXPECT_EQ(waits.stream->ended(), feed_end::none);
}

TEST_F(followed_logs, too_many_followers_are_refused_and_a_bad_place_too) {
  how.followers_max = 1;
  log_office office(logs, truth, time, how);
  follower bad(office, {.task = id, .token = first, .tail = 10, .after = "abc"});
  EXPECT_EQ(bad.refused.code, errc::invalid);
  follower here(office, {.task = id, .token = first, .tail = 10, .after = {}});
  follower second(office, {.task = id, .token = first, .tail = 10, .after = {}});
  EXPECT_EQ(second.refused.code, errc::busy);
}

TEST_F(followed_logs, a_slow_follower_is_told_what_was_cut_off_in_between) {
  how.attempt_bytes = 64 << 10;
  log_office office(logs, truth, time, how);
  office.recorder().write(id, first, log_source::standard_output, "begin\n");
  ASSERT_TRUE(comes_true([&] { return office.figures().lines == 1; }));
  follower here(office, {.task = id, .token = first, .tail = 10, .after = {}});
  ASSERT_TRUE(here.hears("begin"));
  const auto place = here.stream->place();
  for (int64_t i = 0; i < 40; ++i) {
    office.recorder().write(id, first, log_source::standard_output, std::string(9'999, 'y') + "\n");
    ASSERT_TRUE(comes_true([&] { return office.figures().lines == i + 2; }));
  }
  follower late(office, {.task = id, .token = first, .tail = 10, .after = place});
  EXPECT_TRUE(late.hears("event: lost"));
}

}  // namespace orrery::test
