/// The outbound executor against servers on loopback that say whatever the test wants.

#include "codec/json.hpp"
#include "http/outbound_payload.hpp"
#include "tests/unit/http/outbound_fixture.hpp"

#include <gtest/gtest.h>

#include <atomic>

namespace orrery::test {

TEST(outbound, sends_what_the_payload_says_and_who_asks) {
  raw_server server([](const std::string&) { return answer_of("200 OK", ""); });
  http_executor e(local());
  const auto o = start(e, item_of(payload_of(server, R"(,"method":"PUT","headers":{"X-A":"b c"},
      "body":{"n":1.50,"s":"ä"})")))
                     .get();
  EXPECT_TRUE(o.succeeded) << o.error;
  EXPECT_EQ(o.result, "");
  const auto sent = server.requests().at(0);
  EXPECT_TRUE(sent.starts_with("PUT /x HTTP/1.1\r\n")) << sent;
  for (const auto& part :
       {std::string("\r\nHost: 127.0.0.1:") + std::to_string(server.port()) + "\r\n",
        std::string("\r\nUser-Agent: orrery\r\n"), std::string("\r\nX-A: b c\r\n"),
        std::string("\r\nContent-Type: application/json\r\n"),
        "\r\nIdempotency-Key: " + to_string(caller_id) + "-2\r\n",
        "\r\nOrrery-Task: " + to_string(caller_id) + "\r\n",
        std::string("\r\nOrrery-Attempt: 2/1/5\r\n"), "\r\ntraceparent: " + trace + "\r\n",
        std::string("\r\n\r\n{\"n\":1.50,\"s\":\"ä\"}")})
    EXPECT_NE(sent.find(part), std::string::npos) << part << "\nnot in\n" << sent;
}

TEST(outbound, a_text_body_goes_as_it_is_and_get_has_none) {
  raw_server server([](const std::string&) { return answer_of("204 No Content", ""); });
  http_executor e(local());
  EXPECT_TRUE(start(e, item_of(payload_of(server, R"(,"body":"a\nb")"))).get().succeeded);
  EXPECT_TRUE(start(e, item_of(payload_of(server, R"(,"method":"GET")"), 2)).get().succeeded);
  EXPECT_TRUE(server.requests().at(0).ends_with("\r\n\r\na\nb")) << server.requests().at(0);
  EXPECT_EQ(server.requests().at(1).find("Content-Length"), std::string::npos);
}

TEST(outbound, keeps_json_as_json_and_everything_else_as_text) {
  const std::string json = "Content-Type: application/json; charset=utf-8\r\n";
  EXPECT_EQ(outcome_for(answer_of("200 OK", R"({"a":1})", json)).result, R"({"a":1})");
  EXPECT_EQ(
      outcome_for(answer_of("200 OK", R"({"a":1})", "Content-Type: application/x+json\r\n")).result,
      R"({"a":1})");
  EXPECT_EQ(outcome_for(answer_of("200 OK", R"({"a":)", json)).result, R"("{\"a\":")");
  EXPECT_EQ(outcome_for(answer_of("200 OK", "done")).result, R"("done")");
  EXPECT_EQ(outcome_for(answer_of("200 OK", "\xff\x41")).result, "\"\xef\xbf\xbd\x41\"");
  EXPECT_EQ(outcome_for("HTTP/1.1 200 OK\r\n\r\nuntil the end").result, R"("until the end")");
  EXPECT_EQ(
      outcome_for("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n")
          .result,
      R"("abc")");
  EXPECT_EQ(
      outcome_for("HTTP/1.1 103 Early Hints\r\nA: b\r\n\r\n" + answer_of("200 OK", "x")).result,
      R"("x")");
}

TEST(outbound, knows_which_statuses_are_worth_another_attempt) {
  for (const int status : {408, 425, 429, 500, 502, 503, 504}) {
    const auto o = outcome_for(answer_of(std::to_string(status) + " X", "why"));
    EXPECT_FALSE(o.succeeded);
    EXPECT_TRUE(o.retryable) << status;
    EXPECT_EQ(o.error_code, "http-" + std::to_string(status));
    EXPECT_EQ(o.output, "why");
  }
  for (const int status : {300, 304, 400, 401, 403, 404, 409, 410, 422}) {
    const auto o = outcome_for(answer_of(std::to_string(status) + " X", ""));
    EXPECT_FALSE(o.succeeded);
    EXPECT_FALSE(o.retryable) << status;
  }
}

TEST(outbound, honours_retry_after) {
  EXPECT_EQ(outcome_for(answer_of("503 X", "", "Retry-After: 7\r\n")).retry_after, 7s);
  EXPECT_EQ(outcome_for(answer_of("503 X", "", "Retry-After: soon\r\n")).retry_after, 0s);
  EXPECT_EQ(outcome_for(answer_of("404 X", "", "Retry-After: 7\r\n")).retry_after, 0s);
  const auto now = parse_time("2026-11-21T10:15:00Z").value();
  EXPECT_EQ(http::parse_retry_after("Sat, 21 Nov 2026 10:16:30 GMT", now), 90s);
  EXPECT_EQ(http::parse_retry_after("Sat, 21 Nov 2026 10:14:30 GMT", now), 0s);
  EXPECT_EQ(http::parse_retry_after("99999999999999999999", now), 24h);
  EXPECT_EQ(http::parse_retry_after("-3", now), 0s);
}

TEST(outbound, a_name_that_cannot_be_found_may_be_tried_again) {
  outbound_options options;
  options.resolve = [](const std::string&) -> result<std::vector<std::string>> {
    return failure{errc::unavailable, "no such name"};
  };
  http_executor e(std::move(options));
  const auto o = start(e, item_of(R"({"url":"http://gone.test/"})")).get();
  EXPECT_EQ(o.error_code, "resolve");
  EXPECT_TRUE(o.retryable);
}

TEST(outbound, goes_on_to_the_next_address) {
  raw_server server([](const std::string&) { return answer_of("200 OK", "here"); });
  auto options = local();
  options.resolve = [](const std::string&) -> result<std::vector<std::string>> {
    return std::vector<std::string>{"127.0.0.2", "127.0.0.1"};  // nobody listens on the first
  };
  http_executor e(std::move(options));
  const auto o =
      start(e, item_of(R"({"url":"http://fine.test:)" + std::to_string(server.port()) + R"(/"})"))
          .get();
  EXPECT_EQ(o.result, R"("here")") << o.error;
}

TEST(outbound, nobody_listening_may_be_tried_again) {
  uint16_t port = 0;
  {
    raw_server gone([](const std::string&) { return std::string(); });
    port = gone.port();
  }
  http_executor e(local());
  const auto o =
      start(e, item_of(R"({"url":"http://127.0.0.1:)" + std::to_string(port) + R"("})")).get();
  EXPECT_EQ(o.error_code, "connect");
  EXPECT_TRUE(o.retryable);
}

TEST(outbound, answers_that_are_no_http_may_be_tried_again) {
  for (const char* bytes :
       {"", "garbage\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        "HTTP/1.1 101 Switching Protocols\r\n\r\n", "SSH-2.0-x\r\n\r\n"}) {
    const auto o = outcome_for(bytes);
    EXPECT_FALSE(o.succeeded) << bytes;
    EXPECT_TRUE(o.error_code == "protocol" || o.error_code == "http-101") << o.error_code << bytes;
  }
}

TEST(outbound, a_large_answer_is_cut_and_still_a_success) {
  const auto o = outcome_for(answer_of("200 OK", std::string(5'000'000, 'a')));
  EXPECT_TRUE(o.succeeded);
  EXPECT_EQ(o.result.size(), limits::result_bytes);
  // A server that promises ten gigabytes costs no memory; quotes count double in JSON.
  const auto q = outcome_for(
      "hangHTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
      "Content-Length: 10000000000\r\n\r\n" +
      std::string(300'000, '"'));
  EXPECT_TRUE(q.succeeded);
  EXPECT_LE(q.result.size(), limits::result_bytes);
  EXPECT_TRUE(codec::check_json(q.result));
}

TEST(outbound, headers_without_end_are_cut) {
  EXPECT_EQ(outcome_for("HTTP/1.1 200 OK\r\n" +
                        [] {
                          std::string fields;
                          for (int i = 0; i < 20'000; ++i)
                            fields += "X: aaaaaaaaaa\r\n";
                          return fields;
                        }())
                .error_code,
            "protocol");
}

TEST(outbound, a_server_that_is_silent_or_slow_is_cut_at_the_timeout) {
  for (const char* bytes :
       {"hang", "hangHTTP/1.1 200 OK\r\n", "hangHTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\na"}) {
    raw_server server([&](const std::string&) { return std::string(bytes); });
    http_executor e(local());
    const auto o = start(e, item_of(payload_of(server, R"(,"timeout":"50ms")"))).get();
    EXPECT_FALSE(o.succeeded);
    EXPECT_TRUE(o.retryable);
    EXPECT_EQ(o.error_code, "timeout");
    EXPECT_TRUE(soon([&] { return server.left_by_client() == 1; }));
  }
}

TEST(outbound, the_tasks_ttl_is_a_limit_too) {
  raw_server server([](const std::string&) { return std::string("hang"); });
  http_executor e(local());
  auto item = item_of(payload_of(server));
  item.ttl = 50ms;
  EXPECT_EQ(start(e, item).get().error_code, "timeout");
}

TEST(outbound, stop_closes_the_connection_of_that_attempt_only) {
  raw_server server([](const std::string&) { return std::string("hang"); });
  http_executor e(local());
  auto first = start(e, item_of(payload_of(server), 1));
  auto second = start(e, item_of(payload_of(server), 2));
  ASSERT_TRUE(soon([&] { return server.requests().size() == 2; }));
  e.stop(caller_id, {2, 9}, stop_mode::now);  // unknown
  e.stop(caller_id, {2, 1}, stop_mode::graceful);
  const auto o = first.get();
  EXPECT_EQ(o.error_code, "aborted");
  EXPECT_FALSE(o.succeeded);
  EXPECT_TRUE(soon([&] { return server.left_by_client() == 1; }));
  EXPECT_EQ(second.wait_for(0ms), std::future_status::timeout);
}

TEST(outbound, every_done_has_run_when_the_executor_is_gone) {
  raw_server server([](const std::string&) { return std::string("hang"); });
  std::atomic<int> done{0};
  {
    http_executor e(local());
    for (uint32_t i = 0; i < 20; ++i)
      e.start(item_of(payload_of(server), i),
              [&](work_outcome o) { done += o.succeeded ? 100 : 1; });
  }
  EXPECT_EQ(done.load(), 20);
}

TEST(outbound, over_the_limit_it_is_busy) {
  raw_server server([](const std::string&) { return std::string("hang"); });
  auto options = local();
  options.requests_max = 1;
  http_executor e(std::move(options));
  auto first = start(e, item_of(payload_of(server), 1));
  const auto o = start(e, item_of(payload_of(server), 2)).get();
  EXPECT_EQ(o.error_code, "busy");
  EXPECT_TRUE(o.retryable);
  e.stop(caller_id, {2, 1}, stop_mode::now);
  first.get();
  auto third = start(e, item_of(payload_of(server), 3));
  EXPECT_TRUE(soon([&] { return server.requests().size() >= 1; }));
}

TEST(outbound, tls_needs_a_partner_that_speaks_it) {
  raw_server server([](const std::string&) { return answer_of("200 OK", ""); });
  http_executor e(local());
  const auto o = start(e, item_of(R"({"url":"https://127.0.0.1:)" + std::to_string(server.port()) +
                                  R"(/","timeout":"200ms"})"))
                     .get();
  EXPECT_FALSE(o.succeeded);
  EXPECT_TRUE(o.error_code == "tls" || o.error_code == "timeout") << o.error_code;
}

}  // namespace orrery::test
