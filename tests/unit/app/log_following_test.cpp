/// Lines of several nodes in one stream: what a node remembers for others, what a reader is given, and how
/// nodes are asked that go and come.

#include "app/log_scout.hpp"

#include <condition_variable>
#include <gtest/gtest.h>
#include <map>
#include <mutex>

namespace orrery::app {
namespace {

constexpr steady_time now{std::chrono::hours{100}};

std::string line_of(const std::string& node, int64_t at, const std::string& event,
                    const std::string& level = "info") {
  return R"({"time":")" + format_time(from_micros(1'800'000'000'000'000 + at)) + R"(","level":")" +
         level + R"(","node":")" + node + R"(","event":")" + event + R"("})";
}

TEST(log_memory, tells_what_came_after_a_place) {
  log_memory memory("run", 1000);
  for (const auto* text : {"one", "two", "three"})
    memory.add(log::level::info, text, now);
  const auto first = memory.after({}, now, 1000);
  EXPECT_EQ(first.lines, (std::vector<std::string>{"one", "two", "three"}));
  EXPECT_EQ(first.upto, (log_place{"run", 3}));
  EXPECT_FALSE(first.more);
  memory.add(log::level::info, "four", now);
  const auto next = memory.after({.after = first.upto}, now, 1000);
  EXPECT_EQ(next.lines, std::vector<std::string>{"four"});
  EXPECT_EQ(next.lost, 0U);
  EXPECT_TRUE(memory.after({.after = next.upto}, now, 1000).lines.empty());
}

TEST(log_memory, says_how_many_lines_it_has_forgotten_since) {
  log_memory memory("run", 10);
  for (int i = 0; i < 8; ++i)
    memory.add(log::level::info, "12345", now);
  const auto late = memory.after({.after = {"run", 2}}, now, 1000);
  EXPECT_EQ(late.lines.size(), 2U);
  EXPECT_EQ(late.lost, 4U) << "of lines 3 to 8 two are left";
  EXPECT_EQ(memory.after({.after = {"run", 6}}, now, 1000).lost, 0U);
}

TEST(log_memory, shows_all_of_a_process_that_began_anew) {
  log_memory memory("second", 1000);
  memory.add(log::level::info, "ready", now);
  const auto told = memory.after({.after = {"first", 700}}, now, 1000);
  EXPECT_EQ(told.lines, std::vector<std::string>{"ready"});
  EXPECT_EQ(told.upto, (log_place{"second", 1}));
}

TEST(log_memory, goes_back_no_further_than_a_new_reader_wants) {
  log_memory memory("run", 1000);
  memory.add(log::level::info, "old", now - 10s);
  memory.add(log::level::info, "new", now - 1s);
  EXPECT_EQ(memory.after({.age = 5s}, now, 1000).lines, std::vector<std::string>{"new"});
  EXPECT_EQ(memory.after({.age = 10s}, now, 1000).lines.size(), 2U);
}

TEST(log_memory, leaves_out_lower_levels_and_goes_on_behind_them) {
  log_memory memory("run", 1000);
  memory.add(log::level::error, "bad", now);
  memory.add(log::level::info, "dull", now);
  const auto told = memory.after({.least = log::level::warning}, now, 1000);
  EXPECT_EQ(told.lines, std::vector<std::string>{"bad"});
  EXPECT_EQ(told.upto.number, 2U);
}

