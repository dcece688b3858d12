/// Accounts over a memory store, with a clock that the test moves.

#include "identity/service.hpp"

#include "codec/object.hpp"
#include "persistence/memory/memory_store.hpp"

#include <future>
#include <gtest/gtest.h>

namespace orrery::identity {

namespace {

class movable_clock final : public clock {
public:
  time_point now() const override { return from_micros(micros_.load()); }
  void advance(duration length) { micros_ += length.count(); }

private:
  std::atomic<int64_t> micros_ = 1'800'000'000'000'000;
};

const std::string password = "correct horse battery";

struct accounts_of_a_node : ::testing::Test {
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

}  // namespace

TEST_F(accounts_of_a_node, the_first_account_is_made_once_with_the_token_of_the_first_start) {
  ASSERT_FALSE(bootstrap.empty());
  const auto body = [&](const std::string& token, const std::string& name) {
    return R"({"token":")" + token + R"(","name":")" + name + R"(","password":")" + password +
           R"("})";
  };
  EXPECT_EQ(run("bootstrap", body("wrong", "alice")).error().field, "credentials");
  const auto tokens = object(run("bootstrap", body(bootstrap, "alice")));
  const auto who = check(access(tokens));
  ASSERT_TRUE(who) << who.error().detail;
  EXPECT_EQ(who->name, "alice");
  EXPECT_TRUE(who->allows(permission::administer));
  EXPECT_FALSE(run("bootstrap", body(bootstrap, "eve"))) << "it works once";
  bootstrap.clear();
  start();
  EXPECT_TRUE(bootstrap.empty()) << "there is an account now";
}

TEST_F(accounts_of_a_node, roles_have_their_permissions) {
  make("v", "\"viewer\"");
  make("p", "\"producer\"");
  make("w", "\"worker\"");
  make("o", "\"operator\"");
  make("a", "\"admin\"");
  make("n", "");
  const auto may = [&](const char* name) {
    const auto who = check(access(login(name)));
    std::string out;
    for (const auto p : {permission::signed_in, permission::read, permission::submit,
                         permission::work, permission::operate, permission::administer})
      out += who->allows(p) ? '1' : '0';
    return out;
  };
  EXPECT_EQ(may("v"), "110000");
  EXPECT_EQ(may("p"), "111000");
  EXPECT_EQ(may("w"), "110100");
  EXPECT_EQ(may("o"), "111110");
  EXPECT_EQ(may("a"), "111111");
  EXPECT_EQ(may("n"), "100000");
  EXPECT_TRUE(check("node-token")->allows(permission::administer));
  EXPECT_EQ(check("node-tokem").error().code, errc::rejected);
}

TEST_F(accounts_of_a_node, a_refresh_token_is_good_for_one_exchange) {
  make("alice");
  const auto first = login("alice");
  const auto second = object(run("refreshSession", refresh_body(first)));
  EXPECT_TRUE(check(access(second)));
  const auto third = object(run("refreshSession", refresh_body(second)));
  EXPECT_TRUE(check(access(third)));
  // Used again: stolen by one of the two, so the session ends for both.
  const auto again = run("refreshSession", refresh_body(first));
  EXPECT_EQ(again.error().field, "credentials");
  EXPECT_EQ(check(access(third)).error().code, errc::rejected);
  EXPECT_FALSE(run("refreshSession", refresh_body(third)));
}

