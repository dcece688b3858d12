/// Schemas: what is understood is enforced, what is not understood is refused at loading.

#include "codec/schema.hpp"

#include <gtest/gtest.h>

namespace orrery::codec {

namespace {

schema_set loaded(std::string_view schemas, std::string_view parameters = "{}") {
  const auto text =
      "{\"schemas\":" + std::string(schemas) + ",\"parameters\":" + std::string(parameters) + "}";
  auto set = schema_set::load({text});
  EXPECT_TRUE(set) << set.error().detail;
  return std::move(*set);
}

/// `field: sentence`, or empty where the value fits.
std::string verdict(std::string_view schema, std::string_view value) {
  const auto set = loaded("{\"X\":" + std::string(schema) + "}");
  const auto ok = check_value(*set.find("X"), value);
  return ok ? "" : ok.error().field + ": " + ok.error().detail;
}

}  // namespace

TEST(schema, types_are_enforced) {
  EXPECT_EQ(verdict(R"({"type":"string"})", R"("a")"), "");
  EXPECT_EQ(verdict(R"({"type":"string"})", "1"), ": must be a string");
  EXPECT_EQ(verdict(R"({"type":"integer"})", "1.0"), "");
  EXPECT_EQ(verdict(R"({"type":"integer"})", "1.5"), ": must be a whole number");
  EXPECT_EQ(verdict(R"({"type":"number"})", "1.5e3"), "");
  EXPECT_EQ(verdict(R"({"type":"boolean"})", "\"true\""), ": must be true or false");
  EXPECT_EQ(verdict(R"({"type":["string","null"]})", "null"), "");
  EXPECT_EQ(verdict(R"({"type":["string","null"]})", "[]"), ": must be a string or null");
  EXPECT_EQ(verdict(R"({"type":"object"})", "[{}]"), ": must be a JSON object");
  EXPECT_EQ(verdict("{}", R"({"anything":[1,"a",null]})"), "");
}

TEST(schema, members_are_named_by_their_path) {
  const auto* s =
      R"({"type":"object","properties":{"retry":{"type":"object","properties":{"max":{"type":"integer"}}},
          "list":{"type":"array","items":{"type":"string"}}},"required":["retry"]})";
  EXPECT_EQ(verdict(s, R"({"retry":{"max":"x"}})"), "retry.max: must be a whole number");
  EXPECT_EQ(verdict(s, R"({"retry":{},"list":["a",7]})"), "list[1]: must be a string");
  EXPECT_EQ(verdict(s, "{}"), "retry: is missing");
  EXPECT_EQ(verdict(s, R"({"retry":null})"), "retry: is missing");
  EXPECT_EQ(verdict(s, R"({"retry":{"max":null},"list":null})"), "");
}

TEST(schema, unknown_members_are_refused_only_where_the_schema_is_closed) {
  EXPECT_EQ(verdict(R"({"type":"object","properties":{}})", R"({"a":{"b":[1,{"c":"}"}]}})"), "");
  EXPECT_EQ(verdict(R"({"type":"object","properties":{},"additionalProperties":false})",
                    R"({"role":"admin"})"),
            "role: is not known here");
}

TEST(schema, what_only_the_server_sets_is_refused) {
  const auto* s = R"({"type":"object","properties":{"status":{"type":"string","readOnly":true}}})";
  EXPECT_EQ(verdict(s, R"({"status":"SUCCEEDED"})"), "status: is set by the server");
  EXPECT_EQ(verdict(s, R"({"status":null})"), "");
}

TEST(schema, lengths_bounds_choices_and_formats) {
  EXPECT_EQ(verdict(R"({"type":"string","maxLength":3})", R"("äöü")"), "");
  EXPECT_EQ(verdict(R"({"type":"string","maxLength":3})", R"("a\u00e4\n")"), "");
  EXPECT_EQ(verdict(R"({"type":"string","maxLength":3})", R"("abcd")"),
            ": must have at most 3 characters");
  EXPECT_EQ(verdict(R"({"type":"string","minLength":1})", R"("")"), ": is empty");
  EXPECT_EQ(verdict(R"({"type":"integer","minimum":1})", "0"), ": must be at least 1");
  EXPECT_EQ(verdict(R"({"type":"integer","maximum":5})", "6"), ": must be at most 5");
  EXPECT_EQ(verdict(R"({"type":"integer","maximum":5})", "1e300"), ": must be at most 5");
  EXPECT_EQ(verdict(R"({"type":"string","enum":["a","b"]})", R"("c")"), ": must be one of a, b");
  EXPECT_EQ(verdict(R"({"type":"string","format":"time-span"})", R"("30s")"), "");
  EXPECT_EQ(verdict(R"({"type":"string","format":"time-span"})", R"("soon")"),
            ": must be a duration, as PT30S or 30s");
  EXPECT_EQ(verdict(R"({"type":"string","format":"date-time"})", R"("2026-11-21T10:00:00Z")"), "");
  EXPECT_NE(verdict(R"({"type":"string","format":"date-time"})", R"("today")"), "");
  EXPECT_NE(verdict(R"({"type":"string","format":"uuid"})", R"("7")"), "");
  EXPECT_EQ(verdict(R"({"type":"array","maxItems":1})", "[1,2]"), ": must have at most 1 elements");
}

