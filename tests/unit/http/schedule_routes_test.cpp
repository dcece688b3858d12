/// Schedules over HTTP: the pages of their history.

#include "tests/unit/http/server_fixture.hpp"

namespace orrery::test {

namespace {

struct schedule_routes : server_test {
  void SetUp() override { start(); }
  http_answer get(std::string_view target) { return ask(address, "GET", target); }
};

TEST_F(schedule_routes, the_history_goes_on_in_the_journal_at_its_cursor) {
  auto a = get("/api/schedules/nightly/history?cursor=end&limit=7");
  EXPECT_EQ(a.status, 200) << a.body;
  EXPECT_EQ(door.fires_before, position_t{0}) << "from the end";
  EXPECT_EQ(door.fires_limit, 7u);
  EXPECT_TRUE(has(a, R"("next":"41")")) << a.body;
  EXPECT_FALSE(has(a, "outcome")) << "not known, so not said";
  a = get("/api/schedules/nightly/history?cursor=41");
  EXPECT_EQ(door.fires_before, position_t{41});
  EXPECT_EQ(door.fires_limit, 50u);
}

TEST_F(schedule_routes, a_bad_page_is_refused_with_its_name) {
  for (const char* query : {"cursor=0", "cursor=-1", "cursor=some", "limit=0", "limit=1001"}) {
    const auto a = get(std::string("/api/schedules/nightly/history?") + query);
    EXPECT_EQ(a.status, 400) << query;
    EXPECT_TRUE(has(a, std::string(query, std::string_view(query).find('=')))) << a.body;
  }
}

}  // namespace

}  // namespace orrery::test
