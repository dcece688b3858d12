#pragma once
/// Accounts over a memory store, with a clock that the test moves.

#include "codec/object.hpp"
#include "identity/service.hpp"
#include "persistence/memory/memory_store.hpp"

#include <atomic>
#include <future>
#include <gtest/gtest.h>
#include <memory>
#include <string>
#include <vector>

namespace orrery::identity {

class movable_clock final : public clock {
public:
  time_point now() const override { return from_micros(micros_.load()); }
  void advance(duration length) { micros_ += length.count(); }

private:
  std::atomic<int64_t> micros_ = 1'800'000'000'000'000;
};

/// A node with accounts over a memory store; what it does takes no time, unless the clock is moved.
struct accounts_of_a_node : ::testing::Test {
  const std::string password = "correct horse battery";
  movable_clock time;
  memory_store store{time};
  service_options options;
  std::unique_ptr<service> under_test;
  std::string bootstrap;

  accounts_of_a_node() {
    options.cost = {1, 8 * 1024 * 1024};
    options.trust = duration{};  // every check asks the store
    options.node_token = "node-token";
    options.limits.checks_per_second = 1e6;
    options.password_queue_max = 1'000;
  }
  void SetUp() override { start(); }
  void start() {
    under_test = std::make_unique<service>(store, time, options);
    const auto told = under_test->start();
    ASSERT_TRUE(told) << told.error().detail;
    if (!told->empty())
      bootstrap = *told;
  }
  static result<account_answer> run(service& in, account_request what) {
    std::promise<result<account_answer>> told;
    in.run(std::move(what), [&](result<account_answer> done) { told.set_value(std::move(done)); });
    return told.get_future().get();
  }
  result<account_answer> run(const std::string& operation, const std::string& body,
                             principal who = {}, const std::string& id = {},
                             const std::string& second = {},
                             const std::string& address = "10.0.0.1") {
    account_request what;
    what.operation = operation;
    what.body = body;
    what.who = std::move(who);
    what.id = id;
    what.second = second;
    what.address = address;
    return run(*under_test, std::move(what));
  }
  result<principal> check(const std::string& credential) {
    std::promise<result<principal>> told;
    under_test->check(credential, [&](result<principal> p) { told.set_value(std::move(p)); });
    return told.get_future().get();
  }
  static codec::json_object object(const result<account_answer>& a) {
    EXPECT_TRUE(a) << (a ? "" : a.error().detail);
    return *codec::json_object::read(a ? a->body : "{}");
  }
  static std::string access(const codec::json_object& tokens) {
    return tokens.text("accessToken").value_or("");
  }
  static std::string refresh_body(const codec::json_object& tokens) {
    return R"({"refreshToken":")" + tokens.text("refreshToken").value_or("") + R"("})";
  }
  principal admin() { return {"root", {}, {}, bit(role::admin), all_permissions}; }
  void make(const std::string& name, const std::string& roles = "\"viewer\"") {
    const auto made = run(
        "createUser",
        R"({"name":")" + name + R"(","password":")" + password + R"(","roles":[)" + roles + "]}",
        admin());
    ASSERT_TRUE(made) << made.error().detail;
  }
  codec::json_object login(const std::string& name) {
    return object(run("login", R"({"name":")" + name + R"(","password":")" + password + R"("})"));
  }
  std::vector<audit_entry> audit() {
    under_test->stop();
    audit_query all;
    all.limit = 1000;
    const auto told = store.open_identity()->audit(all);
    return *told;
  }
};

}  // namespace orrery::identity
