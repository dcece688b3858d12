/// Every route and every status, over a real socket and a front door that says what the test wants.

#include "tests/unit/http/fake_front_door.hpp"
#include "tests/unit/http/sockets.hpp"

#include "codec/json.hpp"
#include "http/server.hpp"

#include <gtest/gtest.h>

namespace orrery::test {

namespace {

using http::server;
using http::server_options;

const std::string id = to_string(task_id);
constexpr const char* json_type = "Content-Type: application/json\r\n";

struct routes : ::testing::Test {
  fake_front_door door;
  server_options options{.address = "127.0.0.1:0"};
  std::unique_ptr<server> under_test;
  std::string address;

  void start() {
    under_test = std::make_unique<server>(options, door);
    const auto at = under_test->start();
    ASSERT_TRUE(at) << at.error().detail;
    address = *at;
  }
  http_answer get(std::string_view target) { return ask(address, "GET", target); }
  http_answer post(std::string_view target, std::string_view body, std::string fields = {}) {
    return ask(address, "POST", target, body, json_type + fields);
  }
  void SetUp() override { start(); }
  void TearDown() override { under_test.reset(); }
};

/// An answer that is a problem document with this status.
void expect_problem(const http_answer& a, int status) {
  EXPECT_EQ(a.status, status) << a.body;
  EXPECT_EQ(a.field("content-type"), "application/problem+json");
  EXPECT_TRUE(codec::check_json(a.body)) << a.body;
  EXPECT_TRUE(has(a, "\"status\":" + std::to_string(status))) << a.body;
  EXPECT_TRUE(has(a, "\"type\":\"")) << a.body;
  EXPECT_TRUE(has(a, "\"title\":\"")) << a.body;
}

}  // namespace

TEST_F(routes, submitting_an_order_answers_accepted_and_where_to_find_it) {
  const auto a = post("/api/orders", R"({"product":"Laptop","quantity":2})");
  EXPECT_EQ(a.status, 200);
  EXPECT_EQ(a.field("content-type"), "application/json");
  EXPECT_EQ(a.field("location"), "/api/orders/" + id);
  EXPECT_TRUE(has(a, "\"orderId\":\"" + id)) << a.body;
  EXPECT_TRUE(has(a, "\"status\":\"ACCEPTED\"")) << a.body;
  ASSERT_EQ(door.submitted().size(), 1u);
  EXPECT_EQ(door.submitted()[0].kind, entity_kind::order);
}

TEST_F(routes, submitting_a_task_passes_on_the_key_and_the_trace) {
  const std::string trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  const auto a = post("/api/tasks", R"({"kind":"noop"})",
                      "Idempotency-Key: k-1\r\ntraceparent: " + trace + "\r\n");
  EXPECT_EQ(a.status, 200) << a.body;
  EXPECT_EQ(a.field("location"), "/api/tasks/" + id);
  ASSERT_EQ(door.submitted().size(), 1u);
  const auto item = door.submitted()[0];
  EXPECT_EQ(item.idempotency_key, "k-1");
  EXPECT_EQ(std::get<submit_task>(std::get<task_command>(item.command)).spec.traceparent, trace);
}

TEST_F(routes, a_trace_parent_of_another_form_is_left_out) {
  post("/api/tasks", R"({"kind":"noop"})", "traceparent: 00-zz-01\r\n");
  ASSERT_EQ(door.submitted().size(), 1u);
  const auto command = std::get<task_command>(door.submitted()[0].command);
  EXPECT_EQ(std::get<submit_task>(command).spec.traceparent, "");
}

TEST_F(routes, an_idempotency_key_that_is_too_long_or_empty_is_refused) {
  for (const auto& key : {std::string(256, 'k'), std::string()}) {
    const auto a = post("/api/tasks", R"({"kind":"noop"})", "Idempotency-Key: " + key + "\r\n");
    expect_problem(a, 400);
    EXPECT_TRUE(has(a, R"("field":"Idempotency-Key")")) << a.body;
  }
  EXPECT_EQ(
      post("/api/tasks", R"({"kind":"noop"})", "Idempotency-Key: " + std::string(255, 'k') + "\r\n")
          .status,
      200);
}

TEST_F(routes, a_batch_may_be_an_array_an_object_or_lines) {
  for (const std::string body :
       {R"([{"kind":"a"},{"kind":"b"}])", R"({"items":[{"kind":"a"},{"kind":"b"}]})",
        "{\"kind\":\"a\"}\n{\"kind\":\"b\"}\n"}) {
    const bool lines = body.front() == '{' && body.find("items") == std::string::npos;
    const std::string type = lines ? "x-ndjson" : "json";
    const auto a = ask(address, "POST", "/api/tasks/batch", body,
                       "Content-Type: application/" + type + "\r\nIdempotency-Key: b\r\n");
    EXPECT_EQ(a.status, 200) << a.body;
    // Lines are answered by lines.
    EXPECT_TRUE(a.body.starts_with(lines ? R"({"taskId":)" : R"({"items":[{)")) << a.body;
    ASSERT_EQ(door.submitted().size(), 2u);
    EXPECT_EQ(door.submitted()[1].idempotency_key, "b/1");
  }
}

TEST_F(routes, a_batch_of_orders_is_a_batch_of_orders) {
  const auto a = post("/api/orders/batch", R"([{"product":"Laptop"}])");
  EXPECT_EQ(a.status, 200) << a.body;
  EXPECT_EQ(door.submitted().at(0).kind, entity_kind::order);
}

TEST_F(routes, a_bad_item_of_a_batch_is_named) {
  const auto a = post("/api/tasks/batch", R"([{"kind":"a"},{"kind":7}])");
  expect_problem(a, 400);
  EXPECT_TRUE(has(a, R"("errors":[{"field":")")) << a.body;
  EXPECT_TRUE(has(a, "[1].kind")) << a.body;
  EXPECT_TRUE(door.submitted().empty());
}

TEST_F(routes, a_bad_field_of_a_submit_is_named) {
  const auto a = post("/api/tasks", R"({"kind":"noop","ttl":true})");
  expect_problem(a, 400);
  EXPECT_TRUE(has(a, R"("errors":[{"field":"ttl")")) << a.body;
  EXPECT_TRUE(has(a, R"("type":"/problems/invalid")")) << a.body;
  EXPECT_TRUE(has(a, R"("instance":"/api/tasks")")) << a.body;
}

TEST_F(routes, the_front_doors_field_loses_the_index_that_nobody_sent) {
  door.on_submit = [](auto, auto done) {
    done(failure{errc::invalid, "too long", "items[0].ttl"});
  };
  EXPECT_TRUE(has(post("/api/tasks", R"({"kind":"noop"})"), R"("field":"ttl")"));
}

TEST_F(routes, prefer_wait_answers_with_the_view_and_says_so) {
  duration waited{};
  door.on_wait = [&](entity_kind kind, entity_id of, duration limit, auto done) {
    waited = limit;
    done(entity_view{.accepted_only = false, .id = of, .state = some_entity(kind, of)});
  };
  const auto a = post("/api/tasks", R"({"kind":"noop"})", "Prefer: respond-async, wait=5\r\n");
  EXPECT_EQ(a.status, 200);
  EXPECT_EQ(waited, 5s);
  EXPECT_EQ(a.field("preference-applied"), "wait=5");
  EXPECT_TRUE(has(a, "\"QUEUED\"")) << a.body;
  post("/api/tasks", R"({"kind":"noop"})", "Prefer: wait=3600\r\n");
  EXPECT_EQ(waited, 30s);
}

TEST_F(routes, trouble_while_waiting_does_not_look_like_a_failed_submit) {
  door.on_wait = [](auto, auto, auto, auto done) { done(failure{errc::unavailable, "no owner"}); };
  const auto a = post("/api/orders", R"({"product":"Laptop"})", "Prefer: wait=5\r\n");
  EXPECT_EQ(a.status, 200);
  EXPECT_TRUE(has(a, "ACCEPTED")) << a.body;
  EXPECT_EQ(a.field("preference-applied"), "");
}

TEST_F(routes, every_failure_has_its_status) {
  const std::vector<std::tuple<errc, int, int>> table{
      {errc::invalid, 400, 400},  {errc::not_found, 404, 404}, {errc::conflict, 422, 409},
      {errc::rejected, 409, 409}, {errc::busy, 429, 429},      {errc::unavailable, 503, 503},
      {errc::in_doubt, 503, 503}, {errc::corrupt, 500, 500}};
  for (const auto& [code, at_submit, at_command] : table) {
    door.on_submit = [c = code](auto, auto done) { done(failure{c, "because"}); };
    door.on_command = [c = code](auto, auto, auto, auto done) { done(failure{c, "because"}); };
    const auto submit = post("/api/tasks", R"({"kind":"noop"})");
    const auto command = post("/api/tasks/" + id + "/cancel", "");
    expect_problem(submit, at_submit);
    expect_problem(command, at_command);
    const bool again = code == errc::busy || code == errc::unavailable;
    EXPECT_EQ(submit.field("retry-after"), again ? "1" : "") << to_string(code);
  }
}

TEST_F(routes, one_entity_is_read_by_its_id) {
  EXPECT_TRUE(has(get("/api/tasks/" + id), "\"taskId\":\"" + id));
  EXPECT_TRUE(has(get("/api/orders/" + id), "\"orderId\":\"" + id));
}

TEST_F(routes, one_entity_is_read_by_its_reference) {
  std::string asked;
  door.on_find = [&](std::string text, auto done) {
    asked = text;
    done(task_id);
  };
  EXPECT_EQ(get("/api/orders/PO%2F7%20b%C3%A4r").status, 200);
  EXPECT_EQ(asked, "PO/7 bär");
  door.on_find = [](auto, auto done) { done(failure{errc::not_found, "no such order"}); };
  expect_problem(get("/api/orders/unknown"), 404);
}

TEST_F(routes, what_is_only_accepted_says_so) {
  door.on_get = [](auto, entity_id of, auto done) {
    done(entity_view{.accepted_only = true, .id = of, .state = {}});
  };
  EXPECT_EQ(get("/api/tasks/" + id).body,
            R"({"taskId":")" + id + R"(","status":"ACCEPTED","shard":3})");
}

TEST_F(routes, broken_and_over_long_ids_are_refused) {
  for (const auto& bad : {std::string("%zz"), std::string("%"), std::string("%ff"),
                          std::string("%00"), std::string(513, 'a'), std::string(5000, 'a')})
    expect_problem(get("/api/tasks/" + bad), 400);
}

TEST_F(routes, a_list_knows_its_filters) {
  const auto a =
      get("/api/tasks?status=QUEUED,RUNNING&kind=noop&queue=q&tag=t&reference=r%2B1"
          "&createdFrom=2026-11-21T10:00:00Z&createdTo=2026-11-21T10:00:00+02:00"
          "&order=asc&cursor=abc&limit=1000");
  EXPECT_EQ(a.status, 200) << a.body;
  EXPECT_TRUE(has(a, R"("next":"more")")) << a.body;
  const auto q = door.listed();
  EXPECT_EQ(q.statuses, (std::vector<uint8_t>{1, 2}));
  EXPECT_EQ(q.task_kind, "noop");
  EXPECT_EQ(q.queue, "q");
  EXPECT_EQ(q.tag, "t");
  EXPECT_EQ(q.reference, "r+1");
  EXPECT_EQ(q.created_from - q.created_to, 2h);
  EXPECT_EQ(q.order, list_order::oldest_first);
  EXPECT_EQ(q.cursor, "abc");
  EXPECT_EQ(q.limit, 1000u);
}

TEST_F(routes, a_list_of_orders_filters_by_product_and_customer_and_ends_with_null) {
  door.on_list = [](auto, auto done) { done(entity_page{}); };
  EXPECT_EQ(get("/api/orders?product=Laptop&customer=c").body, R"({"items":[],"next":null})");
  EXPECT_EQ(door.listed().product, "Laptop");
  EXPECT_EQ(door.listed().customer, "c");
}

TEST_F(routes, a_list_of_orders_filters_by_fields_of_the_metadata) {
  door.on_list = [](auto, auto done) { done(entity_page{}); };
  EXPECT_EQ(get("/api/orders?metadata.shop=7&metadata.a.b-c_d=x%3Dy&metadata.e=").status, 200);
  EXPECT_EQ(door.listed().fields, (std::vector<std::string>{"a.b-c_d=x=y", "e=", "shop=7"}));
  std::string many = "/api/orders?metadata.k0=";
  for (int i = 1; i < 8; ++i)
    many += "&metadata.k" + std::to_string(i) + "=";
  EXPECT_EQ(get(many).status, 200);
  for (const auto& [path, field] : std::vector<std::pair<std::string, std::string>>{
           {many + "&metadata.k8=", "metadata.k8"},
           {"/api/orders?metadata.=x", "metadata."},
           {"/api/orders?metadata=x", "metadata"},
           {"/api/orders?metadata.a%20b=x", "metadata.a b"},
           {"/api/orders?metadata.a=" + std::string(257, 'v'), "metadata.a"},
           {"/api/orders?metadata.a=%00", "metadata.a"},
           {"/api/orders?metadata." + std::string(65, 'k') + "=x",
            "metadata." + std::string(65, 'k')},
           {"/api/tasks?metadata.a=x", "metadata.a"}}) {
    const auto answer = get(path);
    EXPECT_EQ(answer.status, 400) << path;
    EXPECT_NE(answer.body.find("\"field\":\"" + field + '"'), std::string::npos) << answer.body;
  }
}

TEST_F(routes, a_list_refuses_what_it_does_not_know) {
  for (const auto& [query, field] :
       std::vector<std::pair<std::string, std::string>>{{"colour=red", "colour"},
                                                        {"status=DONE", "status"},
                                                        {"limit=0", "limit"},
                                                        {"limit=1001", "limit"},
                                                        {"limit=-1", "limit"},
                                                        {"limit=ten", "limit"},
                                                        {"order=up", "order"},
                                                        {"createdFrom=yesterday", "createdFrom"},
                                                        {"product=x", "product"},
                                                        {"kind=", "kind"},
                                                        {"kind=%ff", "kind"},
                                                        {"kind=a&kind=b", "kind"},
                                                        {"%ff=a", "%ff"}}) {
    const auto a = get("/api/tasks?" + query);
    expect_problem(a, 400);
    EXPECT_TRUE(has(a, "\"field\":\"" + field + "\"")) << query << ": " << a.body;
  }
}

TEST_F(routes, other_routes_refuse_parameters) {
  EXPECT_EQ(get("/api/tasks/" + id + "?pretty=1").status, 400);
  EXPECT_EQ(post("/api/tasks?dry=1", R"({"kind":"noop"})").status, 400);
}

TEST_F(routes, events_are_a_list) {
  EXPECT_TRUE(has(get("/api/tasks/" + id + "/events"), R"({"items":[{)"));
}

TEST_F(routes, commands_reach_the_front_door_and_answer_the_new_view) {
  entity_command heard;
  door.on_command = [&](entity_kind kind, entity_id of, entity_command wish, auto done) {
    heard = std::move(wish);
    done(some_entity(kind, of));
  };
  const auto a = post("/api/tasks/" + id + "/cancel", R"({"reason":"enough"})");
  EXPECT_EQ(a.status, 200) << a.body;
  EXPECT_TRUE(has(a, "\"taskId\"")) << a.body;
  EXPECT_EQ(std::get<cancel_task>(std::get<task_command>(heard)).text, "enough");
  for (const char* verb : {"rerun", "pause", "resume"})
    EXPECT_EQ(post("/api/tasks/" + id + "/" + verb, "").status, 200) << verb;
  for (const char* verb : {"confirm", "reject", "complete", "cancel"})
    EXPECT_EQ(post("/api/orders/" + id + "/" + verb, "").status, 200) << verb;
  EXPECT_TRUE(std::holds_alternative<cancel_order>(std::get<order_command>(heard)));
}

TEST_F(routes, an_unknown_verb_is_not_found) {
  expect_problem(post("/api/tasks/" + id + "/explode", ""), 404);
  expect_problem(post("/api/orders/" + id + "/pause", ""), 404);
}

TEST_F(routes, health_readiness_and_index) {
  EXPECT_EQ(get("/healthz").body, R"({"status":"ok"})");
  EXPECT_EQ(get("/readyz").status, 200);
  door.on_readiness = [](auto done) { done(readiness{false, {{"log", false, "broker away"}}}); };
  const auto a = get("/readyz");
  EXPECT_EQ(a.status, 503);
  EXPECT_TRUE(has(a, R"({"name":"log","ready":false,"detail":"broker away"})")) << a.body;
  EXPECT_TRUE(has(get("/"), R"("path":"/api/orders/{id}/events")"));
}

TEST_F(routes, metrics_are_the_front_doors_and_the_servers_own) {
  get("/healthz");
  get("/nowhere");
  const auto a = get("/metrics");
  EXPECT_EQ(a.field("content-type"), "text/plain; version=0.0.4; charset=utf-8");
  EXPECT_TRUE(has(a, "orrery_up 1\n"));
  EXPECT_TRUE(
      has(a, R"(orrery_http_requests_total{method="GET",route="/healthz",status="2xx"} 1)"));
  EXPECT_TRUE(has(a, R"(orrery_http_requests_total{method="",route="none",status="4xx"} 1)"));
  EXPECT_TRUE(has(a, "orrery_http_connections 1\n")) << a.body;
  EXPECT_TRUE(has(a, "orrery_http_requests_in_flight 1\n")) << a.body;
}

TEST_F(routes, head_is_get_without_a_body) {
  const auto full = get("/healthz");
  const auto a = ask(address, "HEAD", "/healthz");
  EXPECT_EQ(a.status, 200);
  EXPECT_EQ(a.field("content-length"), std::to_string(full.body.size()));
  EXPECT_EQ(a.body, "");
}

TEST_F(routes, unknown_paths_and_methods) {
  for (const char* path : {"/nowhere", "/api", "/api/", "/api/tasks/", "/api/tasks//events", "//",
                           "/api/tasks/x/events/y", "/healthz/"})
    expect_problem(get(path), 404);
  const auto a = ask(address, "DELETE", "/api/tasks/" + id);
  expect_problem(a, 405);
  EXPECT_EQ(a.field("allow"), "GET, HEAD, OPTIONS");
  EXPECT_EQ(ask(address, "GET", "/api/tasks/" + id + "/cancel").field("allow"), "POST, OPTIONS");
  const auto options_answer = ask(address, "OPTIONS", "/api/tasks");
  EXPECT_EQ(options_answer.status, 204);
  EXPECT_EQ(options_answer.field("allow"), "POST, GET, HEAD, OPTIONS");
  EXPECT_EQ(ask(address, "OPTIONS", "*").status, 204);
  expect_problem(ask(address, "OPTIONS", "/nowhere"), 404);
}

TEST_F(routes, other_media_types_are_refused) {
  for (const char* type : {"text/plain", "application/x-www-form-urlencoded", "application/jsonp"})
    expect_problem(ask(address, "POST", "/api/tasks", R"({"kind":"noop"})",
                       std::string("Content-Type: ") + type + "\r\n"),
                   415);
  EXPECT_EQ(ask(address, "POST", "/api/tasks", R"({"kind":"noop"})",
                "Content-Type: Application/JSON; charset=utf-8\r\n")
                .status,
            200);
  EXPECT_EQ(ask(address, "POST", "/api/tasks", R"({"kind":"noop"})").status, 200);
  EXPECT_EQ(ask(address, "POST", "/api/tasks", "x", "Content-Encoding: gzip\r\n").status, 415);
}

TEST_F(routes, request_ids_are_echoed_or_made) {
  EXPECT_EQ(ask(address, "GET", "/healthz", {}, "X-Request-Id: abc-1\r\n").field("x-request-id"),
            "abc-1");
  const auto made = get("/healthz").field("x-request-id");
  EXPECT_FALSE(made.empty());
  EXPECT_NE(get("/healthz").field("x-request-id"), made);
  EXPECT_NE(ask(address, "GET", "/healthz", {}, "X-Request-Id: a b\r\n").field("x-request-id"),
            "a b");
}

TEST_F(routes, a_token_is_asked_for_everywhere_but_at_the_health_checks) {
  under_test.reset();
  options.bearer_token = "s3cret";
  start();
  for (const char* path : {"/", "/metrics", "/api/tasks", "/api/dead-letters", "/nowhere"}) {
    const auto a = get(path);
    expect_problem(a, 401);
    EXPECT_EQ(a.field("www-authenticate"), "Bearer realm=\"orrery\"");
  }
  EXPECT_EQ(post("/api/tasks", R"({"kind":"noop"})").status, 401);
  EXPECT_TRUE(door.submitted().empty());
  for (const char* wrong : {"Bearer s3creT", "Bearer ", "Bearer s3cret2", "Basic s3cret", "s3cret"})
    EXPECT_EQ(ask(address, "GET", "/", {}, std::string("Authorization: ") + wrong + "\r\n").status,
              401);
  EXPECT_EQ(ask(address, "GET", "/", {}, "Authorization: bearer s3cret\r\n").status, 200);
  EXPECT_EQ(get("/healthz").status, 200);
  EXPECT_EQ(get("/readyz").status, 200);
}

}  // namespace orrery::test
