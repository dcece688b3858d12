/// Flows as JSON, as stored bytes, and as drawings; docs/process holds what the code draws.

#include "codec/flows.hpp"
#include "tests/support/process.hpp"

#include <cstdlib>
#include <fstream>
#include <gtest/gtest.h>
#include <set>
#include <sstream>

namespace orrery::codec {

namespace {

constexpr std::string_view shop = R"({
  "name": "shop", "description": "From the order to the parcel", "expiresIn": "PT1H",
  "steps": [
    {"name": "pay", "kind": "http", "payload": {"url": "https://pay.example/", "n": "${order.quantity}"},
     "ttl": "PT30S", "retry": {"maxAttempts": 3},
     "compensate": {"kind": "http", "payload": {"url": "https://pay.example/back"}}},
    {"name": "pack", "kind": "noop", "compensate": {"kind": "noop"}},
    {"name": "invoice", "kind": "noop", "dependsOn": ["pay"]},
    {"name": "send", "kind": "noop", "dependsOn": ["pack", "invoice"]}
  ]})";

std::string place_of(std::string_view text) {
  const auto f = read_flow(text);
  return f ? "none" : f.error().field;
}

/// All values of an attribute.
std::set<std::string> values_of(const std::string& xml, const std::string& name) {
  std::set<std::string> found;
  const auto head = ' ' + name + "=\"";
  for (auto at = xml.find(head); at != std::string::npos; at = xml.find(head, at + 1)) {
    const auto begin = at + head.size();
    found.insert(xml.substr(begin, xml.find('"', begin) - begin));
  }
  return found;
}

/// `docs/process/NAME` must hold what the code draws. `ORRERY_WRITE_PROCESS=1` writes it.
void same_as_document(const std::string& name, const std::string& drawn) {
  const auto path = test::source_dir() / "docs" / "process" / name;
  if (std::getenv("ORRERY_WRITE_PROCESS") != nullptr) {
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path, std::ios::binary) << drawn;
  }
  std::ifstream file(path, std::ios::binary);
  std::stringstream text;
  text << file.rdbuf();
  EXPECT_EQ(text.str(), drawn) << name << " is not what the code says; ORRERY_WRITE_PROCESS=1";
}

}  // namespace

TEST(flow_json, is_read_with_steps_in_sequence_or_by_dependency) {
  const auto f = read_flow(shop);
  ASSERT_TRUE(f) << f.error().field << ' ' << f.error().detail;
  EXPECT_EQ(f->expires_in, 1h);
  ASSERT_EQ(f->steps.size(), 4u);
  EXPECT_TRUE(f->steps[0].depends_on.empty());
  EXPECT_EQ(f->steps[1].depends_on, std::vector<uint32_t>{0});
  EXPECT_EQ(f->steps[2].depends_on, std::vector<uint32_t>{0});
  EXPECT_EQ(f->steps[3].depends_on, (std::vector<uint32_t>{1, 2}));
  EXPECT_EQ(f->steps[0].task->retry.max_attempts, 3u);
  EXPECT_TRUE(f->steps[0].has_compensation());
  EXPECT_FALSE(f->steps[3].has_compensation());
}

TEST(flow_json, written_and_read_again_is_the_same) {
  auto f = *read_flow(shop);
  f.version = 4;
  std::string text;
  append_flow(text, f);
  auto again = *read_flow(text);
  again.version = 4;
  EXPECT_EQ(again, f);
  EXPECT_EQ(*decode_flow(encode_flow(f)), f);
}

TEST(flow_json, that_is_wrong_is_refused_with_the_place) {
  EXPECT_EQ(place_of(R"({"steps":[{"name":"a","kind":"noop"}]})"), "name");
  EXPECT_EQ(place_of(R"({"name":"f"})"), "steps");
  EXPECT_EQ(place_of(R"({"name":"f","steps":{}})"), "steps");
  EXPECT_EQ(place_of(R"({"name":"f","steps":[{"name":"a"}]})"), "steps[0].kind");
  EXPECT_EQ(place_of(R"({"name":"f","steps":[{"name":"a","kind":"noop","ttl":"x"}]})"),
            "steps[0].ttl");
  EXPECT_EQ(place_of(R"({"name":"f","steps":[{"name":"a","kind":"noop","dependsOn":["b"]}]})"),
            "steps[0].dependsOn");
  EXPECT_EQ(place_of(R"({"name":"f","steps":[{"name":"a","kind":"noop","dependsOn":["b"]},
                         {"name":"b","kind":"noop","dependsOn":["a"]}]})"),
            "steps[0].dependsOn");
  EXPECT_EQ(place_of(R"({"name":"f","steps":[{"name":"a","kind":"noop","compensate":{}}]})"),
            "steps[0].compensate.kind");
  EXPECT_EQ(place_of(R"({"name":"f","steps":[{"name":"a","kind":"noop",
                         "payload":"${order.nothing}"}]})"),
            "steps[0].payload");
}

TEST(bpmn, draws_every_step_and_names_only_what_it_has_drawn) {
  auto f = *read_flow(shop);
  f.version = 1;
  for (const auto& xml :
       {flow_as_bpmn(f), life_as_bpmn(entity_kind::order), life_as_bpmn(entity_kind::task)}) {
    const auto ids = values_of(xml, "id");
    for (const auto* reference : {"sourceRef", "targetRef", "bpmnElement", "attachedToRef"})
      for (const auto& id : values_of(xml, reference))
        EXPECT_TRUE(ids.contains(id)) << reference << ' ' << id;
    // Everything drawn has its place.
    const auto placed = values_of(xml, "bpmnElement");
    for (const auto& id : ids)
      if (id.starts_with("flow_") && !id.ends_with("_edge")) {
        EXPECT_TRUE(placed.contains(id)) << id;
      }
  }
  const auto names = values_of(flow_as_bpmn(f), "name");
  for (const auto& step : f.steps)
    EXPECT_TRUE(names.contains(step.name));
  EXPECT_TRUE(names.contains("undo pay"));
}

TEST(bpmn, the_drawings_in_docs_process_are_what_the_code_does) {
  same_as_document("example_flow.bpmn", flow_as_bpmn(*read_flow(shop)));
  same_as_document("order.bpmn", life_as_bpmn(entity_kind::order));
  same_as_document("task.bpmn", life_as_bpmn(entity_kind::task));
}

}  // namespace orrery::codec
