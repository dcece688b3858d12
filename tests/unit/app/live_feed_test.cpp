#include "app/feed_cursor.hpp"
#include "app/live_feed.hpp"
#include "persistence/memory/memory_store.hpp"
#include "tests/contract/store/store_batches.hpp"

#include <condition_variable>
#include <gtest/gtest.h>
#include <set>
#include <sstream>

namespace orrery::test {

namespace {

using app::feed_options;
using app::journal_feed;

constexpr uint32_t shards = 4;

/// A frame as a client reads it.
struct frame {
  std::string id;
  std::string event;
  std::string data;
};

std::vector<frame> frames_of(const std::string& text) {
  std::vector<frame> out;
  std::istringstream lines(text);
  frame now;
  for (std::string line; std::getline(lines, line);) {
    if (line.empty()) {
      out.push_back(std::exchange(now, {}));
      continue;
    }
    const auto colon = line.find(": ");
    const auto value = line.substr(colon + 2);
    (line[0] == 'i' ? now.id : line[0] == 'e' ? now.event : now.data) = value;
  }
  return out;
}

/// A client that takes when it is woken.
class client {
public:
  client(live_feed& feed, feed_wish wish) {
    std::mutex guard;
    std::condition_variable done;
    bool answered = false;
    feed.open(
        std::move(wish),
        [signal = signal_] {
          const std::lock_guard lock(signal->guard);
          signal->woken = true;
          signal->changed.notify_all();
        },
        [&](result<std::shared_ptr<feed_stream>> opened) {
          const std::lock_guard lock(guard);
          if (opened)
            stream_ = *opened;
          else
            refused = opened.error();
          answered = true;
          done.notify_all();
        });
    std::unique_lock lock(guard);
    EXPECT_TRUE(done.wait_for(lock, std::chrono::seconds(10), [&] { return answered; }));
  }

  /// Reads until it has `count` frames in all, or ten seconds have passed.
  const std::vector<frame>& read(size_t count) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (seen.size() < count && std::chrono::steady_clock::now() < end) {
      take();
      std::unique_lock lock(signal_->guard);
      if (seen.size() < count)
        signal_->changed.wait_for(lock, std::chrono::milliseconds(100),
                                  [&] { return signal_->woken; });
      signal_->woken = false;
    }
    return seen;
  }
  void take() {
    std::string text;
    stream_->take(text, 64 * 1024);
    for (auto& one : frames_of(text))
      seen.push_back(std::move(one));
  }
  feed_stream& stream() { return *stream_; }

  std::optional<failure> refused;
  std::vector<frame> seen;

private:
  struct signal {
    std::mutex guard;
    std::condition_variable changed;
    bool woken = false;
  };
  std::shared_ptr<signal> signal_ = std::make_shared<signal>();
  std::shared_ptr<feed_stream> stream_;
};

struct live_feed_test : ::testing::Test {
  system_clock time;
  memory_store store{time};
  std::vector<shard_owner> owners;
  std::unique_ptr<journal_store> journal;
  feed_options how{.shards = shards, .pace = std::chrono::milliseconds(1)};

  void SetUp() override {
    ASSERT_TRUE(store.migrate(shards));
    journal = store.open_journal();
    for (uint16_t shard = 0; shard < shards; ++shard) {
      const auto tenure = journal->acquire(shard_id{shard}, "node-1", noon);
      ASSERT_TRUE(tenure);
      owners.emplace_back(shard_id{shard}, *tenure);
    }
  }
  void commit(size_t shard) {
    const auto batch = owners[shard].seal();
    ASSERT_EQ(journal->commit({&batch, 1}).outcome, commit_outcome::done);
  }
  /// Three events in one commit.
  entity_id run_task(size_t shard) {
    const auto id = owners[shard].finished(a_task());
    commit(shard);
    return id;
  }
};

}  // namespace

TEST_F(live_feed_test, a_reader_sees_what_is_committed_after_it_came_and_nothing_older) {
  run_task(0);
  journal_feed feed(store, how);
  client reader(feed, {});
  run_task(1);
  run_task(2);
  const auto& seen = reader.read(6);
  ASSERT_EQ(seen.size(), 6u);
  EXPECT_EQ(seen[0].event, "TaskSubmitted");
  EXPECT_EQ(seen[2].event, "TaskSucceeded");
  EXPECT_NE(seen[5].data.find(R"("shard":2)"), std::string::npos) << seen[5].data;
}

TEST_F(live_feed_test, whoever_comes_back_with_any_id_gets_each_later_event_once) {
  journal_feed feed(store, how);
  client first(feed, {});
  for (int i = 0; i < 12; ++i)
    run_task(static_cast<size_t>(i) % shards);
  const auto all = first.read(36);
  ASSERT_EQ(all.size(), 36u);
  // A second node: another feed over the same store.
  journal_feed other(store, how);
  for (size_t last = 0; last < all.size(); ++last) {
    client again(other, {.after = all[last].id});
    std::set<std::string> wanted;
    for (size_t i = last + 1; i < all.size(); ++i)
      wanted.insert(all[i].data);
    std::set<std::string> got;
    for (const auto& one : again.read(wanted.size()))
      EXPECT_TRUE(got.insert(one.data).second) << "twice: " << one.data;
    EXPECT_EQ(got, wanted) << "after event " << last;
  }
}

