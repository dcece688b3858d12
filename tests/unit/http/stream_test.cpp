#include "tests/unit/http/server_fixture.hpp"

#include "domain/ports/live_feed.hpp"

#include <deque>

namespace orrery::test {

namespace {

/// A feed whose frames the test writes.
class scripted_feed final : public live_feed {
public:
  void open(feed_wish wish, std::function<void()> wake,
            std::function<void(result<std::shared_ptr<feed_stream>>)> done) override {
    const std::lock_guard lock(state_->guard);
    state_->wishes.push_back(wish);
    if (state_->refusal)
      return done(*state_->refusal);
    state_->wake = std::move(wake);
    done(std::shared_ptr<feed_stream>(std::make_shared<stream>(state_)));
  }
  void send(std::string text) {
    const std::lock_guard lock(state_->guard);
    state_->text += text;
    if (state_->wake)
      state_->wake();
  }
  void end(feed_end why) {
    const std::lock_guard lock(state_->guard);
    state_->end = why;
    state_->wake();
  }
  void refuse(failure why) { state_->refusal = std::move(why); }
  feed_wish last_wish() const {
    const std::lock_guard lock(state_->guard);
    return state_->wishes.empty() ? feed_wish{} : state_->wishes.back();
  }
  size_t open_streams() const { return static_cast<size_t>(state_->streams.load()); }

private:
  struct shared {
    mutable std::mutex guard;
    std::function<void()> wake;
    std::string text;
    feed_end end = feed_end::none;
    std::optional<failure> refusal;
    std::vector<feed_wish> wishes;
    std::atomic<int> streams{0};
  };
  class stream final : public feed_stream {
  public:
    explicit stream(std::shared_ptr<shared> state) : state_(std::move(state)) { ++state_->streams; }
    ~stream() override { --state_->streams; }
    void take(std::string& out, size_t) override {
      const std::lock_guard lock(state_->guard);
      out += std::exchange(state_->text, {});
    }
    std::string place() const override { return "7"; }
    feed_end ended() const override {
      const std::lock_guard lock(state_->guard);
      return state_->end;
    }

  private:
    std::shared_ptr<shared> state_;
  };
  std::shared_ptr<shared> state_ = std::make_shared<shared>();
};

struct stream_test : server_test {
  scripted_feed feed;
  void SetUp() override { door.feed_under_test = &feed; }
  static std::string asking(const std::string& target, const std::string& fields = {}) {
    return "GET " + target + " HTTP/1.1\r\nHost: t\r\nAccept: text/event-stream\r\n" + fields +
           "\r\n";
  }
};

}  // namespace

TEST_F(stream_test, what_the_feed_brings_reaches_the_client_as_it_comes_until_the_feed_ends) {
  start();
  raw_client client(address);
  client.send(asking("/api/events"));
  feed.send("id: 1\nevent: TaskStarted\ndata: {}\n\n");
  ASSERT_TRUE(client.read_until("TaskStarted"));
  feed.send("id: 2\nevent: TaskSucceeded\ndata: {}\n\n");
  ASSERT_TRUE(client.read_until("TaskSucceeded"));
  feed.end(feed_end::slow);
  ASSERT_TRUE(client.read_until("event: end\ndata: {\"reason\":\"slow\"}\n\n"));
  const auto text = client.take_text();
  EXPECT_TRUE(client.closed());
  EXPECT_NE(text.find("Content-Type: text/event-stream\r\n"), std::string::npos);
  EXPECT_EQ(text.find("Content-Length"), std::string::npos);
  expect_alive();
}

TEST_F(stream_test, filters_and_the_last_event_id_reach_the_feed) {
  start();
  raw_client client(address);
  client.send(
      asking("/api/events?kind=task&event=TaskStarted,TaskFailed", "Last-Event-ID: a12\r\n"));
  ASSERT_TRUE(client.read_until("retry"));
  const auto wish = feed.last_wish();
  EXPECT_EQ(wish.kind, entity_kind::task);
  EXPECT_EQ(wish.events, (std::vector<std::string>{"TaskStarted", "TaskFailed"}));
  EXPECT_EQ(wish.after, "a12");
}

TEST_F(stream_test, a_reader_may_want_the_events_of_one_kind_of_entity) {
  start();
  for (const auto& [name, kind] : {std::pair{"task", entity_kind::task},
                                   {"order", entity_kind::order},
                                   {"schedule", entity_kind::schedule}}) {
    raw_client client(address);
    client.send(asking(std::string("/api/events?kind=") + name));
    ASSERT_TRUE(client.read_until("retry"));
    EXPECT_EQ(feed.last_wish().kind, kind);
  }
}

TEST_F(stream_test, an_entitys_events_are_a_list_unless_a_stream_is_asked_for) {
  start();
  const auto path = "/api/tasks/" + to_string(task_id) + "/events";
  EXPECT_EQ(ask(address, "GET", path).field("content-type"), "application/json");
  raw_client client(address);
  client.send(asking(path));
  ASSERT_TRUE(client.read_until("retry"));
  EXPECT_EQ(feed.last_wish().id, task_id);
}

TEST_F(stream_test, a_wrong_wish_and_a_refusal_are_plain_problems) {
  start();
  for (const auto* query : {"kind=cow", "kind=task&kind=cow", "event=TaskDanced", "colour=red"})
    EXPECT_EQ(ask(address, "GET", std::string("/api/events?") + query).status, 400) << query;
  feed.refuse({errc::busy, "too many readers of events"});
  EXPECT_EQ(ask(address, "GET", "/api/events").status, 429);
}

TEST_F(stream_test, the_streams_of_clients_that_are_gone_are_closed_at_the_next_events) {
  start();
  {
    raw_client client(address);
    client.send(asking("/api/events"));
    ASSERT_TRUE(client.read_until("retry"));
  }
  EXPECT_TRUE(soon([&] {
    feed.send(": more\n\n");
    return feed.open_streams() == 0;
  }));
}

TEST_F(stream_test, stopping_the_server_tells_every_reader) {
  start();
  raw_client client(address);
  client.send(asking("/api/events"));
  ASSERT_TRUE(client.read_until("retry"));
  under_test->stop(std::chrono::seconds(5));
  EXPECT_TRUE(client.read_until("event: end\ndata: {\"reason\":\"stopping\"}\n\n"));
}

}  // namespace orrery::test
