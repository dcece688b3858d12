/// What the outbound executor will not do: private places, redirects, payloads that reach too far.

#include "tests/unit/http/outbound_fixture.hpp"

#include <gtest/gtest.h>

#include <atomic>

namespace orrery::test {

TEST(outbound_refusal, follows_no_redirect) {
  raw_server inside([](const std::string&) { return answer_of("200 OK", "secret"); });
  const auto o = outcome_for(answer_of("302 Found", "", "Location: " + url_of(inside) + "\r\n"));
  EXPECT_FALSE(o.succeeded);
  EXPECT_FALSE(o.retryable);
  EXPECT_EQ(o.error_code, "http-302");
  EXPECT_TRUE(inside.requests().empty());
}

TEST(outbound_refusal, refuses_private_places_in_every_spelling) {
  raw_server inside([](const std::string&) { return answer_of("200 OK", "secret"); });
  outbound_options options;
  options.allowed_hosts = {"port-only.test:" + std::to_string(inside.port())};
  http_executor e(std::move(options));
  uint32_t attempt = 0;
  // Those that only the system's resolver understands are refused by what they resolve to.
  for (const char* host : {"127.0.0.1",
                           "127.1",
                           "2130706433",
                           "0177.0.0.1",
                           "0x7f.1",
                           "0x7f000001",
                           "0.0.0.0",
                           "0",
                           "[::1]",
                           "[::]",
                           "[::ffff:127.0.0.1]",
                           "[64:ff9b::7f00:1]",
                           "[fc00::1]",
                           "[fe80::1]",
                           "169.254.169.254",
                           "10.0.0.1",
                           "172.16.0.1",
                           "192.168.0.1",
                           "100.64.0.1",
                           "224.0.0.1",
                           "localhost",
                           "localhost."}) {
    const auto o =
        start(e, item_of(std::string(R"({"url":"http://)") + host + R"(/"})", ++attempt)).get();
    EXPECT_FALSE(o.succeeded) << host;
    EXPECT_EQ(o.error_code, "refused") << host << ": " << o.error;
    EXPECT_FALSE(o.retryable) << host;
  }
  const auto own = start(e, item_of(payload_of(inside), ++attempt)).get();
  EXPECT_EQ(own.error_code, "refused");
  EXPECT_TRUE(inside.requests().empty());
}

TEST(outbound_refusal, connects_to_the_address_that_was_checked_and_resolves_once) {
  raw_server inside([](const std::string&) { return answer_of("200 OK", "secret"); });
  std::atomic<int> asked{0};
  outbound_options options;
  // Public at first, loopback when asked again.
  options.resolve = [&](const std::string&) -> result<std::vector<std::string>> {
    return asked++ == 0 ? std::vector<std::string>{"203.0.114.1"}
                        : std::vector<std::string>{"127.0.0.1"};
  };
  options.timeout = 100ms;
  http_executor e(std::move(options));
  const auto o = start(e, item_of(R"({"url":"http://rebind.test:8080/"})")).get();
  EXPECT_FALSE(o.succeeded);
  EXPECT_NE(o.error_code, "refused") << o.error;
  EXPECT_EQ(asked.load(), 1);
  const auto second = start(e, item_of(R"({"url":"http://rebind.test:8080/"})", 2)).get();
  EXPECT_EQ(second.error_code, "refused");
  EXPECT_TRUE(inside.requests().empty());
}

TEST(outbound_refusal, one_private_address_among_public_ones_is_enough_to_refuse) {
  outbound_options options;
  options.resolve = [](const std::string&) -> result<std::vector<std::string>> {
    return std::vector<std::string>{"8.8.8.8", "10.0.0.1"};
  };
  http_executor e(std::move(options));
  const auto o = start(e, item_of(R"({"url":"http://mixed.test/"})")).get();
  EXPECT_EQ(o.error_code, "refused");
  EXPECT_NE(o.error.find("10.0.0.1"), std::string::npos) << o.error;
}

TEST(outbound_refusal, check_names_what_is_wrong_with_a_payload) {
  const http_executor e{outbound_options{}};
  EXPECT_TRUE(e.check(R"({"url":"https://example.com/","headers":{"Authorization":"Bearer x"}})"));
  for (const auto& [payload, field] : std::vector<std::pair<std::string, std::string>>{
           {R"({})", "url"},
           {R"({"url":7})", "url"},
           {R"({"url":"ftp://a/"})", "url"},
           {R"({"url":"http://127.0.0.1/"})", "url"},
           {R"({"url":"http://a:25/"})", "url"},
           {R"({"url":"http://a/","method":"TRACE"})", "method"},
           {R"({"url":"http://a/","method":"GET\r\nX: y"})", "method"},
           {R"({"url":"http://a/","timeout":"never"})", "timeout"},
           {R"({"url":"http://a/","headers":7})", "headers"},
           {R"({"url":"http://a/","headers":{"X":7}})", "headers.X"},
           {R"({"url":"http://a/","headers":{"X":"a\r\nY: b"}})", "headers.X"},
           {R"({"url":"http://a/","headers":{"X":"a\nb"}})", "headers.X"},
           {R"({"url":"http://a/","headers":{"X: y\r\nZ":"a"}})", "headers"},
           {R"({"url":"http://a/","headers":{"":"a"}})", "headers"},
           {R"({"url":"http://a/","headers":{"host":"b"}})", "headers.host"},
           {R"({"url":"http://a/","headers":{"Content-Length":"5"}})", "headers.Content-Length"},
           {R"({"url":"http://a/","headers":{"Idempotency-Key":"5"}})",
            "headers.Idempotency-Key"}}) {
    const auto checked = e.check(payload);
    ASSERT_FALSE(checked) << payload;
    EXPECT_EQ(checked.error().code, errc::invalid) << payload;
    EXPECT_EQ(checked.error().field, field) << payload << checked.error().detail;
  }
  for (const char* payload : {"", "[]", "{", "\"x\"", "null"})
    EXPECT_FALSE(e.check(payload)) << payload;
}

TEST(outbound_refusal, a_payload_that_cannot_be_read_ends_the_attempt_for_good) {
  http_executor e(local());
  const auto o = start(e, item_of("{}")).get();
  EXPECT_EQ(o.error_code, "invalid");
  EXPECT_FALSE(o.retryable);
}

}  // namespace orrery::test
