/// Accounts: the first one, what roles may do, and how users change.

#include "tests/unit/identity/accounts.hpp"

namespace orrery::identity {

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

}  // namespace orrery::identity
