/// The commands of the API client: made from the routes, none forgotten.

#include "app/cli/command_table.hpp"
#include "app/cli/exit_codes.hpp"
#include "app/cli/invocation.hpp"
#include "app/cli/tree.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <fstream>
#include <gtest/gtest.h>
#include <set>

namespace {

using namespace orrery;
using namespace orrery::cli;

/// A command with these words, as if they had been typed.
struct typed {
  explicit typed(std::string_view noun, std::string_view verb) : what(find_command(noun, verb)) {
    if (what != nullptr)
      options = options_of(*what->route);
    wish.what = what;
  }
  typed& with(const std::string& option, std::vector<std::string> words) {
    const auto found = std::find_if(options.begin(), options.end(),
                                    [&](const route_option& o) { return o.option == option; });
    EXPECT_NE(found, options.end()) << option;
    if (found != options.end())
      wish.given.emplace_back(&*found, std::move(words));
    return *this;
  }
  result<http::client_request> request() { return make_request(wish); }

  const command* what;
  std::vector<route_option> options;
  invocation wish;
};

TEST(command_table, has_a_command_for_every_route_but_pages_and_the_stream) {
  const std::set<std::string_view> others = {"getDocsPage", "getStartPage", "getDocsAsset",
                                             "streamEvents", "streamLogLines"};
  for (const auto& r : http::routes()) {
    const bool has = std::any_of(commands().begin(), commands().end(),
                                 [&](const command& c) { return c.route == &r; });
    EXPECT_EQ(has, others.count(r.name) == 0) << r.name;
  }
}

TEST(command_table, names_no_command_twice_and_no_route_that_is_not_there) {
  std::set<std::string> seen;
  for (const auto& c : commands()) {
    EXPECT_TRUE(seen.insert(std::string(c.row.noun) + " " + std::string(c.row.verb)).second)
        << c.row.noun << ' ' << c.row.verb;
    EXPECT_NE(c.route, nullptr);
  }
}

TEST(command_table, gives_no_name_twice_to_nouns_or_verbs) {
  std::set<std::string_view> seen;
  for (const auto& noun : nouns()) {
    EXPECT_TRUE(seen.insert(noun.name).second) << noun.name;
    for (const auto other : other_names_of_noun(noun.name))
      EXPECT_TRUE(seen.insert(other).second) << other;
  }
  EXPECT_EQ(other_names_of_noun("letters"), (std::vector<std::string_view>{"letter", "dlq"}));
  for (const auto& c : commands()) {
    const auto other = other_name_of_verb(c.row.verb);
    EXPECT_TRUE(other.empty() || find_command(c.row.noun, other) == nullptr)
        << c.row.noun << ' ' << other;
  }
}

TEST(command_tree, takes_every_command_of_the_table_without_a_clash_of_options) {
  CLI::App app;
  int status = 0;
  add_api_commands(app, status);
  add_account_commands(app, status);
  add_document_commands(app, status);
  for (const auto& c : commands()) {
    const auto* noun = app.get_subcommand(std::string(c.row.noun));
    const auto* verb = noun->get_subcommand(std::string(c.row.verb));
    EXPECT_NE(verb->get_option_no_throw("--output"), nullptr) << c.row.noun << c.row.verb;
    EXPECT_NE(verb->get_option_no_throw("--server"), nullptr) << c.row.noun << c.row.verb;
    for (const auto& option : options_of(*c.route))
      EXPECT_NE(verb->get_option_no_throw(option.option), nullptr)
          << c.row.noun << ' ' << c.row.verb << ' ' << option.option;
  }
}

TEST(requests, put_words_into_path_and_query_encoded) {
  auto get = typed("orders", "get").with("id", {"a b/c?d"}).request();
  ASSERT_TRUE(get) << get.error().detail;
  EXPECT_EQ(get->verb, "GET");
  EXPECT_EQ(get->target, "/api/orders/a%20b%2Fc%3Fd");
  auto list = typed("tasks", "list")
                  .with("--status", {"QUEUED", "RUNNING"})
                  .with("--created-from", {"2026-11-21T10:00:00Z"})
                  .request();
  ASSERT_TRUE(list);
  EXPECT_EQ(list->target,
            "/api/tasks?status=QUEUED%2CRUNNING&createdFrom=2026-11-21T10%3A00%3A00Z");
  EXPECT_EQ(list->body, "");
}

TEST(requests, make_a_parameter_of_each_field_of_the_metadata) {
  auto list = typed("orders", "list").with("--metadata", {"channel=web", "note=a=b c"}).request();
  ASSERT_TRUE(list) << list.error().detail;
  EXPECT_EQ(list->target, "/api/orders?metadata.channel=web&metadata.note=a%3Db%20c");
  auto wrong = typed("orders", "list").with("--metadata", {"web"}).request();
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().field, "--metadata");
}