TEST_F(accounts_of_a_node, a_made_up_refresh_token_ends_nothing) {
  make("alice");
  const auto tokens = login("alice");
  auto text = tokens.text("refreshToken").value();
  text.back() = text.back() == 'A' ? 'B' : 'A';
  EXPECT_FALSE(run("refreshSession", R"({"refreshToken":")" + text + R"("})"));
  for (const auto* bad : {"", "x", "orr_", "orr_x.y", "orr_bootstrap.x"})
    EXPECT_FALSE(run("refreshSession", std::string(R"({"refreshToken":")") + bad + R"("})"));
  EXPECT_TRUE(check(access(tokens)));
  EXPECT_TRUE(run("refreshSession", refresh_body(tokens)));
}

TEST_F(accounts_of_a_node, of_two_who_refresh_at_once_one_at_most_goes_on) {
  make("alice");
  const auto body = refresh_body(login("alice"));
  std::vector<std::future<bool>> told;
  for (int i = 0; i < 8; ++i)
    told.push_back(
        std::async(std::launch::async, [&] { return run("refreshSession", body).has_value(); }));
  int good = 0;
  for (auto& t : told)
    good += t.get() ? 1 : 0;
  EXPECT_LE(good, 1);
}

TEST_F(accounts_of_a_node, a_refresh_token_is_no_access_token_and_the_reverse) {
  make("alice");
  const auto tokens = login("alice");
  EXPECT_FALSE(check(tokens.text("refreshToken").value()));
  EXPECT_FALSE(run("refreshSession", R"({"refreshToken":")" + access(tokens) + R"("})"));
}

TEST_F(accounts_of_a_node, tokens_end_with_logout_password_roles_disabling_and_deletion) {
  const auto ended = [&](const char* what, auto change) {
    make(what);
    const auto tokens = login(what);
    const auto who = check(access(tokens));
    ASSERT_TRUE(who) << what;
    const auto done = change(*who);
    ASSERT_TRUE(done) << what << ": " << done.error().detail;
    EXPECT_FALSE(check(access(tokens))) << what;
    EXPECT_FALSE(run("refreshSession", refresh_body(tokens))) << what;
  };
  ended("logout", [&](const principal& who) { return run("logout", "", who); });
  ended("password", [&](const principal& who) {
    return run("changePassword",
               R"({"oldPassword":")" + password + R"(","newPassword":"staple battery horse"})",
               who);
  });
  ended("roles", [&](const principal& who) {
    return run("updateUser", R"({"roles":[]})", admin(), who.name);
  });
  ended("disabling", [&](const principal& who) {
    return run("updateUser", R"({"disabled":true})", admin(), who.name);
  });
  ended("deletion", [&](const principal& who) { return run("deleteUser", "", admin(), who.name); });
  make("deletion");
  EXPECT_FALSE(run("login", R"({"name":"disabling","password":")" + password + R"("})"));
}

TEST_F(accounts_of_a_node, tokens_end_by_time) {
  make("alice");
  const auto tokens = login("alice");
  time.advance(options.access_life + clock_skew + 1s);
  EXPECT_FALSE(check(access(tokens)));
  EXPECT_TRUE(run("refreshSession", refresh_body(tokens)));
  const auto other = login("alice");
  time.advance(options.session_life + 1s);
  EXPECT_FALSE(run("refreshSession", refresh_body(other)));
}

TEST_F(accounts_of_a_node, keys_rotate_and_the_former_ones_still_verify) {
  make("alice");
  const auto before = login("alice");
  ASSERT_TRUE(run("rotateKeys", "", admin()));
  const auto after = login("alice");
  EXPECT_TRUE(check(access(before)));
  EXPECT_TRUE(check(access(after)));
  const auto set = run("getJwks", "");
  EXPECT_EQ(read_jwks(set->body).size(), 2U);
  EXPECT_EQ(set->body.find("secret"), std::string::npos);
  // A second node knows a token of the first, made with a key that it has not yet heard of.
  service other(store, time, options);
  ASSERT_TRUE(other.start());
  std::promise<result<principal>> told;
  other.check(access(after), [&](result<principal> p) { told.set_value(std::move(p)); });
  EXPECT_TRUE(told.get_future().get());
}

TEST_F(accounts_of_a_node, api_keys_do_what_their_scopes_and_their_user_allow) {
  make("alice", "\"producer\"");
  const auto alice = *check(access(login("alice")));
  const auto made =
      run("createKey", R"({"name":"n","scopes":["read","submit"],"expiresIn":"PT1H"})", alice);
  const auto key = object(made).text("key").value();
  const auto who = check(key);
  ASSERT_TRUE(who) << who.error().detail;
  EXPECT_EQ(who->name, "alice");
  EXPECT_TRUE(who->allows(permission::submit));
  EXPECT_FALSE(who->allows(permission::signed_in)) << "not among its scopes";
  EXPECT_EQ(run("createKey", R"({"name":"n","scopes":["operate"]})", alice).error().code,
            errc::rejected);
  EXPECT_EQ(run("createKey", R"({"name":"n","scopes":["read"],"user":"root"})", alice).error().code,
            errc::rejected);
  const auto listed = run("listKeys", "", alice);
  EXPECT_EQ(listed->body.find(key), std::string::npos) << "shown once";
  EXPECT_NE(listed->body.find(key.substr(0, 12)), std::string::npos);
  auto wrong = key;
  wrong.back() = wrong.back() == 'A' ? 'B' : 'A';
  EXPECT_FALSE(check(wrong));
  ASSERT_TRUE(run("updateUser", R"({"roles":["viewer"]})", admin(), "alice"));
  EXPECT_FALSE(check(key)->allows(permission::submit)) << "what its user lost, it lost";
  time.advance(2h);
  EXPECT_FALSE(check(key)) << "expired";
  const auto lasting = run("createKey", R"({"name":"n","scopes":["read"]})", alice);
  ASSERT_TRUE(run("deleteKey", "", alice, object(lasting).text("id").value()));
  EXPECT_FALSE(check(object(lasting).text("key").value()));
}

TEST_F(accounts_of_a_node, nobody_sees_or_ends_what_is_anothers) {
  make("alice");
  make("bob");
  const auto alice = *check(access(login("alice")));
  const auto bob = *check(access(login("bob")));
  const auto key = object(run("createKey", R"({"name":"n","scopes":["read"]})", bob));
  EXPECT_EQ(run("getUser", "", alice, "bob").error().code, errc::not_found);
  EXPECT_EQ(run("listSessions", "", alice, "bob").error().code, errc::not_found);
  EXPECT_EQ(run("deleteSession", "", alice, "bob", bob.session).error().code, errc::not_found);
  EXPECT_EQ(run("deleteSession", "", alice, "alice", bob.session).error().code, errc::not_found);
  EXPECT_EQ(run("deleteKey", "", alice, key.text("id").value()).error().code, errc::not_found);
  EXPECT_EQ(run("listKeys", "", alice)->body.find("bob"), std::string::npos);
  EXPECT_TRUE(run("getUser", "", bob, "bob"));
}

TEST_F(accounts_of_a_node, guessing_is_slowed_down_and_the_right_user_gets_in_after_the_delay) {
  make("alice");
  const auto wrong = R"({"name":"alice","password":"guess"})";
  int checked = 0;
  int slowed = 0;
  for (int i = 0; i < 100; ++i) {
    const auto told = run("login", wrong);
    ASSERT_FALSE(told);
    ++(told.error().code == errc::busy ? slowed : checked);
  }
  EXPECT_EQ(checked, 5) << "five are free";
  EXPECT_EQ(slowed, 95);
  const auto right = R"({"name":"alice","password":")" + password + R"("})";
  const auto early = run("login", right);
  EXPECT_EQ(early.error().code, errc::busy);
  EXPECT_EQ(early.error().field, "1") << "seconds to wait";
  EXPECT_TRUE(run("login", right, {}, {}, {}, "10.0.0.2")) << "from elsewhere she gets in at once";
  time.advance(2min);
  EXPECT_TRUE(run("login", right));
}

TEST_F(accounts_of_a_node, delays_double_and_hold_on_another_node_and_after_a_restart) {
  make("alice");
  const auto wrong = R"({"name":"alice","password":"guess"})";
  std::vector<std::string> waits;
  for (int i = 0; i < 9; ++i) {
    while (run("login", wrong).error().code != errc::busy) {
    }
    waits.push_back(run("login", wrong).error().field);
    time.advance(std::chrono::seconds(std::stoi(waits.back())));
  }
  EXPECT_EQ(waits[0], "1");
  EXPECT_EQ(waits[1], "2");
  EXPECT_EQ(waits[4], "16");
  while (run("login", wrong).error().code != errc::busy) {
  }
  start();
  EXPECT_EQ(run("login", wrong).error().code, errc::busy) << "a restart forgets nothing";
  service other(store, time, options);
  ASSERT_TRUE(other.start());
  account_request what;
  what.operation = "login";
  what.body = wrong;
  what.address = "10.0.0.1";
  EXPECT_EQ(run(other, what).error().code, errc::busy);
}

TEST_F(accounts_of_a_node, many_guesses_at_once_do_not_slip_by) {
  make("alice");
  std::vector<std::future<bool>> told;
  for (int i = 0; i < 40; ++i)
    told.push_back(std::async(std::launch::async, [&] {
      return run("login", R"({"name":"alice","password":"guess"})").error().code != errc::busy;
    }));
  int checked = 0;
  for (auto& t : told)
    checked += t.get() ? 1 : 0;
  EXPECT_LE(checked, 5);
}

TEST_F(accounts_of_a_node, a_name_that_is_not_there_answers_as_one_that_is) {
  make("alice");
  const auto known = run("login", R"({"name":"alice","password":"guess"})").error();
  const auto unknown = run("login", R"({"name":"nobody","password":"guess"})").error();
  EXPECT_EQ(known, unknown);
  for (int i = 0; i < 10; ++i) {
    const auto a = run("login", R"({"name":"alice","password":"guess"})").error();
    const auto b = run("login", R"({"name":"nobody","password":"guess"})").error();
    EXPECT_EQ(a, b) << "also the delays";
  }
}

TEST_F(accounts_of_a_node, one_address_may_not_try_many_names) {
  int checked = 0;
  for (int i = 0; i < 60; ++i)
    checked += run("login", R"({"name":"n)" + std::to_string(i) + R"(","password":"guess"})")
                           .error()
                           .code != errc::busy
                   ? 1
                   : 0;
  EXPECT_EQ(checked, 30);
}

TEST_F(accounts_of_a_node, changes_and_refusals_are_in_the_audit_log_without_secrets) {
  make("alice");
  (void)run("login", R"({"name":"alice","password":"wrong-secret"})");
  (void)run("updateUser", R"({"password":"another-secret-word"})", admin(), "alice");
  std::string seen;
  for (const auto& e : audit()) {
    seen += e.actor + "|" + e.action + "|" + e.target + "|" + e.outcome + "\n";
    EXPECT_EQ(e.reason.find("secret"), std::string::npos);
  }
  EXPECT_NE(seen.find("root|createUser|"), std::string::npos) << seen;
  EXPECT_NE(seen.find("|login|alice|refused"), std::string::npos) << seen;
  EXPECT_NE(seen.find("root|updateUser|alice|done"), std::string::npos) << seen;
}

TEST_F(accounts_of_a_node, users_change_by_version_and_nobody_shuts_himself_out) {
  make("alice");
  account_request what;
  what.operation = "updateUser";
  what.body = R"({"roles":["admin"]})";
  what.id = "alice";
  what.who = admin();
  what.if_match = 7;
  EXPECT_EQ(run(*under_test, what).error().field, "If-Match");
  what.if_match = 1;
  EXPECT_EQ(run(*under_test, what)->version, 2U);
  const auto alice = *check(access(login("alice")));
  EXPECT_FALSE(run("updateUser", R"({"roles":["viewer"]})", alice, "alice"));
  EXPECT_FALSE(run("deleteUser", "", alice, "alice"));
  EXPECT_EQ(run("createUser", R"({"name":"ALICE","password":"correct horse battery","roles":[]})",
                admin())
                .error()
                .code,
            errc::conflict);
  for (const auto* name : {"", "a b", "node", "oidc:x", "ä", "../x"})
    EXPECT_EQ(run("createUser",
                  std::string(R"({"name":")") + name +
                      R"(","password":"correct horse battery","roles":[]})",
                  admin())
                  .error()
                  .code,
              errc::invalid)
        << name;
}

