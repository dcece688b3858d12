/// What HTTP tells of a task beside itself, batches that are taken item by item, and bulk operations.

#include "codec/json.hpp"
#include "tests/unit/http/server_fixture.hpp"

#include <algorithm>

namespace orrery::test {

namespace {

struct task_routes : server_test {
  void SetUp() override { start(); }
  http_answer get(std::string_view target) { return ask(address, "GET", target); }
  http_answer post(std::string_view target, std::string_view body,
                   std::string type = "application/json") {
    return ask(address, "POST", target, body, "Content-Type: " + type + "\r\n");
  }
};

const std::string path = "/api/tasks/" + to_string(task_id);

}  // namespace

TEST_F(task_routes, counts_are_by_queue_and_kind_and_in_all) {
  const auto a = get("/api/tasks/counts");
  EXPECT_EQ(a.status, 200) << a.body;
  EXPECT_TRUE(codec::check_json(a.body)) << a.body;
  EXPECT_TRUE(has(a, R"({"queue":"default","kind":"noop","counts":{"SCHEDULED":0,"QUEUED":7)"))
      << a.body;
  EXPECT_TRUE(has(a, R"("total":{"SCHEDULED":0,"QUEUED":7)")) << a.body;
}

TEST_F(task_routes, a_list_is_searched_by_text_and_key) {
  EXPECT_EQ(get("/api/tasks?text=Catalogue%20copy&key=k1").status, 200);
  EXPECT_EQ(door.listed().text, "Catalogue copy");
  EXPECT_EQ(door.listed().unique_key, "k1");
  EXPECT_EQ(get("/api/orders?text=a").status, 400);
}

TEST_F(task_routes, a_command_may_name_the_version_it_is_for) {
  const auto read = get(path);
  const auto version = some_task().version;
  EXPECT_EQ(read.field("etag"), "\"" + std::to_string(version) + "\"");
  const auto cancel = [&](const std::string& tag) {
    return ask(address, "POST", path + "/cancel", "{}",
               "Content-Type: application/json\r\nIf-Match: " + tag + "\r\n");
  };
  EXPECT_EQ(cancel("\"17\"").status, 200);
  EXPECT_EQ(door.last_expected, 17u);
  EXPECT_EQ(cancel("*").status, 200);
  EXPECT_EQ(door.last_expected, 0u);
  EXPECT_EQ(cancel("\"yesterday\"").status, 412);
  EXPECT_EQ(cancel("\"0\"").status, 412) << "no version, and not any version";
  door.on_command = [](entity_kind, entity_id, entity_command, answer<entity> done) {
    done(failure{errc::conflict, std::string(other_version), "If-Match"});
  };
  EXPECT_EQ(cancel("\"17\"").status, 412);
}

TEST_F(task_routes, runs_show_their_attempts) {
  door.on_history = [](entity_kind, entity_id id, answer<std::vector<event_record>> done) {
    std::vector<event_record> events;
    int64_t position = 0;
    for (const auto& event :
         std::vector<task_event>{task_submitted{*some_task().spec}, task_started{{1, 1}, "node-7"},
                                 task_failed{end_reason::failed, "no", "E1"}, task_rerun{}})
      events.push_back({position_t{++position}, id, from_micros(position), event});
    done(std::move(events));
  };
  const auto a = get(path + "/runs");
  EXPECT_EQ(a.status, 200);
  EXPECT_TRUE(codec::check_json(a.body)) << a.body;
  EXPECT_TRUE(has(a, R"("run":1,"status":"FAILED","reason":"failed")")) << a.body;
  EXPECT_TRUE(has(a, R"("attempt":1,"worker":"node-7")")) << a.body;
  EXPECT_TRUE(has(a, R"("run":2,"status":"QUEUED")")) << a.body;
}

TEST_F(task_routes, the_result_of_a_task_that_has_not_ended_is_202_and_of_one_that_has_200) {
  EXPECT_EQ(get(path + "/result").status, 202);
  auto ended = some_task();
  ended.status = task_status::succeeded;
  ended.result = R"({"copied":1250})";
  door.on_wait = [&](entity_kind, entity_id id, duration limit, answer<entity_view> done) {
    EXPECT_EQ(limit, 10s);
    done(entity_view{.accepted_only = false, .id = id, .state = entity(ended)});
  };
  const auto a = get(path + "/result?wait=10s");
  EXPECT_EQ(a.status, 200) << a.body;
  EXPECT_TRUE(has(a, R"("status":"SUCCEEDED")") && has(a, R"("result":{"copied":1250})")) << a.body;
  EXPECT_EQ(get(path + "/result?wait=soon").status, 400);
}

TEST_F(task_routes, why_names_what_the_queue_lacks) {
  door.slots.node = "node1";
  door.slots.used_by_kind = door.slots.limit_of_kind = 64;
  door.slots.limit_of_queue = 100;
  const auto a = get(path + "/why");
  EXPECT_EQ(a.status, 200) << a.body;
  EXPECT_TRUE(has(a, R"("code":"slots-of-kind")") && has(a, "64 of 64")) << a.body;
}

TEST_F(task_routes, a_batch_that_is_not_atomic_answers_each_item_in_its_place) {
  constexpr auto body = R"([{"kind":"noop"},{"kind":7},{"ttl":"1s"},{"kind":"noop"}])";
  EXPECT_EQ(post("/api/tasks/batch", body).status, 400);
  const auto a = post("/api/tasks/batch?atomic=false", body);
  EXPECT_EQ(a.status, 200) << a.body;
  EXPECT_TRUE(codec::check_json(a.body)) << a.body;
  const auto first = a.body.find("\"taskId\"");
  const auto bad = a.body.find("\"error\"");
  const auto missing = a.body.find("\"error\"", bad + 1);
  EXPECT_LT(first, bad);
  EXPECT_LT(bad, missing);
  EXPECT_LT(missing, a.body.rfind("\"taskId\""));
  EXPECT_TRUE(has(a, R"("field":"kind")")) << a.body;
}

TEST_F(task_routes, the_object_form_of_a_batch_says_itself_whether_it_is_atomic) {
  const auto a =
      post("/api/tasks/batch", R"({"atomic":false,"items":[{"kind":"noop"},{"kind":7}]})");
  EXPECT_EQ(a.status, 200) << a.body;
  EXPECT_EQ(post("/api/tasks/batch", R"({"atomic":true,"items":[{"kind":7}]})").status, 400);
}

TEST_F(task_routes, lines_are_answered_by_lines) {
  const auto a = post("/api/tasks/batch", "{\"kind\":\"noop\"}\n{\"kind\":\"noop\"}\n",
                      "application/x-ndjson");
  EXPECT_EQ(a.status, 200) << a.body;
  EXPECT_EQ(a.field("content-type"), "application/x-ndjson");
  EXPECT_EQ(std::count(a.body.begin(), a.body.end(), '\n'), 2);
  EXPECT_TRUE(a.body.starts_with("{\"taskId\"")) << a.body;
}

TEST_F(task_routes, an_operation_is_begun_read_listed_and_stopped) {
  const auto a =
      post("/api/operations",
           R"({"action":"rerun","filter":{"status":["FAILED"],"queue":"mail"},"rate":5})");
  EXPECT_EQ(a.status, 202) << a.body;
  EXPECT_EQ(a.field("location"), "/api/operations/" + to_string(task_id));
  const auto& wish = door.operation_desk_of_tests.wish;
  EXPECT_EQ(wish.action, bulk_action::rerun);
  EXPECT_EQ(wish.filter.queue, "mail");
  EXPECT_EQ(wish.filter.statuses, std::vector{static_cast<uint8_t>(task_status::failed)});
  EXPECT_EQ(wish.rate, 5);
  const auto one = get("/api/operations/" + to_string(task_id));
  EXPECT_EQ(one.status, 200);
  EXPECT_TRUE(has(one, R"("matched":3)")) << one.body;
  EXPECT_EQ(get("/api/operations").status, 200);
  EXPECT_EQ(post("/api/operations/" + to_string(task_id) + "/stop", "").status, 200);
  EXPECT_EQ(get("/api/operations/none").status, 404);
}

TEST_F(task_routes, an_operation_needs_a_filter_that_is_understood) {
  EXPECT_EQ(post("/api/operations", R"({"action":"cancel"})").status, 400);
  EXPECT_EQ(post("/api/operations", R"({"action":"cancel","filter":{}})").status, 400);
  EXPECT_EQ(post("/api/operations", R"({"action":"cancel","filter":{"quue":"a"}})").status, 400);
  EXPECT_EQ(post("/api/operations", R"({"action":"melt","all":true})").status, 400);
  EXPECT_EQ(post("/api/operations", R"({"action":"cancel","all":true})").status, 202);
}

}  // namespace orrery::test