TEST(requests, make_json_of_options_by_the_types_of_the_schema) {
  auto one = typed("tasks", "submit")
                 .with("--kind", {"sleep"})
                 .with("--priority", {"2"})
                 .with("--payload", {R"({"seconds":1})"})
                 .with("--tags", {"a", "b"})
                 .with("--description", {"12"})
                 .request();
  ASSERT_TRUE(one) << one.error().detail;
  EXPECT_EQ(
      one->body,
      R"({"kind":"sleep","priority":2,"payload":{"seconds":1},"tags":["a","b"],"description":"12"})");
}

TEST(requests, take_what_is_no_json_for_text_where_any_value_may_stand) {
  auto one =
      typed("tasks", "submit").with("--kind", {"a"}).with("--payload", {"hello you"}).request();
  ASSERT_TRUE(one);
  EXPECT_EQ(one->body, R"({"kind":"a","payload":"hello you"})");
}

TEST(requests, refuse_a_number_that_is_none_and_name_the_option) {
  auto one = typed("tasks", "submit").with("--priority", {"high"}).request();
  ASSERT_FALSE(one);
  EXPECT_EQ(one.error().field, "--priority");
}

TEST(requests, put_options_and_sets_over_the_file) {
  const auto path = std::string(testing::TempDir()) + "/orrery-cli-body.json";
  std::ofstream(path) << R"({"kind":"a","retry":{"maxAttempts":1,"kind":"fixed"},"ttl":"5s"})";
  typed one("tasks", "submit");
  one.with("--ttl", {"9s"});
  one.wish.file = path;
  one.wish.sets = {"retry.maxAttempts=7", "queue=mail"};
  const auto request = one.request();
  ASSERT_TRUE(request) << request.error().detail;
  EXPECT_EQ(request->body,
            R"({"kind":"a","retry":{"maxAttempts":7,"kind":"fixed"},"ttl":"9s","queue":"mail"})");
}

TEST(requests, know_lines_from_one_value) {
  const auto path = std::string(testing::TempDir()) + "/orrery-cli-batch";
  typed one("tasks", "submit-batch");
  one.wish.file = path;
  std::ofstream(path) << "{\"kind\":\"a\"}\n{\"kind\":\"b\"}\n";
  EXPECT_EQ(one.request()->type, "application/x-ndjson");
  std::ofstream(path) << "[\n {\"kind\":\"a\"},\n {\"kind\":\"b\"}]\n";
  EXPECT_EQ(one.request()->type, "application/json");
}

TEST(requests, take_no_secret_from_the_command_line) {
  auto one =
      typed("users", "create").with("--name", {"ann"}).with("--password", {"open"}).request();
  ASSERT_FALSE(one);
  EXPECT_EQ(one.error().field, "--password");
  const auto path = std::string(testing::TempDir()) + "/orrery-cli-secret";
  std::ofstream(path) << "from a file\n";
  auto other = typed("users", "create").with("--password", {"@" + path}).request();
  ASSERT_TRUE(other);
  EXPECT_EQ(other->body, R"({"password":"from a file"})");
}

TEST(exit_codes, follow_the_status_of_the_answer) {
  EXPECT_EQ(exit_of(201), exit_ok);
  EXPECT_EQ(exit_of(400), exit_usage);
  EXPECT_EQ(exit_of(401), exit_unauthorised);
  EXPECT_EQ(exit_of(403), exit_unauthorised);
  EXPECT_EQ(exit_of(404), exit_not_found);
  EXPECT_EQ(exit_of(409), exit_conflict);
  EXPECT_EQ(exit_of(422), exit_conflict);
  EXPECT_EQ(exit_of(503), exit_unavailable);
  EXPECT_EQ(exit_of(504), exit_timed_out);
  EXPECT_EQ(exit_of(500), exit_failed);
}

}  // namespace