TEST_F(accounts_of_a_node, registration_is_closed_unless_it_is_opened) {
  const auto body = R"({"name":"carol","password":")" + password + R"("})";
  EXPECT_EQ(run("registerUser", body).error().code, errc::rejected);
  options.open_registration = true;
  start();
  EXPECT_EQ(run("registerUser", body)->status, 201);
  EXPECT_FALSE(check(access(login("carol")))->allows(permission::submit)) << "a viewer";
}

TEST_F(accounts_of_a_node, an_external_issuer_is_believed_by_its_own_keys_only) {
  const auto keys = make_key_pair();
  std::atomic<int> fetched{0};
  options.external = {"https://id.example", "orrery-api", "https://id.example/keys", "groups",
                      [&](const std::string&) -> result<std::string> {
                        ++fetched;
                        return R"({"keys":[{"kty":"OKP","crv":"Ed25519","kid":"x1","x":")" +
                               base64url(keys.public_key) + R"("}]})";
                      }};
  start();
  const auto token = [&](const std::string& issuer, const std::string& roles, const key_pair& by) {
    const auto text =
        base64url(R"({"alg":"EdDSA","typ":"JWT","kid":"x1"})") + "." +
        base64url(R"({"iss":")" + issuer +
                  R"(","sub":"dora","aud":"orrery-api","exp":1800000600,"groups":)" + roles + "}");
    return text + "." + base64url(sign_ed25519(text, by.secret_key));
  };
  const auto who = check(token("https://id.example", R"(["operator","wizard"])", keys));
  ASSERT_TRUE(who) << who.error().detail;
  EXPECT_EQ(who->name, "oidc:dora");
  EXPECT_TRUE(who->allows(permission::operate));
  EXPECT_FALSE(who->allows(permission::administer));
  EXPECT_FALSE(check(token("https://id.example", R"(["admin"])", make_key_pair())));
  EXPECT_FALSE(check(token("https://other.example", R"(["admin"])", keys)));
  EXPECT_FALSE(check(token("orrery", R"(["admin"])", keys))) << "their key does not sign for us";
  EXPECT_LE(fetched, 2) << "the keys are kept";
}

