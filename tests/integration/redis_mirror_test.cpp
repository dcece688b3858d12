/// The mirror of running tasks, against a real redis-server.

#include "bridge/redis/redis_mirror.hpp"
#include "persistence/memory/memory_store.hpp"
#include "tests/contract/store/store_batches.hpp"
#include "tests/support/expect_log.hpp"
#include "tests/support/process.hpp"

#include <gtest/gtest.h>

namespace orrery::test {

namespace {

constexpr shard_id shard{0};

/// Takes everything.
class quiet_sink final : public event_sink {
public:
  void publish(shard_id, std::vector<status_event> events,
               std::function<void(result<void>)> done) override {
    published += events.size();
    done({});
  }
  result<tails> last_published(shard_id, const publishing_state&, duration) override {
    return tails{};
  }
  void publish_dead_letters(std::vector<dead_letter>,
                            std::function<void(result<void>)> done) override {
    done({});
  }
  size_t published = 0;
};

struct redis_mirror_test : ::testing::Test {
  temp_dir folder;
  const uint16_t port = free_port();
  std::unique_ptr<child_process> server;
  system_clock time;
  memory_store truth{time};
  std::unique_ptr<journal_store> journal;
  std::unique_ptr<shard_owner> owner;
  quiet_sink* inner = nullptr;
  std::unique_ptr<redis_mirror> mirror;

  void SetUp() override {
    allow_log_error("redis.away");
    ASSERT_TRUE(truth.migrate(4));
    journal = truth.open_journal();
    owner = std::make_unique<shard_owner>(shard, *journal->acquire(shard, "node-1", time.now()));
  }
  void start_server() {
    server = std::make_unique<child_process>(
        std::vector<std::string>{"redis-server", "--port", std::to_string(port), "--bind",
                                 "127.0.0.1", "--save", "", "--dir", folder.path().string()},
        folder.path() / "redis.log");
    ASSERT_TRUE(eventually([&] { return ask("PING") == "PONG"; }, std::chrono::seconds(20)));
  }
  void start_mirror() {
    auto sink = std::make_unique<quiet_sink>();
    inner = sink.get();
    redis_options options;
    options.address = "127.0.0.1:" + std::to_string(port);
    options.retry_after = 50ms;
    mirror = std::make_unique<redis_mirror>(std::move(sink), truth, time, options);
  }
  std::string ask(const std::string& words) {
    auto answer = run("redis-cli -p " + std::to_string(port) + " " + words + " 2>&1").output;
    while (!answer.empty() && answer.back() == '\n')
      answer.pop_back();
    return answer;
  }
  static std::string key(entity_id id) { return "orrery:running:" + to_string(id); }

  /// Decides, commits and publishes, as a shard does.
  void apply(entity_id id, task_command wish) {
    const auto before = owner->task_of(id);
    owner->apply(id, std::move(wish), time.now());
    ASSERT_EQ(journal->commit(std::vector{owner->seal()}).outcome, commit_outcome::done);
    const event_record record{position_t{1}, id, time.now(), task_event{}};
    if (auto event = status_event_of(std::optional(before), owner->task_of(id), record))
      mirror->publish(shard, {status_event{*event}}, [](const auto& ok) { EXPECT_TRUE(ok); });
  }
  entity_id submit(duration ttl = 1min) {
    auto spec = a_task("work");
    spec.ttl = ttl;
    const auto id = owner->submit(spec, time.now());
    EXPECT_EQ(journal->commit(std::vector{owner->seal()}).outcome, commit_outcome::done);
    return id;
  }
  bool shown(entity_id id) { return ask("EXISTS " + key(id)) == "1"; }
  bool comes(entity_id id) {
    return eventually([&] { return shown(id); }, std::chrono::seconds(20));
  }
  bool goes(entity_id id) {
    return eventually([&] { return !shown(id); }, std::chrono::seconds(20));
  }
};

}  // namespace

TEST_F(redis_mirror_test, shows_what_runs_until_it_ends) {
  start_server();
  start_mirror();
  const auto id = submit();
  apply(id, start_task{"node-1"});
  ASSERT_TRUE(comes(id));
  EXPECT_NE(ask("GET " + key(id)).find("\"worker\":\"node-1\""), std::string::npos);
  const auto left = std::stoi(ask("PTTL " + key(id)));
  EXPECT_GT(left, 0);
  EXPECT_LE(left, 60'000);
  apply(id, complete_task{{1, 1}, ""});
  EXPECT_TRUE(goes(id));
}

TEST_F(redis_mirror_test, a_key_goes_by_itself_at_the_end_of_the_ttl) {
  start_server();
  start_mirror();
  const auto id = submit(2s);
  apply(id, start_task{"node-1"});
  ASSERT_TRUE(comes(id));
  EXPECT_TRUE(goes(id));  // nobody said that it had ended
}

TEST_F(redis_mirror_test, redis_away_changes_nothing_and_is_caught_up_when_it_is_back) {
  start_mirror();
  const auto ended = submit();
  const auto running = submit();
  apply(ended, start_task{"node-1"});
  apply(ended, complete_task{{1, 1}, ""});
  apply(running, start_task{"node-1"});
  EXPECT_EQ(inner->published, 3u);
  start_server();
  EXPECT_TRUE(comes(running));
  EXPECT_FALSE(shown(ended));
  server.reset();
  apply(running, complete_task{{1, 1}, ""});
  EXPECT_EQ(inner->published, 4u);
  const auto later = submit();
  apply(later, start_task{"node-1"});
  start_server();
  EXPECT_TRUE(comes(later));
  EXPECT_FALSE(shown(running));
}

}  // namespace orrery::test
