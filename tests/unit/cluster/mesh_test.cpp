#include "tests/unit/cluster/mesh_fixture.hpp"

#include <thread>

namespace orrery::test {

TEST_F(mesh_test, lets_two_nodes_ask_each_other) {
  auto a = node("a");
  auto b = node("b");
  a->see({b.get()});
  b->see({a.get()});
  ASSERT_TRUE(eventually([&] { return a->reaches("b") && b->reaches("a"); }, long_enough));
  const auto there = a->ask("b", {.verb = 3, .kind = 1, .id = {}, .body = "hello"});
  ASSERT_TRUE(there) << there.error().detail;
  EXPECT_EQ(there->code, 4);
  EXPECT_EQ(there->body, "echo hello");
  const auto back = b->ask("a", {.verb = 7, .kind = 0, .id = {}, .body = ""});
  ASSERT_TRUE(back) << back.error().detail;
  EXPECT_EQ(back->code, 8);
  EXPECT_FALSE(a->reaches("a"));
}

TEST_F(mesh_test, connects_many_nodes_that_begin_at_once) {
  std::vector<std::unique_ptr<test_node>> nodes;
  for (const auto* name : {"a", "b", "c", "d", "e"})
    nodes.push_back(node(name));
  std::vector<const test_node*> all;
  for (const auto& one : nodes)
    all.push_back(one.get());
  for (const auto& one : nodes)
    one->see(all);
  for (const auto& one : nodes)
    EXPECT_TRUE(eventually([&] { return one->net().connected().size() == 4; }, long_enough));
  for (const auto& one : nodes)
    for (const auto& other : nodes) {
      if (one != other) {
        const auto answer = one->ask(other->row().name, {.verb = 1});
        EXPECT_TRUE(answer) << answer.error().detail;
      }
    }
}

TEST_F(mesh_test, takes_in_a_node_that_called_before_membership_named_it) {
  auto a = node("a");
  auto b = node("b");
  a->see({b.get()});
  ASSERT_TRUE(eventually([&] { return a->reaches("b"); }, long_enough));
  EXPECT_FALSE(b->reaches("a"));
  b->see({a.get()});
  EXPECT_TRUE(eventually([&] { return b->reaches("a"); }, long_enough));
  EXPECT_TRUE(b->ask("a", {}));
  // And again, after membership has lost sight of it for a moment.
  b->see({});
  EXPECT_FALSE(b->reaches("a"));
  b->see({a.get()});
  EXPECT_TRUE(b->ask("a", {}));
}

TEST_F(mesh_test, hands_over_every_part_of_a_request) {
  mesh_request seen;
  std::mutex guard;
  auto a = node("a");
  auto b = node(options_of("b"), [&](mesh_request request, auto reply) {
    const std::lock_guard lock(guard);
    seen = request;
    reply({});
  });
  a->see({b.get()});
  ASSERT_TRUE(eventually([&] { return a->reaches("b"); }, long_enough));
  const entity_id id{make_uuid_v8("x", 77)};
  const std::string body("\0\xff bytes", 8);
  ASSERT_TRUE(a->ask("b", {.verb = 9, .kind = 1, .id = id, .body = body}));
  const std::lock_guard lock(guard);
  EXPECT_EQ(seen.verb, 9);
  EXPECT_EQ(seen.kind, 1);
  EXPECT_EQ(seen.id, id);
  EXPECT_EQ(seen.body, body);
}

TEST_F(mesh_test, takes_an_answer_later_from_another_thread_and_only_the_first) {
  std::mutex guard;
  std::vector<std::function<void(mesh_reply)>> replies;
  auto a = node("a");
  auto b = node(options_of("b"), [&](mesh_request, auto reply) {
    const std::lock_guard lock(guard);
    replies.push_back(std::move(reply));
  });
  a->see({b.get()});
  ASSERT_TRUE(eventually([&] { return a->reaches("b"); }, long_enough));
  asked first;
  asked second;
  a->net().ask("b", {.verb = 1}, 20s, first.callback());
  a->net().ask("b", {.verb = 2}, 20s, second.callback());
  const auto waiting = [&] {
    const std::lock_guard lock(guard);
    return replies.size() == 2;
  };
  ASSERT_TRUE(eventually(waiting, long_enough));
  EXPECT_EQ(first.count() + second.count(), 0u);
  std::thread([&] {
    replies[1]({.code = 22, .body = "second"});
    replies[1]({.code = 99, .body = "again"});
  }).join();
  EXPECT_EQ(second.wait().value().body, "second");
  std::thread([&] { replies[0]({.code = 11, .body = "first"}); }).join();
  EXPECT_EQ(first.wait().value().code, 11);
  EXPECT_EQ(first.count(), 1u);
  EXPECT_EQ(second.count(), 1u);
}

TEST_F(mesh_test, answers_many_questions_in_flight) {
  auto a = node("a");
  auto b = node("b");
  a->see({b.get()});
  ASSERT_TRUE(eventually([&] { return a->reaches("b"); }, long_enough));
  std::vector<asked> answers(2000);
  for (size_t i = 0; i < answers.size(); ++i)
    a->net().ask("b", {.verb = 1, .kind = 0, .id = {}, .body = std::to_string(i)}, 20s,
                 answers[i].callback());
  for (size_t i = 0; i < answers.size(); ++i)
    ASSERT_EQ(answers[i].wait().value().body, "echo " + std::to_string(i));
}

TEST_F(mesh_test, tells_when_there_is_no_such_peer) {
  auto a = node("a");
  EXPECT_EQ(a->ask("nobody", {}).error().code, errc::unavailable);
}

TEST_F(mesh_test, tells_when_the_limit_has_passed) {
  std::atomic<int> questions{0};
  auto a = node("a");
  auto b = node(options_of("b"), [&](mesh_request, auto) { ++questions; });
  a->see({b.get()});
  ASSERT_TRUE(eventually([&] { return a->reaches("b"); }, long_enough));
  asked answer;
  a->net().ask("b", {}, 50ms, answer.callback());
  EXPECT_EQ(answer.wait().error().code, errc::unavailable);
  EXPECT_EQ(answer.count(), 1u);
}

TEST_F(mesh_test, fails_what_is_outstanding_when_a_peer_ends_and_finds_it_again) {
  std::atomic<int> questions{0};
  auto a = node("a");
  auto b = node(options_of("b"), [&](mesh_request, auto) { ++questions; });
  const auto port = b->port();
  a->see({b.get()});
  ASSERT_TRUE(eventually([&] { return a->reaches("b"); }, long_enough));
  asked answer;
  a->net().ask("b", {}, 5min, answer.callback());
  ASSERT_TRUE(eventually([&] { return questions == 1; }, long_enough));
  b.reset();
  EXPECT_EQ(answer.wait().error().code, errc::unavailable);
  EXPECT_TRUE(eventually([&] { return !a->reaches("b"); }, long_enough));

  b = node("b", port);
  EXPECT_TRUE(eventually([&] { return a->reaches("b"); }, long_enough));
  EXPECT_EQ(a->ask("b", {.verb = 0, .kind = 0, .id = {}, .body = "new"})->body, "echo new");
  EXPECT_EQ(answer.count(), 1u);
}

TEST_F(mesh_test, drops_a_peer_that_membership_no_longer_names) {
  auto a = node("a");
  auto b = node(options_of("b"), [](mesh_request, auto) {});
  a->see({b.get()});
  ASSERT_TRUE(eventually([&] { return a->reaches("b"); }, long_enough));
  asked answer;
  a->net().ask("b", {}, 5min, answer.callback());
  a->see({});
  EXPECT_EQ(answer.wait().error().code, errc::unavailable);
  EXPECT_FALSE(a->reaches("b"));
  EXPECT_EQ(a->ask("b", {}).error().code, errc::unavailable);
}

TEST_F(mesh_test, follows_a_node_to_another_port) {
  auto a = node("a");
  auto b = node("b");
  a->see({b.get()});
  ASSERT_TRUE(eventually([&] { return a->reaches("b"); }, long_enough));
  b.reset();
  b = node("b");
  a->see({b.get()});
  EXPECT_TRUE(
      eventually([&] { return a->reaches("b") && a->ask("b", {}).has_value(); }, long_enough));
}

TEST_F(mesh_test, does_not_take_one_node_for_another) {
  auto a = node("a");
  auto c = node("c");
  auto wrong = c->row();
  wrong.name = "b";
  a->net().peers({wrong, c->row()});
  ASSERT_TRUE(eventually([&] { return a->reaches("c"); }, long_enough));
  EXPECT_FALSE(a->reaches("b"));
  EXPECT_EQ(a->ask("b", {}).error().code, errc::unavailable);
}

TEST_F(mesh_test, refuses_a_body_over_the_limit_either_way) {
  auto a = node("a");
  auto b = node(options_of("b"), [](mesh_request request, auto reply) {
    reply({.code = 0, .body = std::string(mesh_body_bytes + request.verb, 'x')});
  });
  a->see({b.get()});
  ASSERT_TRUE(eventually([&] { return a->reaches("b"); }, long_enough));
  const auto too_large =
      a->ask("b", {.verb = 0, .kind = 0, .id = {}, .body = std::string(mesh_body_bytes + 1, 'x')});
  EXPECT_EQ(too_large.error().code, errc::invalid);
  const auto largest =
      a->ask("b", {.verb = 0, .kind = 0, .id = {}, .body = std::string(mesh_body_bytes, 'x')});
  ASSERT_TRUE(largest) << largest.error().detail;
  EXPECT_EQ(largest->body.size(), mesh_body_bytes);
  EXPECT_EQ(a->ask("b", {.verb = 1}).error().code, errc::unavailable);
}

TEST_F(mesh_test, answers_unknown_verbs_without_troubling_the_handler) {
  std::atomic<int> questions{0};
  auto a = node("a");
  auto b = node(options_of("b"), [&](mesh_request, auto reply) {
    ++questions;
    reply({});
  });
  a->see({b.get()});
  ASSERT_TRUE(eventually([&] { return a->reaches("b"); }, long_enough));
  EXPECT_EQ(a->ask("b", {.verb = 10}).error().code, errc::rejected);
  EXPECT_EQ(questions, 0);
  EXPECT_TRUE(a->ask("b", {.verb = 9}));
}

TEST_F(mesh_test, fails_everything_at_stop_and_does_not_start_again_by_itself) {
  auto a = node("a");
  auto b = node(options_of("b"), [](mesh_request, auto) {});
  a->see({b.get()});
  ASSERT_TRUE(eventually([&] { return a->reaches("b"); }, long_enough));
  std::vector<asked> answers(50);
  for (auto& answer : answers)
    a->net().ask("b", {}, 5min, answer.callback());
  a->net().stop();
  a->net().stop();
  for (auto& answer : answers) {
    EXPECT_EQ(answer.wait().error().code, errc::unavailable);
    EXPECT_EQ(answer.count(), 1u);
  }
  EXPECT_EQ(a->ask("b", {}).error().code, errc::unavailable);
  EXPECT_TRUE(eventually(
      [&] {
        const int fd = plain_connection(a->port());
        if (fd >= 0)
          ::close(fd);
        return fd < 0;
      },
      long_enough));
}

}  // namespace orrery::test