TEST_F(accounts_of_a_node, what_is_known_is_trusted_for_a_moment_and_forgotten_at_once_here) {
  options.trust = 1h;
  start();
  make("alice");
  const auto tokens = login("alice");
  EXPECT_FALSE(under_test->known(access(tokens)));
  const auto who = *check(access(tokens));
  EXPECT_TRUE(under_test->known(access(tokens)));
  ASSERT_TRUE(run("logout", "", who));
  EXPECT_FALSE(under_test->known(access(tokens)));
  const auto again = login("alice");
  ASSERT_TRUE(check(access(again)));
  time.advance(options.access_life + clock_skew + 1s);
  EXPECT_FALSE(under_test->known(access(again))) << "not beyond its own end";
}

TEST_F(accounts_of_a_node, too_many_at_once_are_told_so) {
  options.password_threads = 1;
  options.password_queue_max = 1;
  start();
  make("alice");
  std::atomic<int> busy{0};
  std::atomic<int> told{0};
  std::promise<void> all;
  constexpr int many = 50;
  for (int i = 0; i < many; ++i) {
    account_request what;
    what.operation = "login";
    what.body = R"({"name":"x","password":"guess"})";
    what.address = "10.1.0." + std::to_string(i);
    under_test->run(std::move(what), [&](result<account_answer> done) {
      busy += !done && done.error().detail == "too many sign-ins are under way" ? 1 : 0;
      if (++told == many)
        all.set_value();
    });
  }
  all.get_future().wait();
  EXPECT_GT(busy, 0);
}

}  // namespace orrery::identity
