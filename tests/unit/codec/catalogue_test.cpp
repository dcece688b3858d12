/// The examples of event_catalog.md are what the code reads and writes.

#include "codec/messages.hpp"
#include "tests/support/process.hpp"

#include <fstream>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

namespace orrery::codec {

namespace {

using json = nlohmann::ordered_json;

struct example {
  std::string name;
  json value;
};

std::string text_of(const std::filesystem::path& path) {
  std::ifstream file(test::source_dir() / path);
  EXPECT_TRUE(file) << path;
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

/// The JSON blocks that follow `<!-- what: name -->`.
std::vector<example> examples_of(const std::string& what) {
  const auto text = text_of("event_catalog.md");
  const auto mark = "<!-- " + what + ": ";
  std::vector<example> found;
  for (auto at = text.find(mark); at != std::string::npos; at = text.find(mark, at + 1)) {
    const auto name = at + mark.size();
    const auto block = text.find("```json\n", at) + 8;
    const auto end = text.find("```", block);
    found.push_back({text.substr(name, text.find(' ', name) - name),
                     json::parse(text.substr(block, end - block))});
  }
  return found;
}

void check_intake(intake topic, const json& shown) {
  const auto read = read_intake(topic, shown.dump());
  ASSERT_TRUE(read) << shown << read.error().field << read.error().detail;
  const auto id = parse_entity_id(read->id_text);
  const auto written = json::parse(write_intake(id ? *id : entity_id{}, read->command));
  for (const auto& [key, value] : shown.items()) {
    ASSERT_TRUE(written.contains(key)) << key << " is not known: " << shown;
    EXPECT_EQ(written[key], value) << shown;
  }
}

}  // namespace

TEST(catalogue, messages_are_what_the_code_reads_and_writes) {
  std::set<std::string> topics;
  for (const auto& [topic, shown] : examples_of("message")) {
    topics.insert(topic);
    if (topic == "order_topic" || topic == "task_topic") {
      check_intake(topic == "order_topic" ? intake::orders : intake::tasks, shown);
    } else if (topic == "order_status_topic") {
      const auto read = read_order_status(shown.dump());
      ASSERT_TRUE(read) << shown << read.error().field << read.error().detail;
      EXPECT_EQ(write(*read), shown.dump());
    } else if (topic == "schedule_status_topic") {
      const auto read = read_schedule_status(shown.dump());
      ASSERT_TRUE(read) << shown << read.error().field << read.error().detail;
      EXPECT_EQ(write(*read), shown.dump());
    } else {
      const auto read = read_task_status(shown.dump());
      ASSERT_TRUE(read) << shown << read.error().field << read.error().detail;
      EXPECT_EQ(write(*read), shown.dump());
    }
  }
  EXPECT_EQ(topics.size(), 5u);
}

TEST(catalogue, shows_every_event_with_members_that_it_has) {
  std::set<std::string> shown_events;
  for (const auto& [name, shown] : examples_of("event")) {
    shown_events.insert(name);
    EXPECT_EQ(shown["type"], name);
    // The golden file holds the event with all its members, in the order they are written in.
    const auto all = json::parse(text_of("tests/golden/json/event_" + name + ".json"));
    auto at = all.begin();
    for (const auto& [key, value] : shown.items()) {
      while (at != all.end() && at.key() != key)
        ++at;
      EXPECT_NE(at, all.end()) << name << " has no " << key << " there";
    }
  }
  EXPECT_EQ(shown_events.size(), std::variant_size_v<task_event> +
                                     std::variant_size_v<order_event> +
                                     std::variant_size_v<schedule_event>);
}

}  // namespace orrery::codec
