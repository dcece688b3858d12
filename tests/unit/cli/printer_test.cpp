/// What people and scripts read.

#include "app/cli/printer.hpp"

#include <gtest/gtest.h>

namespace {

using namespace orrery;
using namespace orrery::cli;
using codec::json_tree;

json_tree tree(std::string_view text) {
  auto read = json_tree::read(text);
  EXPECT_TRUE(read) << text;
  return read ? std::move(*read) : json_tree{};
}

const json_tree& tasks() {
  static const auto list = tree(R"({"items":[
    {"taskId":"t-1","status":"RUNNING","kind":"sleep","queue":"default","run":1,"attempt":2,
     "createdAt":"2026-11-21T10:00:00.000000Z","worker":"node-1"},
    {"taskId":"t-22","status":"FAILED","kind":"a","queue":"mail","run":1,
     "createdAt":"2026-11-19T09:00:00Z","reason":"ttl"}],"next":null})");
  return list;
}

std::string shown(output_form form, bool headers = true) {
  return print(tasks(), {form, find_command("tasks", "list")->row, headers,
                         *parse_time("2026-11-21T10:05:00Z")});
}

TEST(printing, a_table_has_one_row_for_each_object) {
  EXPECT_EQ(shown(output_form::text),
            "ID     STATUS    KIND    QUEUE     RUN   ATTEMPT   AGE\n"
            "t-1    RUNNING   sleep   default   1     2         5m\n"
            "t-22   FAILED    a       mail      1     <none>    2d\n");
  EXPECT_EQ(shown(output_form::text, false).find("ID "), std::string::npos);
}

TEST(printing, wide_has_more_columns) {
  EXPECT_NE(shown(output_form::wide).find("WORKER"), std::string::npos);
  EXPECT_NE(shown(output_form::wide).find("node-1"), std::string::npos);
}

TEST(printing, names_are_ids_one_a_line) { EXPECT_EQ(shown(output_form::name), "t-1\nt-22\n"); }

TEST(printing, json_lines_are_the_items_as_they_came) {
  const auto text = shown(output_form::jsonl);
  EXPECT_EQ(
      text.substr(0, text.find('\n')),
      R"({"taskId":"t-1","status":"RUNNING","kind":"sleep","queue":"default","run":1,"attempt":2,)"
      R"("createdAt":"2026-11-21T10:00:00.000000Z","worker":"node-1"})");
}

TEST(printing, json_is_the_answer_itself) {
  const auto again = tree(shown(output_form::json));
  std::string a;
  std::string b;
  again.write(a);
  tasks().write(b);
  EXPECT_EQ(a, b);
}

TEST(printing, yaml_quotes_what_would_be_read_as_something_else) {
  const auto value = tree(
      R"({"a":"plain text","b":"yes","c":"12","d":12,"e":null,"f":[],"g":{},"h":"x: y","i":"two\nlines",)"
      R"("list":[{"k":1,"l":[2,3]},"z",[4]],"deep":{"er":{"x":true}},"2":"","j":"#no","at":"2026-11-21"})");
  EXPECT_EQ(print(value, {.form = output_form::yaml}), R"(a: plain text
b: "yes"
c: "12"
d: 12
e: null
f: []
g: {}
h: "x: y"
i: "two\nlines"
list:
  - k: 1
    l:
      - 2
      - 3
  - z
  - - 4
deep:
  er:
    x: true
"2": ""
j: "#no"
at: "2026-11-21"
)");
}

TEST(printing, an_object_is_shown_member_by_member) {
  EXPECT_EQ(print(tree(R"({"taskId":"t","payload":{"a":1},"tags":["x","y"],"none":null})"), {}),
            "taskId    t\npayload   {\"a\":1}\ntags      x,y\n");
}

TEST(printing, no_control_character_reaches_the_terminal) {
  const auto text = print(tree(R"({"reason":"red\u001b[31m\u009b0m\r\nend"})"), {});
  EXPECT_EQ(text, "reason   red [31m 0m  end\n");
}

TEST(printing, ages_are_short) {
  const auto now = *parse_time("2026-11-21T10:00:00Z");
  EXPECT_EQ(age_of("2026-11-21T09:59:58Z", now), "2s");
  EXPECT_EQ(age_of("2026-11-21T09:30:00Z", now), "30m");
  EXPECT_EQ(age_of("2026-11-20T23:00:00Z", now), "11h");
  EXPECT_EQ(age_of("2026-11-11T10:00:00Z", now), "10d");
  EXPECT_EQ(age_of("2027-01-01T00:00:00Z", now), "0s");
  EXPECT_EQ(age_of("soon", now), "<none>");
}

TEST(json_trees, keep_order_and_numbers_as_they_were_written) {
  const std::string text = R"({"z":1.10,"a":[1e3,-0,123456789012345678901],"m":{"b":"\u00e4"}})";
  std::string out;
  tree(text).write(out);
  EXPECT_EQ(out, R"({"z":1.10,"a":[1e3,0,123456789012345678901],"m":{"b":"ä"}})");
  EXPECT_EQ(tree(text).find("m.b")->scalar, "ä");
  EXPECT_EQ(tree(text).find("m.c"), nullptr);
  EXPECT_FALSE(json_tree::read("{\"a\":}"));
}

}  // namespace
