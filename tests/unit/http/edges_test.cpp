/// What surrounds every answer, and who is let in.

#include "http/gzip.hpp"
#include "http/rate_limiter.hpp"
#include "http/routes.hpp"
#include "tests/unit/http/server_fixture.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <map>

namespace orrery::test {

namespace {

using steady_time = std::chrono::steady_clock::time_point;

/// Credentials are the names of permissions: `read`, `operate`; `slow` is never answered.
class fake_accounts final : public accounts {
public:
  std::optional<principal> known(std::string_view credential) override {
    if (credential.starts_with("known-"))
      return of(credential.substr(6));
    return std::nullopt;
  }
  void check(std::string credential, std::function<void(result<principal>)> done) override {
    if (credential == "slow")
      return parked.park(std::move(done));
    if (credential == "away")
      return done(failure{errc::unavailable, "the store is away"});
    if (const auto who = of(credential))
      return done(*who);
    done(failure{errc::rejected, "the signature does not hold"});
  }
  void run(account_request what, std::function<void(result<account_answer>)> done) override {
    asked = std::move(what);
    done(answer_of_run);
  }
  void note(audit_entry entry) override {
    const std::lock_guard lock(guard);
    notes.push_back(std::move(entry));
  }
  std::vector<audit_entry> noted() {
    const std::lock_guard lock(guard);
    return notes;
  }

  orrery::test::parked<principal> parked;
  account_request asked;
  result<account_answer> answer_of_run = account_answer{200, "{}", {}, 0};

private:
  static std::optional<principal> of(std::string_view name) {
    const auto p = parse_permission(name);
    if (!p)
      return std::nullopt;
    return principal{std::string(name),
                     {},
                     {},
                     0,
                     static_cast<permission_set>(bit(*p) | bit(permission::signed_in))};
  }
  std::mutex guard;
  std::vector<audit_entry> notes;
};

struct edges : server_test {
  fake_accounts who;

