/// Dead letters over HTTP, in front of a desk that only remembers.

#include "codec/json.hpp"
#include "tests/unit/http/server_fixture.hpp"

namespace orrery::test {

namespace {

struct letter_routes : server_test {
  void SetUp() override { start(); }
  http_answer get(std::string_view target) { return ask(address, "GET", target); }
  http_answer post(std::string_view target, std::string_view body) {
    return ask(address, "POST", target, body, "Content-Type: application/json\r\n");
  }
  const letter_query& asked() { return door.letter_desk_of_tests.asked; }
  const letter_wish& wish() { return door.letter_desk_of_tests.wish; }
};

TEST_F(letter_routes, a_list_is_filtered_and_goes_on_at_its_cursor) {
  const auto a =
      get("/api/dead-letters?topic=task_topic&state=OPEN,DISCARDED&reason=not%20json"
          "&from=2026-01-01T00:00:00Z&to=2026-02-01T00:00:00Z&order=asc&limit=7&cursor=1.2");
  EXPECT_EQ(a.status, 200) << a.body;
  EXPECT_TRUE(has(a, R"("id":"9")") && has(a, R"("next":"more")")) << a.body;
  EXPECT_FALSE(has(a, "headers"));
  EXPECT_EQ(asked().source, intake::tasks);
  EXPECT_EQ(asked().states, (std::vector{letter_state::open, letter_state::discarded}));
  EXPECT_EQ(asked().reason, "not json");
  EXPECT_EQ(asked().to - asked().from, 24h * 31);
  EXPECT_EQ(asked().order, list_order::oldest_first);
  EXPECT_EQ(asked().limit, 7u);
  EXPECT_EQ(asked().cursor, "1.2");
}

TEST_F(letter_routes, a_bad_filter_is_refused_with_its_name) {
  for (const char* query : {"topic=else", "state=LOST", "from=noon", "limit=0", "limit=1001",
                            "order=up", "colour=red"}) {
    const auto a = get(std::string("/api/dead-letters?") + query);
    EXPECT_EQ(a.status, 400) << query;
    EXPECT_TRUE(has(a, std::string(query, std::string_view(query).find('=')))) << a.body;
  }
}

TEST_F(letter_routes, one_letter_is_shown_whole_with_its_headers) {
  const auto a = get("/api/dead-letters/9");
  EXPECT_EQ(a.status, 200);
  EXPECT_TRUE(has(a, R"("headers":[{"name":"a","value":"b"}])")) << a.body;
  EXPECT_EQ(get("/api/dead-letters/8").status, 404);
  EXPECT_EQ(get("/api/dead-letters/redrive").status, 404);
}

TEST_F(letter_routes, a_redrive_may_bring_another_value_as_text_or_as_an_object) {
  EXPECT_EQ(post("/api/dead-letters/9/redrive", "").status, 200);
  EXPECT_EQ(wish().what, letter_wish::verb::redrive);
  EXPECT_FALSE(wish().value);
  EXPECT_EQ(post("/api/dead-letters/9/redrive", R"({"value":"{\"kind\":\"noop\"}"})").status, 200);
  EXPECT_EQ(wish().value, R"({"kind":"noop"})");
  EXPECT_EQ(post("/api/dead-letters/9/redrive", R"({"value":{"kind":"noop"}})").status, 200);
  EXPECT_EQ(wish().value, R"({"kind":"noop"})");
  EXPECT_EQ(post("/api/dead-letters/9/redrive", R"({"value":17})").status, 400);
  EXPECT_EQ(post("/api/dead-letters/9/redrive", R"({"valeu":"{}"})").status, 400);
  EXPECT_EQ(post("/api/dead-letters/9/burn", "{}").status, 404);
}

TEST_F(letter_routes, a_wish_for_many_needs_a_filter_and_answers_what_became_of_it) {
  EXPECT_EQ(post("/api/dead-letters/redrive", "{}").status, 400);
  const auto a = post("/api/dead-letters/redrive", R"({"topic":"orders","limit":5})");
  EXPECT_EQ(a.body,
            R"({"done":3,"refused":[{"id":"7","detail":"the letter is DISCARDED"}],"more":true})");
  EXPECT_EQ(asked().source, intake::orders);
  EXPECT_EQ(asked().limit, 5u);
  EXPECT_EQ(post("/api/dead-letters/discard", R"({"all":true,"note":"spam"})").status, 200);
  EXPECT_EQ(wish().what, letter_wish::verb::discard);
  EXPECT_EQ(wish().reason, "spam");
}

}  // namespace

}  // namespace orrery::test