TEST(schema, any_of_takes_the_first_that_fits) {
  const auto* s =
      R"({"anyOf":[{"type":"integer"},{"type":"object","properties":{"a":{"type":"string"}}}]})";
  EXPECT_EQ(verdict(s, "7"), "");
  EXPECT_EQ(verdict(s, R"({"a":"x"})"), "");
  EXPECT_EQ(verdict(s, R"({"a":1})"), "a: must be a string");
}

TEST(schema, what_is_not_json_is_left_to_its_reader) {
  for (const auto* text : {"", "{", "{\"a\"}", "{\"a\":}", "tru", "-", "\"a", "}", "{]"})
    EXPECT_EQ(verdict(R"({"type":"object","properties":{"a":{"type":"integer"}}})", text), "")
        << text;
  EXPECT_EQ(verdict(R"({"type":"array"})", std::string(100'000, '[')), "");
  EXPECT_EQ(verdict("{}", std::string(1'000'000, '[')), "");
}

TEST(schema, a_batch_has_three_forms) {
  const auto set = loaded(R"({"X":{"type":"object","properties":{"a":{"type":"integer"}}}})");
  const auto& x = *set.find("X");
  for (const auto* good : {R"([{"a":1},{"a":2}])", R"({"items":[{"a":1}]})",
                           "{\"a\":1}\n{\"a\":2}\n", R"({"a":1})", "", "  "})
    EXPECT_TRUE(check_batch(x, good)) << good;
  for (const auto* bad : {R"([{"a":1},{"a":"x"}])", R"({"items":[{"a":1},{"a":"x"}]})",
                          "{\"a\":1}\n{\"a\":\"x\"}\n"}) {
    const auto told = check_batch(x, bad);
    ASSERT_FALSE(told) << bad;
    EXPECT_EQ(told.error().field, "items[1].a") << bad;
  }
}

TEST(schema, parameters_are_text) {
  const auto set = loaded("{}", R"({
    "n":{"name":"limit","in":"query","schema":{"type":"integer","minimum":1}},
    "l":{"name":"status","in":"query","schema":{"type":"array","items":{"type":"string","enum":["A","B"]}}},
    "b":{"name":"flag","in":"query","schema":{"type":"boolean"}}})");
  const auto told = [&](std::string_view key, std::string_view text) {
    const auto* p = set.find_parameter(key);
    const auto ok = check_parameter(*p->schema, text, p->name);
    return ok ? std::string() : ok.error().field + ": " + ok.error().detail;
  };
  EXPECT_EQ(told("n", "7"), "");
  EXPECT_EQ(told("n", "0"), "limit: must be at least 1");
  EXPECT_EQ(told("n", "7x"), "limit: must be a whole number");
  EXPECT_EQ(told("l", "A,B"), "");
  EXPECT_EQ(told("l", "A,C"), "status: must be one of A, B");
  EXPECT_EQ(told("b", "yes"), "flag: must be true or false");
}

TEST(schema, a_keyword_that_nobody_checks_is_refused_at_loading) {
  for (const auto* bad :
       {R"({"schemas":{"X":{"pattern":"a"}}})", R"({"schemas":{"X":{"type":"text"}}})",
        R"({"schemas":{"X":{"format":"email"}}})",
        R"({"schemas":{"X":{"$ref":"#/components/schemas/Y"}}})",
        R"({"schemas":{"X":{"properties":{},"required":["a"]}}})", R"({"schemas":{"X":7}})", "{",
        "7"})
    EXPECT_FALSE(schema_set::load({bad})) << bad;
  EXPECT_FALSE(schema_set::load({R"({"schemas":{"X":{}}})", R"({"schemas":{"X":{}}})"}));
}

}  // namespace orrery::codec