  http_answer get(std::string_view target, const std::string& fields = {}) {
    return ask(address, "GET", target, {}, fields);
  }
  void with_accounts() {
    options.who = &who;
    start();
  }
};

const std::string task_path = "/api/tasks/" + to_string(task_id);

}  // namespace

TEST_F(edges, every_closed_route_asks_who_it_is_and_what_he_may) {
  with_accounts();
  for (const auto& r : http::routes()) {
    std::string path(r.pattern);
    for (auto at = path.find('{'); at != std::string::npos; at = path.find('{'))
      path.replace(at, path.find('}', at) - at + 1, "x");
    const auto verb = std::string(http::to_string(r.verb));
    const auto stranger = ask(address, verb, path).status;
    const auto little = ask(address, verb, path, {}, "Authorization: Bearer signed-in\r\n").status;
    if (r.needs == permission::open) {
      EXPECT_NE(stranger, 403) << r.pattern;
      continue;
    }
    EXPECT_EQ(stranger, 401) << r.pattern;
    if (r.needs != permission::signed_in) {
      EXPECT_EQ(little, 403) << r.pattern;
    }
  }
}

TEST_F(edges, a_permission_opens_its_routes_and_no_others) {
  with_accounts();
  const auto cancel = [&](const std::string& as) {
    return ask(address, "POST", task_path + "/cancel", {}, "Authorization: Bearer " + as + "\r\n")
        .status;
  };
  EXPECT_EQ(cancel("operate"), 200);
  EXPECT_EQ(cancel("known-operate"), 200);
  for (const auto* other : {"read", "submit", "work", "administer", "known-read"})
    EXPECT_EQ(cancel(other), 403) << other;
  const auto forged = get("/api/tasks", "Authorization: Bearer forged\r\n");
  EXPECT_EQ(forged.status, 401);
  EXPECT_FALSE(has(forged.body, "signature")) << "why is not the client's business";
  EXPECT_EQ(get("/api/tasks", "Authorization: Bearer away\r\n").status, 503);
}

TEST_F(edges, changes_and_refusals_are_noted) {
  with_accounts();
  get("/api/tasks");
  get("/api/tasks", "Authorization: Bearer forged\r\n");
  ask(address, "POST", task_path + "/cancel", {},
      "Authorization: Bearer read\r\nX-Request-Id: r7\r\n");
  ask(address, "POST", task_path + "/cancel", {}, "Authorization: Bearer operate\r\n");
  const auto notes = who.noted();
  ASSERT_EQ(notes.size(), 4u);
  EXPECT_EQ(notes[0].outcome + notes[0].reason, "refusedno credential");
  EXPECT_EQ(notes[1].outcome + notes[1].reason, "refusednot a valid credential");
  EXPECT_EQ(notes[2].actor + notes[2].action + notes[2].reason, "readcancelTasklacks operate");
  EXPECT_EQ(notes[2].request_id, "r7");
  EXPECT_EQ(notes[2].address, "127.0.0.1");
  EXPECT_EQ(notes[3].actor + notes[3].action + notes[3].outcome, "operatecancelTaskdone");
}

TEST_F(edges, a_body_waits_until_it_is_known_who_sends_it) {
  with_accounts();
  raw_client client(address);
  client.send(
      "POST /api/tasks HTTP/1.1\r\nHost: t\r\nAuthorization: Bearer slow\r\nContent-Length: "
      "15\r\n\r\n");
  auto answer = who.parked.take();
  ASSERT_TRUE(answer);
  client.send(R"({"kind":"noop"})");
  answer(principal{"p", {}, {}, 0, bit(permission::submit)});
  EXPECT_EQ(client.read().status, 200);
  ASSERT_EQ(door.submitted().size(), 1u);
  EXPECT_EQ(door.submitted()[0].principal, "p");
}

TEST_F(edges, an_answer_about_somebody_who_left_changes_nothing) {
  with_accounts();
  {
    raw_client client(address);
    client.send("GET /api/tasks HTTP/1.1\r\nHost: t\r\nAuthorization: Bearer slow\r\n\r\n");
    auto answer = who.parked.take();
    ASSERT_TRUE(answer);
    under_test.reset();
    answer(failure{errc::rejected, "late"});
  }
}

TEST_F(edges, accounts_are_told_who_asks_and_their_answer_becomes_http) {
  with_accounts();
  who.answer_of_run = account_answer{200, R"({"name":"bob"})", "", 7};
  auto a = ask(
      address, "PATCH", "/api/users/bob", R"({"roles":["viewer"]})",
      "Content-Type: application/json\r\nAuthorization: Bearer administer\r\nIf-Match: \"6\"\r\n");
  EXPECT_EQ(a.status, 200) << a.body;
  EXPECT_EQ(a.field("etag"), "\"7\"");
  EXPECT_EQ(who.asked.operation, "updateUser");
  EXPECT_EQ(who.asked.id, "bob");
  EXPECT_EQ(who.asked.if_match, 6u);
  EXPECT_EQ(who.asked.who.name, "administer");
  const auto status = [&](failure why) {
    who.answer_of_run = std::move(why);
    return ask(address, "POST", "/api/auth/login", R"({"name":"a","password":"b"})",
               "Content-Type: application/json\r\n");
  };
  EXPECT_EQ(status({errc::rejected, "wrong", "credentials"}).status, 401);
  EXPECT_EQ(status({errc::rejected, "closed"}).status, 403);
  EXPECT_EQ(status({errc::conflict, "other", "If-Match"}).status, 412);
  const auto slow = status({errc::busy, "wait", "17"});
  EXPECT_EQ(slow.status, 429);
  EXPECT_EQ(slow.field("retry-after"), "17");
  a = ask(address, "POST", "/api/users",
          R"({"name":"x","password":"0123456789","roles":[],"admin":true})",
          "Content-Type: application/json\r\nAuthorization: Bearer administer\r\n");
  EXPECT_EQ(a.status, 400);
  EXPECT_TRUE(has(a.body, R"("field":"admin")")) << "closed schemas refuse what they do not know";
}

TEST_F(edges, routes_can_be_opened_by_name) {
  options.open_routes = {"getMetrics"};
  with_accounts();
  EXPECT_EQ(get("/metrics").status, 200);
  EXPECT_EQ(get("/api/tasks").status, 401);
}

TEST_F(edges, a_gateway_is_believed_only_where_it_is_trusted) {
  options.trusted_proxies = {"127.0.0.1"};
  with_accounts();
  get("/api/tasks", "X-Forwarded-For: 6.6.6.6, 10.0.0.9\r\n");
  under_test.reset();
  options.trusted_proxies = {"10.0.0.1"};
  start();
  get("/api/tasks", "X-Forwarded-For: 6.6.6.6\r\n");
  const auto notes = who.noted();
  ASSERT_EQ(notes.size(), 2u);
  EXPECT_EQ(notes[0].address, "10.0.0.9") << "what stands before was written by strangers";
  EXPECT_EQ(notes[1].address, "127.0.0.1");
}

TEST_F(edges, one_principal_has_a_rate_and_is_told_so) {
  options.requests_per_second = 0.001;
  options.requests_burst = 3;
  with_accounts();
  const std::string as = "Authorization: Bearer known-read\r\n";
  auto a = get("/api/tasks", as);
  EXPECT_EQ(a.field("ratelimit-policy"), "\"requests\";q=3;w=3000");
  EXPECT_TRUE(a.field("ratelimit").starts_with("\"requests\";r=2;t=")) << a.field("ratelimit");
  get("/api/tasks", as);
  get("/api/tasks", as);
  a = get("/api/tasks", as);
  EXPECT_EQ(a.status, 429);
  EXPECT_FALSE(a.field("retry-after").empty());
  EXPECT_EQ(get("/api/tasks", "Authorization: Bearer known-operate\r\n").status, 403)
      << "another one's own";
}

TEST(rate_limiter, refills_with_time) {
  http::rate_limiter limits(10, 5);
  const auto t = steady_time{} + std::chrono::hours(1);
  for (int i = 0; i < 5; ++i)
    EXPECT_TRUE(limits.take("a", t).allowed);
  EXPECT_FALSE(limits.take("a", t).allowed);
  EXPECT_TRUE(limits.take("b", t).allowed);
  EXPECT_TRUE(limits.take("a", t + std::chrono::milliseconds(100)).allowed);
  EXPECT_FALSE(limits.take("a", t + std::chrono::milliseconds(100)).allowed);
  EXPECT_EQ(limits.take("a", t + std::chrono::hours(1)).remaining, 4);
}

TEST_F(edges, origins_are_allowed_by_list) {
  options.cors_origins = {"https://app.example"};
  with_accounts();
  auto a = get("/healthz", "Origin: https://app.example\r\n");
  EXPECT_EQ(a.field("access-control-allow-origin"), "https://app.example");
  EXPECT_EQ(a.field("vary"), "Origin");
  for (const auto* other :
       {"https://evil.example", "null", "https://app.example.evil", "HTTPS://APP.EXAMPLE"})
    EXPECT_EQ(get("/healthz", std::string("Origin: ") + other + "\r\n")
                  .field("access-control-allow-origin"),
              "")
        << other;
  a = ask(address, "OPTIONS", "/api/tasks", {},
          "Origin: https://app.example\r\nAccess-Control-Request-Method: POST\r\n");
  EXPECT_EQ(a.status, 204) << "a preflight carries no credential";
  EXPECT_TRUE(has(a.field("access-control-allow-headers"), "Authorization"));
  EXPECT_EQ(ask(address, "OPTIONS", "/api/tasks", {},
                "Origin: https://evil.example\r\nAccess-Control-Request-Method: POST\r\n")
                .status,
            401);
}

TEST_F(edges, a_preflight_is_told_what_is_allowed_and_never_credentials) {
  options.cors_origins = {"https://app.example", "https://other.example"};
  with_accounts();
  const auto preflight = [&](const std::string& origin) {
    return ask(address, "OPTIONS", "/api/tasks/x/cancel", {},
               "Origin: " + origin +
                   "\r\nAccess-Control-Request-Method: POST\r\n"
                   "Access-Control-Request-Headers: authorization,if-match\r\n");
  };
  for (const auto* origin : {"https://app.example", "https://other.example"}) {
    const auto a = preflight(origin);
    EXPECT_EQ(a.status, 204);
    EXPECT_EQ(a.body, "");
    EXPECT_EQ(a.field("access-control-allow-origin"), origin) << "this one, not all of them";
    EXPECT_EQ(a.field("vary"), "Origin");
    EXPECT_EQ(a.field("access-control-allow-methods"), "GET, POST, PUT, PATCH, DELETE");
    for (const auto* name : {"Authorization", "Content-Type", "Idempotency-Key", "If-Match",
                             "If-None-Match", "Last-Event-ID", "Prefer"})
      EXPECT_TRUE(has(a.field("access-control-allow-headers"), name)) << name;
    EXPECT_EQ(a.field("access-control-max-age"), "600");
    EXPECT_EQ(a.field("access-control-allow-credentials"), "");
  }
  for (const auto* origin : {"https://evil.example", "null", "*"}) {
    const auto a = preflight(origin);
    EXPECT_EQ(a.status, 401) << origin;
    EXPECT_EQ(a.field("vary"), "Origin") << "or a cache would give it to the others";
    for (const auto* name : {"origin", "methods", "headers", "credentials"})
      EXPECT_EQ(a.field(std::string("access-control-allow-") + name), "") << origin << ' ' << name;
    EXPECT_EQ(a.field("access-control-max-age"), "");
  }
}

TEST_F(edges, an_allowed_origin_may_read_answers_and_refusals_but_sends_no_cookie) {
  options.cors_origins = {"https://app.example"};
  with_accounts();
  const std::string from = "Origin: https://app.example\r\n";
  const auto refused = get("/api/tasks", from + "Cookie: session=1\r\n");
  EXPECT_EQ(refused.status, 401) << "a cookie is no credential";
  EXPECT_EQ(refused.field("access-control-allow-origin"), "https://app.example");
  const auto a = get(task_path, from + "Authorization: Bearer read\r\n");
  EXPECT_EQ(a.status, 200);
  EXPECT_EQ(a.field("access-control-allow-origin"), "https://app.example");
  EXPECT_EQ(a.field("access-control-allow-credentials"), "");
  for (const auto* name : {"ETag", "Link", "Location", "Retry-After", "X-Request-Id"})
    EXPECT_TRUE(has(a.field("access-control-expose-headers"), name)) << name;
  EXPECT_EQ(get(task_path, from + "Authorization: Bearer read\r\nIf-None-Match: \"1\"\r\n")
                .field("access-control-allow-origin"),
            "https://app.example")
      << "of an unchanged copy too";
  // Who asks without an origin gets an answer that a cache must not give to an origin.
  EXPECT_EQ(get("/healthz").field("vary"), "Origin");
  EXPECT_EQ(get("/healthz").field("access-control-allow-origin"), "");
}

TEST_F(edges, without_a_list_no_origin_is_allowed) {
  start();
  EXPECT_EQ(get("/healthz", "Origin: https://app.example\r\n").field("access-control-allow-origin"),
            "");
  EXPECT_EQ(get("/healthz", "Origin: https://app.example\r\n").field("vary"), "");
  EXPECT_EQ(ask(address, "OPTIONS", "/healthz", {},
                "Origin: https://app.example\r\nAccess-Control-Request-Method: GET\r\n")
                .field("access-control-allow-methods"),
            "");
}

TEST_F(edges, pages_may_load_nothing_from_elsewhere) {
  start();
  const auto policy = get("/docs").field("content-security-policy");
  EXPECT_TRUE(has(policy, "default-src 'none'; script-src 'self';")) << policy;
  EXPECT_TRUE(has(policy, "frame-ancestors 'none'"));
}

TEST_F(edges, a_client_that_has_the_version_gets_no_copy) {
  start();
  const auto a = get(task_path);
  EXPECT_EQ(a.field("etag"), "\"1\"");
  const auto again = get(task_path, "If-None-Match: \"1\"\r\n");
  EXPECT_EQ(again.status, 304);
  EXPECT_EQ(again.body, "");
  EXPECT_EQ(again.field("etag"), "\"1\"") << "or its copy would lose the name of its version";
  EXPECT_EQ(get(task_path, "If-None-Match: \"2\"\r\n").status, 200);
  for (const auto* same : {"*", "W/\"1\"", "\"7\", \"1\"", "\"7\",W/\"1\""})
    EXPECT_EQ(get(task_path, std::string("If-None-Match: ") + same + "\r\n").status, 304) << same;
  for (const auto* other : {"\"11\"", "\"21\", \"12\"", "1", "\"\""})
    EXPECT_EQ(get(task_path, std::string("If-None-Match: ") + other + "\r\n").status, 200) << other;
  const auto head = ask(address, "HEAD", task_path, {}, "If-None-Match: \"1\"\r\n");
  EXPECT_EQ(head.status, 304);
}

TEST_F(edges, a_page_of_a_list_links_to_the_next) {
  start();
  EXPECT_EQ(get("/api/tasks?status=QUEUED&cursor=a&limit=1").field("link"),
            "</api/tasks?status=QUEUED&limit=1&cursor=more>; rel=\"next\"");
}

TEST_F(edges, long_answers_are_compressed_for_who_takes_it) {
  start();
  const auto plain = get("/openapi.json");
  const auto packed = get("/openapi.json", "Accept-Encoding: br, gzip;q=0.5\r\n");
  EXPECT_EQ(packed.field("content-encoding"), "gzip");
  EXPECT_LT(packed.body.size(), plain.body.size() / 4);
  EXPECT_TRUE(packed.body.starts_with("\x1f\x8b"));
  EXPECT_EQ(get("/openapi.json", "Accept-Encoding: gzip;q=0\r\n").field("content-encoding"), "");
  EXPECT_EQ(get("/healthz", "Accept-Encoding: gzip\r\n").field("content-encoding"), "");
}

TEST_F(edges, the_way_to_tls_keeps_path_and_query) {
  options.redirect_port = 8443;
  start();
  const auto a = ask(address, "POST", "/api/tasks?a=b%20c", "{}", "X-A: b\r\n");
  EXPECT_EQ(a.status, 308);
  EXPECT_TRUE(a.field("location").ends_with(":8443/api/tasks?a=b%20c")) << a.field("location");
  EXPECT_TRUE(a.field("location").starts_with("https://")) << a.field("location");
  expect_refused("GET / HTTP/1.1\r\nHost: evil/..\r\n\r\n", 400);
}

}  // namespace orrery::test