TEST_F(live_feed_test, what_is_committed_while_a_reader_is_led_up_comes_once_and_in_order) {
  journal_feed feed(store,
                    {.shards = shards, .pace = std::chrono::milliseconds(1), .page_events = 2});
  client early(feed, {});
  run_task(0);
  const auto place = early.read(3).front().id;
  for (int i = 0; i < 50; ++i)
    run_task(0);
  client reader(feed, {.after = place});
  for (int i = 0; i < 50; ++i)
    run_task(0);
  const auto& seen = reader.read(302);
  ASSERT_EQ(seen.size(), 302u);
  for (size_t i = 0; i < seen.size(); ++i)
    EXPECT_NE(seen[i].data.find("\"position\":" + std::to_string(i + 2) + ","), std::string::npos)
        << seen[i].data;
}

TEST_F(live_feed_test, an_entitys_stream_begins_with_its_first_event_and_goes_on_by_position) {
  const auto id = owners[1].submit(a_task());
  commit(1);
  run_task(1);
  journal_feed feed(store, how);
  client reader(feed, {.id = id});
  ASSERT_EQ(reader.read(1).size(), 1u);
  owners[1].apply(id, task_command{start_task{"node-1"}});
  run_task(1);
  const auto& seen = reader.read(2);
  ASSERT_EQ(seen.size(), 2u);
  EXPECT_EQ(seen[1].event, "TaskStarted");
  client again(feed, {.id = id, .after = seen[0].id});
  EXPECT_EQ(again.read(1).front().event, "TaskStarted");
}

TEST_F(live_feed_test, filters_leave_out_what_was_not_asked_for_but_the_place_moves_on) {
  journal_feed feed(store, how);
  client orders(feed, {.kind = entity_kind::order});
  client ends(feed, {.events = {"TaskSucceeded"}});
  run_task(0);
  owners[1].submit(an_order());
  commit(1);
  EXPECT_EQ(orders.read(1).front().event, "OrderCreated");
  EXPECT_EQ(ends.read(1).front().event, "TaskSucceeded");
  const auto before = orders.stream().place();
  run_task(0);
  ends.read(2);
  orders.take();
  EXPECT_NE(orders.stream().place(), before);
}

TEST_F(live_feed_test, a_reader_that_falls_out_of_the_ring_is_cut_and_may_come_back) {
  how.ring_bytes = 2'000;
  journal_feed feed(store, how);
  client slow(feed, {});
  client quick(feed, {});
  run_task(0);
  quick.read(3);
  slow.read(3);
  for (int i = 0; i < 20; ++i) {
    run_task(0);
    quick.read(6 + 3 * static_cast<size_t>(i));
  }
  slow.take();
  EXPECT_EQ(slow.stream().ended(), feed_end::slow);
  EXPECT_EQ(feed.figures().cut, 1u);
  client again(feed, {.after = slow.seen.back().id});
  EXPECT_EQ(again.read(60).size(), 60u);
}

TEST_F(live_feed_test, one_reader_too_many_and_a_place_that_is_none_of_ours_are_refused) {
  how.readers_max = 1;
  journal_feed feed(store, how);
  client only(feed, {});
  client more(feed, {});
  ASSERT_TRUE(more.refused);
  EXPECT_EQ(more.refused->code, errc::busy);
  for (const auto* text :
       {"x", "aAAAA", "a", "12", "a!!!!", "aAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}) {
    client odd(feed, {.after = text});
    ASSERT_TRUE(odd.refused) << text;
    EXPECT_EQ(odd.refused->code, errc::invalid) << text;
  }
}

TEST_F(live_feed_test, a_store_that_is_away_delays_and_loses_nothing) {
  journal_feed feed(store, how);
  client reader(feed, {});
  run_task(0);
  reader.read(3);
  std::atomic<bool> away{true};
  store.on_call([&](std::string_view) -> result<void> {
    if (away)
      return failure{errc::unavailable, "away"};
    return {};
  });
  run_task(0);
  reader.take();
  away = false;
  EXPECT_EQ(reader.read(6).size(), 6u);
}

TEST_F(live_feed_test, stopping_ends_every_stream) {
  journal_feed feed(store, how);
  client reader(feed, {});
  feed.stop();
  reader.take();
  EXPECT_EQ(reader.stream().ended(), feed_end::stopping);
}

TEST(feed_cursor_test, what_is_written_is_read_back) {
  const app::feed_positions places[] = {
      {0, 0}, {1, 127}, {128, 16'383}, {1'000'000'007, 9'007'199'254'740'993}};
  for (const auto& seen : places)
    EXPECT_EQ(app::read_feed_cursor(app::write_feed_cursor(seen), 2).value(), seen);
}

}  // namespace orrery::test