TEST(log_memory, answers_in_pieces_that_add_up) {
  log_memory memory("run", 100'000);
  for (int i = 0; i < 100; ++i)
    memory.add(log::level::info, std::to_string(i), now);
  std::vector<std::string> all;
  log_question question;
  for (bool more = true; more;) {
    const auto piece = memory.after(question, now, 20);
    EXPECT_LT(piece.lines.size(), 20U);
    all.insert(all.end(), piece.lines.begin(), piece.lines.end());
    question.after = piece.upto;
    more = piece.more;
  }
  ASSERT_EQ(all.size(), 100U);
  EXPECT_EQ(all.back(), "99");
}

TEST(log_news, come_through_as_text) {
  const log_question question{log::level::warning, {"run", 17}, 3s};
  const auto asked = log_question_in(to_text(question));
  EXPECT_EQ(asked.least, question.least);
  EXPECT_EQ(asked.after, question.after);
  EXPECT_EQ(asked.age, question.age);
  const log_news news{{"run", 21}, 2, true, {"a", "b"}};
  const auto told = log_news_in(to_text(news));
  ASSERT_TRUE(told);
  EXPECT_EQ(told->upto, news.upto);
  EXPECT_EQ(told->lost, 2U);
  EXPECT_TRUE(told->more);
  EXPECT_EQ(told->lines, news.lines);
  for (const auto* bad :
       {"", "run", "run\nx\n0\n0\n", "run\n1\n-1\n0\n", "run\n1\n0\n2\n", "\n1\n0\n0\n"})
    EXPECT_FALSE(log_news_in(bad)) << bad;
}

TEST(line_stream, puts_lines_of_several_nodes_in_the_order_of_their_times) {
  line_stream stream({}, 1h, [] {});
  const auto long_ago = std::chrono::steady_clock::now() - 2h;
  stream.offer(line_of("a", 1, "first"), long_ago);
  stream.offer(line_of("a", 3, "third"), long_ago);
  stream.offer(line_of("b", 2, "second"), long_ago);
  std::string out;
  stream.take(out, 10'000);
  EXPECT_LT(out.find("first"), out.find("second"));
  EXPECT_LT(out.find("second"), out.find("third"));
  EXPECT_NE(out.find("third"), std::string::npos);
}

TEST(line_stream, holds_lines_back_until_others_had_time_to_come) {
  line_stream stream({}, 1h, [] {});
  stream.offer(line_of("a", 1, "e"), std::chrono::steady_clock::now());
  std::string out;
  stream.take(out, 10'000);
  EXPECT_EQ(out, "");
  line_stream hasty({}, {}, [] {});
  hasty.offer(line_of("a", 1, "e"), std::chrono::steady_clock::now());
  hasty.take(out, 10'000);
  EXPECT_EQ(out, "id: 1\nevent: log\ndata: " + line_of("a", 1, "e") + "\n\n");
}

TEST(line_stream, cuts_a_reader_who_leaves_too_much_waiting) {
  line_stream stream({}, {}, [] {});
  for (int i = 0; i < 10'000; ++i)
    stream.offer(line_of("a", i, "e"), now);
  EXPECT_EQ(stream.ended(), feed_end::none);
  stream.offer(line_of("a", 0, "e"), now);
  EXPECT_EQ(stream.ended(), feed_end::slow);
  line_stream of_long_lines({}, {}, [] {});
  for (int i = 0; i < 5; ++i)
    of_long_lines.offer(line_of("a", i, std::string(1 << 20, 'x')), now);
  EXPECT_EQ(of_long_lines.ended(), feed_end::slow);
}

TEST(line_stream, tells_of_nodes_only_what_has_changed_and_only_of_its_own) {
  line_stream stream({}, {}, [] {});
  line_stream of_b({.node = "b"}, {}, [] {});
  std::string out, of_b_out;
  for (int i = 0; i < 2; ++i) {
    stream.tell_nodes({"a", "b"}, {"c"});
    of_b.tell_nodes({"a", "b"}, {"c"});
    stream.take(out, 10'000);
    of_b.take(of_b_out, 10'000);
  }
  EXPECT_EQ(out, "event: nodes\ndata: {\"nodes\":[\"a\",\"b\"],\"missing\":[\"c\"]}\n\n");
  EXPECT_EQ(of_b_out, "event: nodes\ndata: {\"nodes\":[\"b\"],\"missing\":[]}\n\n");
  of_b_out.clear();
  of_b.tell_nodes({"a"}, {"c"});
  of_b.take(of_b_out, 10'000);
  EXPECT_EQ(of_b_out, "event: nodes\ndata: {\"nodes\":[],\"missing\":[\"b\"]}\n\n")
      << "and is gone";
}

/// Nodes that ask each other without a network between them.
class log_following : public testing::Test {
protected:
  void start(const std::string& name, const std::string& run = "1") {
    const std::lock_guard lock(guard);
    hubs[name] = std::make_shared<log_hub>(
        log_hub::options{.node = name, .run = run, .memory_bytes = 10'000, .answer_bytes = 300});
    up.insert(name);
  }
  void cut(const std::string& name, bool listed = true) {
    const std::lock_guard lock(guard);
    up.erase(name);
    if (!listed)
      hubs.erase(name);
  }
  void mend(const std::string& name) {
    const std::lock_guard lock(guard);
    up.insert(name);
  }
  void write(const std::string& node, int64_t at, const std::string& event,
             log::level lvl = log::level::info) {
    std::unique_lock lock(guard);
    const auto hub = hubs.at(node);
    lock.unlock();
    hub->take(lvl, line_of(node, at, event, lvl == log::level::debug ? "debug" : "info"));
  }
  std::unique_ptr<log_scout> scout_of_a() {
    return std::make_unique<log_scout>(
        "a", hubs.at("a"),
        [this] {
          const std::lock_guard lock(guard);
          std::vector<std::string> names;
          for (const auto& [name, hub] : hubs)
            if (name != "a")
              names.push_back(name);
          return names;
        },
        [this](const std::string& node, const std::string& question, auto done) {
          std::unique_lock lock(guard);
          const bool is_up = up.count(node) > 0;
          const auto hub = is_up ? hubs.at(node) : nullptr;
          lock.unlock();
          if (!is_up)
            return done(failure{errc::unavailable, "there is no connection"});
          done(to_text(hub->answer(log_question_in(question))));
        });
  }
  std::shared_ptr<line_stream> follow(node_log_wish wish = {}) {
    return hubs.at("a")->open(std::move(wish), {}, [this] {
      const std::lock_guard lock(wake_guard);
      woken = true;
      wake.notify_all();
    });
  }
  /// Takes until it is there, or ten seconds have passed.
  bool shows(line_stream& stream, const std::string& text) {
    const auto until = std::chrono::steady_clock::now() + 10s;
    while (std::chrono::steady_clock::now() < until) {
      stream.take(seen[&stream], 1 << 20);
      if (seen[&stream].find(text) != std::string::npos)
        return true;
      std::unique_lock lock(wake_guard);
      wake.wait_for(lock, 50ms, [this] { return woken; });
      woken = false;
    }
    return false;
  }
  void b_goes_away_after_a_line(line_stream& stream) {
    write("b", 1, "before");
    ASSERT_TRUE(shows(stream, "before"));
    cut("b");
    ASSERT_TRUE(shows(stream, R"("missing":["b"])"));
  }
  size_t times(const line_stream& stream, const std::string& text) {
    size_t n = 0;
    const auto& all = seen[&stream];
    for (auto at = all.find(text); at != std::string::npos; at = all.find(text, at + 1))
      ++n;
    return n;
  }

  std::mutex guard;
  std::map<std::string, std::shared_ptr<log_hub>> hubs;
  std::set<std::string> up;
  std::mutex wake_guard;
  std::condition_variable wake;
  bool woken = false;
  std::map<const line_stream*, std::string> seen;
};

TEST_F(log_following, hears_all_nodes_each_line_once) {
  start("a");
  start("b");
  const auto scout = scout_of_a();
  const auto stream = follow();
  ASSERT_TRUE(shows(*stream, R"({"nodes":["a","b"],"missing":[]})"));
  for (int i = 0; i < 50; ++i) {
    write("a", i, "of-a-" + std::to_string(100 + i));
    write("b", i, "of-b-" + std::to_string(100 + i));
  }
  ASSERT_TRUE(shows(*stream, "of-b-149")) << "in several answers: they are small here";
  ASSERT_TRUE(shows(*stream, "of-a-149"));
  for (int i = 0; i < 50; ++i)
    for (const auto* node : {"of-a-", "of-b-"})
      EXPECT_EQ(times(*stream, node + std::to_string(100 + i)), 1U) << node << i;
}

TEST_F(log_following, goes_on_where_a_node_that_was_away_was_heard_last) {
  start("a");
  start("b");
  const auto scout = scout_of_a();
  const auto stream = follow();
  ASSERT_NO_FATAL_FAILURE(b_goes_away_after_a_line(*stream));
  write("b", 2, "meanwhile");
  write("a", 3, "at-home");
  ASSERT_TRUE(shows(*stream, "at-home")) << "the others go on";
  mend("b");
  ASSERT_TRUE(shows(*stream, "meanwhile"));
  EXPECT_EQ(times(*stream, "before"), 1U);
  EXPECT_EQ(stream->ended(), feed_end::none);
}

TEST_F(log_following, says_what_a_node_forgot_while_it_was_away) {
  start("a");
  start("b");
  const auto scout = scout_of_a();
  const auto stream = follow();
  ASSERT_NO_FATAL_FAILURE(b_goes_away_after_a_line(*stream));
  for (int i = 0; i < 500; ++i)
    write("b", 2 + i, "many");
  mend("b");
  EXPECT_TRUE(shows(*stream, "event: lost\ndata: {\"node\":\"b\",\"lostLines\":"));
}

TEST_F(log_following, hears_who_joins_or_begins_anew_from_the_first_line) {
  start("a");
  start("b");
  const auto scout = scout_of_a();
  const auto stream = follow();
  ASSERT_TRUE(shows(*stream, R"({"nodes":["a","b"],"missing":[]})"));
  start("c");
  write("c", 1, "c-is-born");
  ASSERT_TRUE(shows(*stream, "c-is-born"));
  write("b", 2, "b-of-old");
  ASSERT_TRUE(shows(*stream, "b-of-old"));
  start("b", "2");
  write("b", 3, "b-is-reborn");
  ASSERT_TRUE(shows(*stream, "b-is-reborn"));
  cut("c", false);
  ASSERT_TRUE(shows(*stream, R"({"nodes":["a","b"],"missing":[]})"));
}

TEST_F(log_following, of_one_node_shows_no_other_and_waits_for_it) {
  start("a");
  start("b");
  start("c");
  const auto scout = scout_of_a();
  const auto stream = follow({.node = "b"});
  ASSERT_TRUE(shows(*stream, R"({"nodes":["b"],"missing":[]})"));
  write("a", 1, "of-a");
  write("c", 1, "of-c");
  write("b", 1, "of-b");
  ASSERT_TRUE(shows(*stream, "of-b"));
  cut("b", false);
  ASSERT_TRUE(shows(*stream, R"({"nodes":[],"missing":["b"]})"));
  start("b", "2");
  write("b", 2, "is-back");
  ASSERT_TRUE(shows(*stream, "is-back"));
  EXPECT_EQ(times(*stream, "of-a") + times(*stream, "of-c"), 0U);
}

TEST_F(log_following, gives_each_reader_the_levels_it_wants) {
  start("a");
  start("b");
  const auto scout = scout_of_a();
  const auto important = follow({.least = log::level::info});
  const auto all = follow();
  write("b", 1, "detail", log::level::debug);
  write("b", 2, "fact");
  ASSERT_TRUE(shows(*all, "fact"));
  ASSERT_TRUE(shows(*important, "fact"));
  EXPECT_EQ(times(*all, "detail"), 1U);
  EXPECT_EQ(times(*important, "detail"), 0U);
}

TEST_F(log_following, ends_with_its_scout_gone_and_its_node_stopping) {
  start("a");
  start("b");
  auto scout = scout_of_a();
  const auto stream = follow();
  ASSERT_TRUE(shows(*stream, "nodes"));
  scout->stop();
  scout.reset();
  hubs.at("a")->end();
  EXPECT_EQ(stream->ended(), feed_end::stopping);
  EXPECT_EQ(follow()->ended(), feed_end::stopping) << "nor does it begin then";
}

TEST_F(log_following, is_refused_where_too_many_do) {
  start("a");
  std::vector<std::shared_ptr<line_stream>> streams;
  for (int i = 0; i < 64; ++i)
    streams.push_back(follow());
  EXPECT_EQ(follow(), nullptr);
  streams.pop_back();
  EXPECT_NE(follow(), nullptr);
}

}  // namespace
}  // namespace orrery::app
