#pragma once
/// A server on a free port over a front door that the test scripts.

#include "http/server.hpp"
#include "tests/unit/http/fake_front_door.hpp"
#include "tests/unit/http/sockets.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <string_view>

namespace orrery::test {

inline const std::string get_health = "GET /healthz HTTP/1.1\r\nHost: t\r\n\r\n";

struct server_test : ::testing::Test {
  fake_front_door door;
  http::server_options options{.address = "127.0.0.1:0"};
  std::unique_ptr<http::server> under_test;
  std::string address;

  void start() {
    under_test = std::make_unique<http::server>(options, door);
    const auto at = under_test->start();
    ASSERT_TRUE(at) << at.error().detail;
    address = *at;
  }
  /// The answer to `bytes`, and that the connection ends after it.
  void expect_refused(std::string_view bytes, int status) {
    raw_client client(address);
    client.send(bytes);
    EXPECT_EQ(client.read().status, status) << bytes.substr(0, 200);
    EXPECT_TRUE(client.closed()) << bytes.substr(0, 200);
  }
  void expect_alive() { EXPECT_EQ(ask(address, "GET", "/healthz").status, 200); }
};

}  // namespace orrery::test
