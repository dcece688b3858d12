/// What a request can show: access and refresh tokens, keys, and tokens of an external issuer.

#include "tests/unit/identity/accounts.hpp"

#include "identity/crypto.hpp"
#include "identity/jwt.hpp"

namespace orrery::identity {

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

}  // namespace orrery::identity
