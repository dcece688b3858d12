#include "codec/json.hpp"
#include "tests/unit/codec/samples.hpp"

#include <cmath>
#include <gtest/gtest.h>
#include <limits>
#include <nlohmann/json.hpp>
#include <rapidcheck/gtest.h>

namespace orrery::codec {

namespace {

using namespace test;

std::string as_json(std::string_view text) {
  std::string out;
  append_string(out, text);
  return out;
}

}  // namespace

TEST(append_string, escapes_what_json_asks_for_and_nothing_else) {
  EXPECT_EQ(as_json(""), R"("")");
  EXPECT_EQ(as_json("a/b"), R"("a/b")");
  EXPECT_EQ(as_json("\"\\\b\f\n\r\t\x01\x1f"), R"("\"\\\b\f\n\r\t\u0001\u001f")");
  EXPECT_EQ(as_json(std::string("a\0b", 3)), R"("a\u0000b")");
  EXPECT_EQ(as_json("Größe 𝄞"), "\"Größe 𝄞\"");
}

TEST(append_string, replaces_what_is_not_utf_8) {
  EXPECT_EQ(as_json("\xff"), "\"\xef\xbf\xbd\"");
  EXPECT_EQ(as_json("a\xc3"), "\"a\xef\xbf\xbd\"");                // cut
  EXPECT_EQ(as_json("\xc0\xaf"), "\"\xef\xbf\xbd\xef\xbf\xbd\"");  // overlong
  EXPECT_EQ(as_json("\xe0\x80\x80x"), "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbdx\"");
  EXPECT_TRUE(check_json(as_json("\xed\xa0\x80")));      // surrogate
  EXPECT_TRUE(check_json(as_json("\xf4\x90\x80\x80")));  // beyond U+10FFFF
}

RC_GTEST_PROP(append_string, is_read_back_by_any_parser, ()) {
  const auto text = nasty_text(20);
  RC_ASSERT(nlohmann::json::parse(as_json(text)).get<std::string>() == text);
}

RC_GTEST_PROP(append_string, makes_valid_json_of_any_bytes, (const std::string& bytes)) {
  RC_ASSERT(nlohmann::json::accept(as_json(bytes)));
}

TEST(append_minified, takes_the_white_space_between_tokens_and_nothing_else) {
  std::string out;
  append_minified(out, " { \"a b\" :\r\n[ 1.0 ,\t\"\\\" x \\\\\" , {} ] } ");
  EXPECT_EQ(out, R"({"a b":[1.0,"\" x \\",{}]})");
}

RC_GTEST_PROP(append_minified, stays_within_any_bytes, (const std::string& bytes)) {
  std::string out;
  append_minified(out, bytes + "\"\\");
  RC_ASSERT(out.size() <= bytes.size() + 2);
}

TEST(json_writer, sets_commas_where_they_belong) {
  std::string out;
  json_writer w(out);
  w.begin_object().field("a", 1).key("b").begin_array().value(true).null().begin_object();
  w.end_object().begin_array().end_array().end_array().field("c", "x").end_object();
  EXPECT_EQ(out, R"({"a":1,"b":[true,null,{},[]],"c":"x"})");
}

TEST(json_writer, writes_values_of_every_kind) {
  std::string out;
  json_writer w(out);
  w.begin_array().value(std::numeric_limits<int64_t>::min());
  w.value(std::numeric_limits<uint64_t>::max()).value(-7).value(0.1).value(1e300).value(2.0);
  w.value(std::nan("")).value(never).value(from_micros(1'000'000)).value(uuid{}).raw("[1]");
  w.end_array();
  EXPECT_EQ(out, R"([-9223372036854775808,18446744073709551615,-7,0.1,1e+300,2,null,null,)"
                 R"("1970-01-01T00:00:01.000000Z","00000000-0000-0000-0000-000000000000",[1]])");
}

TEST(json_writer, leaves_optional_fields_out) {
  std::string out;
  json_writer w(out);
  w.begin_object().optional_field("a", "").optional_field("b", "x").end_object();
  EXPECT_EQ(out, R"({"b":"x"})");
}

TEST(check_json, takes_any_one_value) {
  for (const char* text :
       {"0", "null", " true ", R"("x")", "[]", R"({"a":[{"b":null}]})", "-0.5e-3"})
    EXPECT_TRUE(check_json(text)) << text;
}

TEST(check_json, refuses_what_is_none_and_says_where) {
  for (const char* text :
       {"",     " ",      "{",       "}",           "[1,]",   "{\"a\":1,}", "{a:1}",    "'a'",
        "01",   "1.",     ".5",      "+1",          "nul",    "NaN",        "Infinity", "1 2",
        "[1]x", "\"\n\"", "\"\\x\"", "\"\\ud834\"", "/*c*/1", "\"a",        "1e999"})
    EXPECT_FALSE(check_json(text)) << text;
  EXPECT_EQ(check_json("[1, x]").error().detail, "is not valid JSON (near byte 5)");
}

TEST(check_json, refuses_what_is_not_utf_8) {
  const auto read = check_json("\"a\xff\"");
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().detail, "is not valid UTF-8 (near byte 3)");
  EXPECT_FALSE(check_json("\"\xc0\xaf\""));
  EXPECT_FALSE(check_json("\"\xed\xa0\x80\""));
}

TEST(check_json, refuses_nul_in_any_dress) {
  EXPECT_FALSE(check_json(std::string("1\0", 2)));
  EXPECT_FALSE(check_json(R"("a\u0000b")"));
  EXPECT_FALSE(check_json(R"({"a\u0000":1})"));
}

TEST(check_json, keeps_the_limits_of_depth_and_keys) {
  const auto nested = [](size_t depth) {
    return std::string(depth, '[') + std::string(depth, ']');
  };
  EXPECT_TRUE(check_json(nested(limits::json_depth)));
  EXPECT_FALSE(check_json(nested(limits::json_depth + 1)));
  EXPECT_FALSE(check_json(std::string(1'000'000, '[')));
  const auto wide = [](size_t keys) {
    std::string text = "{";
    for (size_t i = 0; i < keys; ++i)
      text += (i == 0 ? "\"k\":0" : ",\"k\":0");
    return text + "}";
  };
  EXPECT_TRUE(check_json(wide(limits::json_keys)));
  EXPECT_FALSE(check_json(wide(limits::json_keys + 1)));
}

}  // namespace orrery::codec
