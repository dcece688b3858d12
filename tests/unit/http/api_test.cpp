/// The table of routes, its schemas and its documents say the same.

#include "http/api.hpp"
#include "http/routes.hpp"
#include "http/topics.hpp"
#include "tests/support/process.hpp"
#include "tests/unit/http/server_fixture.hpp"

#include "codec/json.hpp"

#include <fstream>
#include <gtest/gtest.h>
#include <regex>
#include <set>
#include <sstream>

namespace orrery::test {

namespace {

using namespace http;

std::string text_of(const std::string& path) {
  std::ifstream file(source_dir() / path);
  EXPECT_TRUE(file) << path;
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

struct api : server_test {};

}  // namespace

TEST_F(api, every_route_says_what_it_is) {
  std::set<std::string_view> names;
  for (const auto& r : routes()) {
    EXPECT_TRUE(names.insert(r.name).second) << r.name << " is there twice";
    EXPECT_FALSE(r.name.empty() || r.group.empty() || r.description.empty()) << r.pattern;
    EXPECT_TRUE(r.description.ends_with('.')) << r.pattern;
    EXPECT_EQ(r.body != body_kind::none, !r.request.empty())
        << r.pattern << ": a body has a schema, and a schema of a body is checked";
    EXPECT_TRUE(r.request.empty() || schemas().find(r.request)) << r.request;
    EXPECT_TRUE(r.answer.empty() || schemas().find(r.answer)) << r.answer;
    EXPECT_NE(r.answers == media::json && r.status != 204, r.answer.empty()) << r.pattern;
  }
}

TEST_F(api, every_placeholder_of_a_path_is_a_declared_parameter) {
  for (const auto& r : routes()) {
    const std::string pattern(r.pattern);
    const std::regex placeholder("\\{([a-zA-Z]+)\\}");
    for (std::sregex_iterator it(pattern.begin(), pattern.end(), placeholder), end; it != end;
         ++it) {
      bool declared = false;
      std::stringstream keys{std::string(r.parameters)};
      for (std::string key; keys >> key;)
        if (const auto* p = schemas().find_parameter(key))
          declared = declared || (p->in_path && p->name == (*it)[1].str());
      EXPECT_TRUE(declared) << r.pattern << " " << (*it)[1];
    }
  }
}

TEST_F(api, no_row_hides_another) {
  for (const auto& r : routes()) {
    std::string path(r.pattern);
    path = std::regex_replace(path, std::regex("\\{[a-zA-Z]+\\}"), "x-1");
    EXPECT_EQ(find_route(r.verb, path).found, &r) << to_string(r.verb) << " " << r.pattern;
  }
}

TEST_F(api, the_document_has_every_route_and_no_other) {
  const auto& text = openapi_document();
  EXPECT_TRUE(codec::check_json(text));
  size_t operations = 0;
  for (auto at = text.find("\"operationId\":\""); at != std::string::npos;
       at = text.find("\"operationId\":\"", at + 1))
    ++operations;
  EXPECT_EQ(operations, routes().size());
  for (const auto& r : routes())
    EXPECT_TRUE(has(text, "\"operationId\":\"" + std::string(r.name) + "\"")) << r.name;
}

TEST_F(api, examples_fit_their_schemas) {
  for (const auto& name : schemas().names())
    for (const auto& example : schemas().examples(name)) {
      const auto ok = codec::check_value(*schemas().find(name), example);
      EXPECT_TRUE(ok) << name << ": " << ok.error().field << " " << ok.error().detail;
    }
}

TEST_F(api, every_member_that_the_codec_reads_has_a_schema) {
  const std::regex member("key == \"([a-zA-Z]+)\"");
  const std::vector<std::pair<std::string, std::vector<std::string>>> rooms = {
      {"codec/read_task.cpp",
       {"TaskSubmission", "RetryPolicy", "TaskCommand", "TaskRerun", "TaskComplete", "TaskFail"}},
      {"codec/operations.cpp", {"OperationRequest", "Operation"}},
      {"codec/read_order.cpp", {"OrderSubmission", "OrderCommand"}}};
  const auto all = schemas().section_text("schemas");
  for (const auto& [file, names] : rooms) {
    const auto text = text_of(file);
    for (std::sregex_iterator it(text.begin(), text.end(), member), end; it != end; ++it) {
      const auto name = (*it)[1].str();
      EXPECT_TRUE(has(all, "\"" + name + "\":"))
          << file << " reads " << name << ", and http/api/*.json does not know it";
    }
  }
}

TEST_F(api, every_topic_of_the_catalogue_is_described) {
  EXPECT_TRUE(codec::check_json(asyncapi_document()));
  for (const auto& t : topics())
    for (const auto& m : t.messages)
      EXPECT_TRUE(schemas().find(m.schema)) << m.schema;
  const auto catalogue = text_of("event_catalog.md");
  const std::regex heading("\n## ([a-z_]+_topic)");
  for (std::sregex_iterator it(catalogue.begin(), catalogue.end(), heading), end; it != end; ++it)
    EXPECT_TRUE(has(asyncapi_document(), "\"address\":\"" + (*it)[1].str() + "\"")) << (*it)[1];
}

TEST_F(api, the_examples_of_the_catalogue_fit_the_schemas) {
  const auto catalogue = text_of("event_catalog.md");
  const std::regex block("<!-- message: ([a-z_]+) -->\n```json\n([^`]*)```");
  size_t checked = 0;
  for (std::sregex_iterator it(catalogue.begin(), catalogue.end(), block), end; it != end; ++it) {
    const auto name = (*it)[1].str();
    for (const auto& t : topics()) {
      if (t.name != name)
        continue;
      bool fits = false;
      std::string why;
      for (const auto& m : t.messages) {
        const auto ok = codec::check_value(*schemas().find(m.schema), (*it)[2].str());
        fits = fits || ok;
        why += ok ? "" : " " + ok.error().field + " " + ok.error().detail;
      }
      EXPECT_TRUE(fits) << name << (*it)[2] << why;
      ++checked;
    }
  }
  EXPECT_GT(checked, 10u);
}

TEST_F(api, a_request_is_checked_against_the_schema_before_its_handler) {
  start();
  const auto post = [&](std::string_view body) {
    return ask(address, "POST", "/api/tasks", body, "Content-Type: application/json\r\n");
  };
  auto a = post(R"({"kind":"noop","status":"SUCCEEDED"})");
  EXPECT_EQ(a.status, 400);
  EXPECT_TRUE(has(a.body, R"("field":"status","message":"is set by the server")")) << a.body;
  a = post(R"({"kind":"noop","retry":{"maxAttempts":0}})");
  EXPECT_EQ(a.status, 400);
  EXPECT_TRUE(has(a.body, R"("field":"retry.maxAttempts")")) << a.body;
  EXPECT_TRUE(door.submitted().empty());
  EXPECT_EQ(post(R"({"kind":"noop","colour":"red"})").status, 200) << "unknown members are ignored";
  EXPECT_EQ(ask(address, "GET", "/api/tasks?colour=red").status, 400);
}

TEST_F(api, the_documents_and_the_page_are_served_from_here) {
  start();
  EXPECT_EQ(ask(address, "GET", "/openapi.json").body, openapi_document());
  EXPECT_EQ(ask(address, "GET", "/asyncapi.json").body, asyncapi_document());
  const auto page = ask(address, "GET", "/docs");
  EXPECT_EQ(page.status, 200);
  EXPECT_EQ(page.field("content-type"), "text/html; charset=utf-8");
  const std::regex source("(src|href)=\"([^\"]*)\"");
  for (std::sregex_iterator it(page.body.begin(), page.body.end(), source), end; it != end; ++it)
    EXPECT_TRUE((*it)[2].str().starts_with("/")) << "the page names no other host";
  EXPECT_EQ(ask(address, "GET", "/docs/docs.js").field("content-type"),
            "text/javascript; charset=utf-8");
  EXPECT_EQ(ask(address, "GET", "/docs/nothing.js").status, 404);
  EXPECT_EQ(ask(address, "GET", "/docs/..%2fapi%2ftasks.json").status, 404);
}

}  // namespace orrery::test
