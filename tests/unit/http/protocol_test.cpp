/// What a connection may do and what it may not: limits, garbage, smuggling.

#include "tests/unit/http/server_fixture.hpp"

namespace orrery::test {

namespace {

std::string post_task(std::string_view fields, std::string_view body) {
  return "POST /api/tasks HTTP/1.1\r\nHost: t\r\n" + std::string(fields) + "\r\n" +
         std::string(body);
}

using protocol = server_test;

}  // namespace

TEST_F(protocol, a_connection_serves_many_requests_one_after_another) {
  start();
  raw_client client(address);
  for (int i = 0; i < 50; ++i)
    ASSERT_EQ(client.request("POST", "/api/tasks", R"({"kind":"noop"})").status, 200);
}

TEST_F(protocol, pipelined_requests_are_answered_in_order) {
  start();
  raw_client client(address);
  std::string all;
  for (int i = 0; i < 500; ++i)
    all += "GET /healthz HTTP/1.1\r\nHost: t\r\nX-Request-Id: r" + std::to_string(i) + "\r\n\r\n";
  std::jthread sender([&] { client.send(all); });
  for (int i = 0; i < 500; ++i)
    ASSERT_EQ(client.read().field("x-request-id"), "r" + std::to_string(i));
}

TEST_F(protocol, pipelined_requests_stay_in_order_when_the_front_door_answers_late) {
  start();
  parked<entity_page> late;
  door.on_list = [&](auto, auto done) { late.park(std::move(done)); };
  raw_client client(address);
  client.send("GET /healthz HTTP/1.1\r\nHost: t\r\n\r\nGET /api/tasks HTTP/1.1\r\nHost: t\r\n\r\n" +
              get_health);
  EXPECT_EQ(client.read().body, R"({"status":"ok"})");  // does not wait for the second
  late.take()(entity_page{});
  EXPECT_EQ(client.read().body, R"({"items":[],"next":null})");
  EXPECT_EQ(client.read().body, R"({"status":"ok"})");
}

TEST_F(protocol, a_request_may_arrive_byte_by_byte) {
  start();
  raw_client client(address);
  const auto bytes =
      post_task("Transfer-Encoding: chunked\r\n", "8\r\n{\"kind\":\r\n7\r\n\"noop\"}\r\n0\r\n\r\n");
  for (const char c : bytes)
    ASSERT_TRUE(client.send({&c, 1}));
  EXPECT_EQ(client.read().status, 200);
  ASSERT_EQ(door.submitted().size(), 1u);
}

TEST_F(protocol, http_1_0_closes_unless_asked_to_stay) {
  start();
  expect_refused("GET /healthz HTTP/1.0\r\n\r\n", 200);
  raw_client client(address);
  client.send("GET /healthz HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  EXPECT_EQ(client.read().field("connection"), "keep-alive");
  client.send(get_health);
  EXPECT_EQ(client.read().status, 200);
}

TEST_F(protocol, connection_close_is_obeyed) {
  start();
  expect_refused("GET /healthz HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n", 200);
}

TEST_F(protocol, expect_100_continue_is_answered_before_the_body) {
  start();
  raw_client client(address);
  client.send(post_task("Expect: 100-continue\r\nContent-Length: 15\r\n", ""));
  EXPECT_EQ(client.read().status, 100);
  client.send(R"({"kind":"noop"})");
  EXPECT_EQ(client.read().status, 200);
  expect_refused(post_task("Expect: 100-continue\r\nContent-Length: 99999999\r\n", ""), 413);
  expect_refused(post_task("Expect: a-miracle\r\nContent-Length: 5\r\n", ""), 417);
}

TEST_F(protocol, headers_have_limits) {
  start();
  const std::string begin = "GET /healthz HTTP/1.1\r\nHost: t\r\n";
  expect_refused(begin + "X: " + std::string(17'000, 'a') + "\r\n\r\n", 431);
  expect_refused("GET /" + std::string(17'000, 'a') + " HTTP/1.1\r\nHost: t\r\n\r\n", 431);
  expect_refused("GET /" + std::string(40'000, 'a'), 431);
  std::string fields;
  for (int i = 0; i < 100; ++i)
    fields += "X" + std::to_string(i) + ": y\r\n";
  expect_refused(begin + fields + "\r\n", 431);
  expect_alive();
}

TEST_F(protocol, a_header_that_trickles_in_does_not_escape_the_limit) {
  start();
  raw_client client(address);
  client.send("GET /healthz HTTP/1.1\r\nHost: t\r\n");
  const std::string line = "X-Filler: " + std::string(100, 'a') + "\r\n";
  bool open = true;
  for (int i = 0; i < 100'000 && open; ++i)
    open = client.send(line);
  EXPECT_FALSE(open);
  expect_alive();
}

TEST_F(protocol, bodies_have_limits) {
  start();
  const auto size = std::to_string(301 * 1024);
  expect_refused(post_task("Content-Length: " + size + "\r\n", ""), 413);
  expect_refused(post_task("Content-Length: 10000000000\r\n", "{"), 413);
  expect_refused("POST /api/tasks/batch HTTP/1.1\r\nHost: t\r\nContent-Length: 16777217\r\n\r\n",
                 413);
  expect_refused(
      post_task("Transfer-Encoding: chunked\r\n", "4b400\r\n" + std::string(0x4b400, ' ')), 413);
  // A batch may be larger than a single post.
  const std::string filler(400 * 1024, ' ');
  EXPECT_EQ(ask(address, "POST", "/api/tasks/batch", "[{\"kind\":\"noop\"}" + filler + "]").status,
            200);
  expect_alive();
}

TEST_F(protocol, chunk_extensions_and_trailers_have_limits) {
  start();
  raw_client client(address);
  client.send(post_task("Transfer-Encoding: chunked\r\n", "5;x=" + std::string(200'000, 'a')));
  EXPECT_EQ(client.read().status, 400);
  expect_alive();
}

TEST_F(protocol, slow_headers_and_bodies_are_cut) {
  options.read_timeout = 50ms;
  start();
  expect_refused("GET /healthz HTTP/1.1\r\nHo", 408);
  expect_refused(post_task("Content-Length: 15\r\n", "{"), 408);
  expect_refused(post_task("Transfer-Encoding: chunked\r\n", "5\r\n{"), 408);
  raw_client silent(address);
  EXPECT_TRUE(silent.closed());
}

TEST_F(protocol, idle_connections_are_closed) {
  options.idle_timeout = 50ms;
  start();
  raw_client client(address);
  client.send(get_health);
  EXPECT_EQ(client.read().status, 200);
  EXPECT_TRUE(client.closed());
}

TEST_F(protocol, a_client_that_does_not_read_is_cut) {
  options.write_timeout = 50ms;
  door.on_list = [](auto query, auto done) {
    auto big = some_task();
    big.spec.edit([](task_spec& spec) { spec.payload = '"' + std::string(200'000, 'a') + '"'; });
    entity_page page;
    page.items.assign(50, entity(big));
    (void)query;
    done(std::move(page));
  };
  start();
  raw_client client(address);
  client.send("GET /api/tasks HTTP/1.1\r\nHost: t\r\n\r\n");
  EXPECT_TRUE(soon([&] {
    std::string text;
    under_test->append_metrics(text);
    return text.find("orrery_http_connections 0\n") != std::string::npos &&
           text.find("route=\"/api/tasks\",status=\"2xx\"} 1\n") != std::string::npos;
  }));
}

TEST_F(protocol, a_front_door_that_is_silent_gives_504_and_the_connection_lives) {
  options.request_timeout = 50ms;
  start();
  parked<entity_page> late;
  door.on_list = [&](auto, auto done) { late.park(std::move(done)); };
  raw_client client(address);
  const auto a = client.request("GET", "/api/tasks");
  EXPECT_EQ(a.status, 504);
  EXPECT_EQ(a.field("content-type"), "application/problem+json");
  client.send(get_health);
  EXPECT_EQ(client.read().status, 200);
  late.take()(entity_page{});  // too late for anybody
  client.send(get_health);
  EXPECT_EQ(client.read().body, R"({"status":"ok"})");
}

TEST_F(protocol, connections_have_a_limit) {
  options.connections_max = 2;
  start();
  raw_client first(address), second(address);
  first.send(get_health);
  second.send(get_health);
  EXPECT_EQ(first.read().status + second.read().status, 400);
  {
    raw_client third(address);
    const auto a = third.read();
    EXPECT_EQ(a.status, 503);
    EXPECT_TRUE(third.closed());
  }
  first.close();
  EXPECT_TRUE(soon([&] { return ask(address, "GET", "/healthz").status == 200; }));
}

TEST_F(protocol, a_message_whose_end_is_not_certain_is_refused_and_the_connection_closed) {
  start();
  const std::string chunked = "Transfer-Encoding: chunked\r\n", five = "Content-Length: 5\r\n";
  const std::string hidden = "0\r\n\r\nGET /hidden HTTP/1.1\r\nHost: t\r\n\r\n";
  for (const auto& fields : {chunked + five,
                             five + chunked,
                             five + "Content-Length: 6\r\n",
                             five + five,
                             std::string("Transfer-Encoding: xchunked\r\n"),
                             std::string("Transfer-Encoding: gzip\r\n"),
                             std::string("Transfer-Encoding: gzip, chunked\r\n"),
                             chunked + chunked,
                             std::string("Transfer-Encoding: chunked, identity\r\n"),
                             std::string("Transfer-Encoding: identity\r\n"),
                             std::string("Transfer-Encoding : chunked\r\n"),
                             std::string("Transfer-Encoding:\x0b"
                                         "chunked\r\n"),
                             std::string("Content-Length: +5\r\n"),
                             std::string("Content-Length: -5\r\n"),
                             std::string("Content-Length: 5, 5\r\n"),
                             std::string("Content-Length: 0x5\r\n"),
                             std::string("Content-Length: 5 5\r\n"),
                             std::string("Content-Length: 99999999999999999999999\r\n"),
                             std::string("Content-Length:\r\n"),
                             std::string("Host: u\r\n")})
    expect_refused(post_task(fields, hidden), 400);
  expect_refused("POST /api/tasks HTTP/1.0\r\n" + chunked + "\r\n" + hidden, 400);
  expect_refused("GET /healthz HTTP/1.1\r\n\r\n", 400);
  EXPECT_TRUE(door.submitted().empty());
  expect_alive();
}

TEST_F(protocol, bad_chunks_are_refused) {
  start();
  for (const char* body :
       {"g\r\n", "-1\r\n", "5\r\n{}xxxxx\r\n", "ffffffffffffffffff\r\n", "5\n{}   \r\n"})
    expect_refused(post_task("Transfer-Encoding: chunked\r\n", body), 400);
}

TEST_F(protocol, garbage_gives_400_and_the_server_lives) {
  start();
  const std::vector<std::string> corpus{
      "\r\n\r\n\r\n",
      "GET\r\n\r\n",
      "GET /\r\n\r\n",
      "GET / HTTP/9.9\r\n\r\n",
      "GET / FTP/1.1\r\n\r\n",
      "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
      "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + std::string(600, '\x07'),
      std::string("GET / HTTP/1.1\r\nHost: a\0b\r\n\r\n", 30),
      "GET / HTTP/1.1\nHost: t\n\n",
      "GET / HTTP/1.1\r\nHost t\r\n\r\n",
      "GET / HTTP/1.1\r\n: t\r\n\r\n",
      "GET  / HTTP/1.1\r\nHost: t\r\n\r\n",
      "GET http://elsewhere/ HTTP/1.1\r\nHost: t\r\n\r\n",
      "CONNECT a:1 HTTP/1.1\r\nHost: t\r\n\r\n",
      "GET nowhere HTTP/1.1\r\nHost: t\r\n\r\n",
      "G\xc3\xa9T / HTTP/1.1\r\nHost: t\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: t\r\nA: \x01\r\n\r\n",
      "{\"kind\":\"noop\"}\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: t\r\nBad Name: x\r\n\r\n"};
  for (const auto& bytes : corpus)
    expect_refused(bytes, 400);
  expect_alive();
}

TEST_F(protocol, random_bytes_never_bring_it_down) {
  start();
  uint64_t state = 20261121;
  const auto next = [&] { return state = state * 6364136223846793005ULL + 1442695040888963407ULL; };
  const std::string model = post_task("Content-Length: 15\r\nExpect: x\r\n", R"({"kind":"noop"})");
  for (int round = 0; round < 300; ++round) {
    auto bytes = model;
    for (int i = 0; i < 1 + round % 6; ++i)
      bytes[(next() >> 33) % bytes.size()] = static_cast<char>(next() >> 56);
    raw_client client(address);
    client.send(bytes);
  }
  expect_alive();
}

TEST_F(protocol, hostile_json_is_refused_without_harm) {
  start();
  for (const auto& body :
       {std::string(100'000, '['), std::string("{\"kind\":\"\xff\"}"), std::string(R"({"kind":)"),
        std::string("null"), std::string("[]"), std::string(R"({"kind":"noop","priority":1e999})"),
        std::string(R"({"kind":"noop","priority":99999999999999999999})")})
    EXPECT_EQ(ask(address, "POST", "/api/tasks", body).status, 400) << body.substr(0, 60);
  expect_alive();
}

}  // namespace orrery::test
