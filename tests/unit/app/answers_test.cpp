/// Requests with an `Idempotency-Key`: the server over a book of answers over a store.

#include "app/answer_office.hpp"
#include "codec/json.hpp"
#include "http/repeats.hpp"
#include "http/routes.hpp"
#include "persistence/memory/memory_store.hpp"
#include "tests/unit/http/server_fixture.hpp"

#include <atomic>
#include <future>

namespace orrery::test {

namespace {

class settable_clock final : public clock {
public:
  time_point now() const override { return from_micros(at_.load()); }
  void pass(duration length) { at_ += length.count(); }

private:
  std::atomic<int64_t> at_{1'800'000'000'000'000};
};

struct answers : server_test {
  settable_clock time;
  memory_store truth{time};
  std::unique_ptr<app::answer_office> book;
  std::atomic<int> carried_out{0};

  void SetUp() override {
    ASSERT_TRUE(truth.migrate(4));
    book = std::make_unique<app::answer_office>(truth, time);
    options.answers = book.get();
    door.on_command = [this](entity_kind kind, entity_id id, entity_command, answer<entity> done) {
      ++carried_out;
      done(some_entity(kind, id));
    };
    start();
  }
  void TearDown() override { under_test.reset(); }

  http_answer cancel(const std::string& key, const std::string& body = R"({"reason":"no"})",
                     const std::string& verb = "cancel") {
    return ask(address, "POST", "/api/tasks/" + to_string(task_id) + "/" + verb, body,
               "Content-Type: application/json\r\nIdempotency-Key: " + key + "\r\n");
  }
};

}  // namespace

TEST_F(answers, a_command_is_carried_out_once_and_answered_as_often_as_it_is_sent) {
  const auto first = cancel("k");
  const auto again = cancel("k");
  EXPECT_EQ(first.status, 200);
  EXPECT_EQ(again.status, 200);
  EXPECT_EQ(first.body, again.body);
  EXPECT_EQ(first.field("etag"), again.field("etag"));
  EXPECT_EQ(carried_out, 1);
  EXPECT_EQ(cancel("k2").status, 200);
  EXPECT_EQ(carried_out, 2);
}

TEST_F(answers, a_refusal_is_an_answer_too) {
  door.on_command = [this](entity_kind, entity_id, entity_command, answer<entity> done) {
    ++carried_out;
    done(failure{errc::rejected, "it has ended"});
  };
  const auto first = cancel("k");
  const auto again = cancel("k");
  EXPECT_EQ(first.status, 409);
  EXPECT_EQ(again.status, 409);
  EXPECT_EQ(first.body, again.body);
  EXPECT_EQ(first.field("content-type"), again.field("content-type"));
  EXPECT_EQ(carried_out, 1);
}

TEST_F(answers, another_request_under_the_key_is_422) {
  EXPECT_EQ(cancel("k").status, 200);
  EXPECT_EQ(cancel("k", R"({"reason":"other"})").status, 422);
  EXPECT_EQ(cancel("k", R"({"reason":"no"})", "kill").status, 422);
  EXPECT_EQ(carried_out, 1);
}

TEST_F(answers, what_was_not_carried_out_may_be_tried_again_under_the_key) {
  door.on_command = [this](entity_kind kind, entity_id id, entity_command, answer<entity> done) {
    if (++carried_out == 1)
      return done(failure{errc::unavailable, "the shard is moving"});
    done(some_entity(kind, id));
  };
  EXPECT_EQ(cancel("k").status, 503);
  EXPECT_EQ(cancel("k").status, 200);
  EXPECT_EQ(carried_out, 2);
}

TEST_F(answers, what_may_have_happened_is_not_tried_again) {
  door.on_command = [this](entity_kind, entity_id, entity_command, answer<entity> done) {
    ++carried_out;
    done(failure{errc::in_doubt, "not answered in time"});
  };
  EXPECT_EQ(cancel("k").status, 503);
  EXPECT_EQ(cancel("k").status, 503);
  EXPECT_EQ(carried_out, 1);
}

TEST_F(answers, who_lost_the_answer_gets_it_under_the_key) {
  std::promise<answer<entity>> asked;
  door.on_command = [&](entity_kind, entity_id, entity_command, answer<entity> done) {
    ++carried_out;
    asked.set_value(std::move(done));
  };
  auto reply = asked.get_future();
  {
    raw_client client(address);
    client.send("POST /api/tasks/" + to_string(task_id) +
                "/cancel HTTP/1.1\r\nHost: t\r\nIdempotency-Key: k\r\nContent-Type: "
                "application/json\r\nContent-Length: 15\r\n\r\n{\"reason\":\"no\"}");
    ASSERT_EQ(reply.wait_for(std::chrono::seconds{20}), std::future_status::ready);
  }  // gone before the answer
  auto done = reply.get();
  EXPECT_EQ(cancel("k").status, 503) << "it is still being carried out";
  done(some_entity(entity_kind::task, task_id));
  http_answer again;
  for (int tries = 0; tries < 2000 && again.status != 200; ++tries)
    again = cancel("k");
  EXPECT_EQ(again.status, 200);
  EXPECT_EQ(carried_out, 1);
}

TEST_F(answers, a_node_that_died_in_the_middle_leaves_a_doubt_that_is_said) {
  std::promise<void> noted;
  const keyed_request what{
      "", "k", "POST /api/tasks/" + to_string(task_id) + "/cancel\n{\"reason\":\"no\"}"};
  book->begin(what, [&](result<key_standing> found) {
    EXPECT_TRUE(found && found->is == key_standing::state::fresh);
    noted.set_value();
  });
  noted.get_future().wait();
  EXPECT_EQ(cancel("k").status, 503) << "it may still come";
  time.pass(2min);
  EXPECT_EQ(cancel("k").status, 409);
  EXPECT_EQ(carried_out, 0);
}

TEST_F(answers, keys_are_free_again_after_a_day) {
  EXPECT_EQ(cancel("k").status, 200);
  time.pass(23h);
  EXPECT_EQ(cancel("k").status, 200);
  EXPECT_EQ(carried_out, 1);
  time.pass(2h);
  EXPECT_EQ(cancel("k").status, 200);
  EXPECT_EQ(carried_out, 2);
}

TEST_F(answers, without_a_key_every_request_is_carried_out) {
  for (int i = 0; i < 2; ++i)
    EXPECT_EQ(ask(address, "POST", "/api/tasks/" + to_string(task_id) + "/cancel", "{}",
                  "Content-Type: application/json\r\n")
                  .status,
              200);
  EXPECT_EQ(carried_out, 2);
}

TEST_F(answers, a_broken_key_is_refused) {
  EXPECT_EQ(cancel(std::string(256, 'k')).status, 400);
  EXPECT_EQ(carried_out, 0);
}

TEST_F(answers, every_post_takes_a_key_but_those_that_make_tokens) {
  for (const auto& r : http::routes())
    if (r.verb == http::method::post) {
      EXPECT_EQ(r.submits || http::keeps_answers(r), !r.pattern.starts_with("/api/auth/"))
          << r.name;
    }
}

TEST_F(answers, one_command_of_many_at_once_under_one_key_is_carried_out) {
  std::vector<std::future<int>> all;
  for (int i = 0; i < 8; ++i)
    all.push_back(std::async(std::launch::async, [this] { return cancel("k").status; }));
  for (auto& one : all) {
    const int status = one.get();
    EXPECT_TRUE(status == 200 || status == 503) << status;
  }
  EXPECT_EQ(carried_out, 1);
}

}  // namespace orrery::test
