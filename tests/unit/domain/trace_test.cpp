#include "domain/ports/node_logs.hpp"
#include "domain/trace.hpp"

#include <gtest/gtest.h>

namespace orrery {
namespace {

const std::string from_client = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
const entity_id some_id{uuid{0x019a9c3e7b217005ULL, 0x9c4a2f6d81e0b733ULL}};

TEST(trace, reads_and_writes_a_traceparent) {
  const auto context = parse_traceparent(from_client);
  ASSERT_TRUE(context);
  EXPECT_TRUE(context->sampled);
  EXPECT_EQ(to_string(*context), from_client);
  EXPECT_EQ(to_string(context->trace), "0af7651916cd43dd8448eb211c80319c");
}

TEST(trace, refuses_what_the_standard_refuses) {
  for (const auto* text : {"", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331",
                           "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
                           "00-00000000000000000000000000000000-b7ad6b7169203331-01",
                           "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
                           "00-0AF7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
                           "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more"})
    EXPECT_FALSE(parse_traceparent(text)) << text;
  EXPECT_TRUE(
      parse_traceparent("cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-of-later"));
}

TEST(trace, of_an_entity_is_the_one_it_came_with_or_one_of_its_own) {
  EXPECT_EQ(to_string(trace_of(from_client, some_id)), "0af7651916cd43dd8448eb211c80319c");
  EXPECT_EQ(trace_of({}, some_id), trace_of("nonsense", some_id));
  EXPECT_NE(trace_of({}, some_id), trace_of({}, entity_id{uuid{1, 2}}));
  EXPECT_TRUE(parse_traceparent(root_traceparent(some_id)));
}

TEST(trace, spans_of_runs_and_attempts_differ_and_come_again_the_same) {
  EXPECT_EQ(span_of(some_id, 1, 2), span_of(some_id, 1, 2));
  EXPECT_NE(span_of(some_id, 1, 2), span_of(some_id, 2, 1));
  EXPECT_NE(span_of(some_id, 1, 0), no_parent_of(some_id));
  EXPECT_TRUE(is_sampled(traceparent_in(from_client, some_id, 1, 1)));
  EXPECT_FALSE(is_sampled(traceparent_in({}, some_id, 1, 1)));
}

TEST(trace, the_cheap_look_at_the_flags_sees_what_the_whole_one_does) {
  for (const char digit : std::string("0123456789abcdef")) {
    auto text = from_client;
    text.back() = digit;
    EXPECT_EQ(is_sampled(text), parse_traceparent(text)->sampled) << text;
  }
}

TEST(trace, records_about_the_part_that_is_asked_for) {
  size_t recorded = 0;
  for (uint64_t i = 0; i < 10'000; ++i)
    recorded += is_recorded(trace_of({}, entity_id{uuid{i, ~i}}), 0.25);
  EXPECT_GT(recorded, 2'300U);
  EXPECT_LT(recorded, 2'700U);
  EXPECT_TRUE(is_recorded({1, ~0ULL}, 1));
  EXPECT_FALSE(is_recorded({1, 1}, 0));
}

TEST(log_line, fits_by_level_text_time_node_and_trace) {
  const std::string line = R"({"time":"2026-11-21T10:00:00.000000Z","level":"warning","node":"a",)"
                           R"("event":"lease.resumed","trace":"0af7651916cd43dd8448eb211c80319c"})";
  const auto at = *parse_time("2026-11-21T10:00:00Z");
  EXPECT_TRUE(fits({}, line));
  EXPECT_TRUE(
      fits({.least = log::level::warning, .text = "RESUMED", .from = at, .node = "a"}, line));
  EXPECT_FALSE(fits({.least = log::level::error}, line));
  EXPECT_FALSE(fits({.to = at}, line));
  EXPECT_FALSE(fits({.node = "b"}, line));
  EXPECT_TRUE(fits({.trace = "0af7651916cd43dd8448eb211c80319c"}, line));
  EXPECT_FALSE(fits({.trace = "1af7651916cd43dd8448eb211c80319c"}, line));
  EXPECT_FALSE(fits({}, "not one of ours"));
}

}  // namespace
}  // namespace orrery
