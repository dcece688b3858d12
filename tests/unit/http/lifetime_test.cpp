/// Starting, stopping, and answers that come when nobody waits for them any more.

#include "base/worker.hpp"
#include "tests/unit/http/server_fixture.hpp"

#include <atomic>
#include <future>

namespace orrery::test {

namespace {

using http::server;
using http::server_options;
using server_lifetime = server_test;

}  // namespace

TEST_F(server_lifetime, answers_that_come_after_the_client_has_gone_are_dropped) {
  start();
  parked<entity_page> late;
  door.on_list = [&](auto, auto done) { late.park(std::move(done)); };
  {
    raw_client client(address);
    client.send("GET /api/tasks HTTP/1.1\r\nHost: t\r\n\r\n");
    auto done = late.take();
    ASSERT_TRUE(done);
    client.close();
    done(entity_page{});
    done(entity_page{});  // once too often does no harm either
  }
  expect_alive();
}

TEST_F(server_lifetime, answers_that_come_after_the_server_has_gone_are_dropped) {
  start();
  parked<entity_page> late;
  door.on_list = [&](auto, auto done) { late.park(std::move(done)); };
  raw_client client(address);
  client.send("GET /api/tasks HTTP/1.1\r\nHost: t\r\n\r\n");
  auto done = late.take();
  ASSERT_TRUE(done);
  under_test->stop(0ms);
  EXPECT_TRUE(client.closed());
  under_test.reset();
  done(entity_page{});
}

TEST_F(server_lifetime, a_stop_lets_the_request_in_flight_finish_and_closes_idle_connections) {
  start();
  parked<entity_page> late;
  door.on_list = [&](auto, auto done) { late.park(std::move(done)); };
  raw_client idle(address), busy(address);
  idle.send(get_health);
  EXPECT_EQ(idle.read().status, 200);
  busy.send("GET /api/tasks HTTP/1.1\r\nHost: t\r\n\r\n");
  auto done = late.take();
  ASSERT_TRUE(done);
  auto stopped = std::async(std::launch::async, [&] { under_test->stop(10s); });
  EXPECT_TRUE(idle.closed());
  EXPECT_EQ(stopped.wait_for(0ms), std::future_status::timeout);
  done(entity_page{});
  const auto a = busy.read();
  EXPECT_EQ(a.status, 200);
  EXPECT_EQ(a.field("connection"), "close");
  stopped.get();
  EXPECT_EQ(ask(address, "GET", "/healthz").status, 0);
  under_test->stop(10s);  // once more does nothing
}

TEST_F(server_lifetime, a_stop_still_answers_the_first_request_of_who_has_just_connected) {
  start();
  std::vector<std::unique_ptr<raw_client>> clients;
  for (int i = 0; i < 20; ++i)
    clients.push_back(std::make_unique<raw_client>(address));
  auto stopped = std::async(std::launch::async, [&] { under_test->stop(10s); });
  for (auto& client : clients)
    client->send(get_health);
  for (auto& client : clients) {
    EXPECT_EQ(client->read().status, 200);
    EXPECT_TRUE(client->closed());
  }
  stopped.get();
  EXPECT_EQ(ask(address, "GET", "/healthz").status, 0);
}

TEST_F(server_lifetime, an_address_in_use_or_unreadable_is_a_failure) {
  start();
  server_options same = options;
  same.address = address;
  EXPECT_EQ(server(same, door).start().error().code, errc::unavailable);
  for (const char* bad :
       {"", "8080", "nowhere:80", "127.0.0.1:", "127.0.0.1:99999", "127.0.0.1:-1"}) {
    same.address = bad;
    EXPECT_EQ(server(same, door).start().error().code, errc::invalid) << bad;
  }
}

TEST_F(server_lifetime, several_io_threads_and_many_late_answers) {
  options.threads = 3;
  start();
  worker late("late", 1'000, 2);
  door.on_get = [&](entity_kind kind, entity_id of, auto done) {
    ASSERT_TRUE(late.submit([=] {
      done(entity_view{.accepted_only = false, .id = of, .state = some_entity(kind, of)});
    }));
  };
  std::atomic<int> good{0};
  {
    std::vector<std::jthread> clients;
    for (int c = 0; c < 6; ++c)
      clients.emplace_back([&] {
        raw_client client(address);
        for (int i = 0; i < 100; ++i)
          good += client.request("GET", "/api/tasks/" + to_string(task_id)).status == 200 ? 1 : 0;
      });
  }
  EXPECT_EQ(good.load(), 600);
  under_test.reset();
}

}  // namespace orrery::test
