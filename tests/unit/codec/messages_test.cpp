#include "codec/messages.hpp"

#include <gtest/gtest.h>

namespace orrery::codec {
TEST(messages, smoke) {
  const auto read = read_intake(intake::tasks, R"({"command":"submit","taskId":"a","kind":"noop","payload": {"a" : [1, {"b":"]}"}]},"ttl":"30s","retry":{"maxAttempts":3,"nonRetryable":["x"]},"tags":["a","b"],"priority":2,"x":{"y":[1]},"delivery":"at-most-once"})");
  ASSERT_TRUE(read) << read.error().field << read.error().detail;
  const auto& spec = std::get<submit_task>(std::get<task_command>(read->command)).spec;
  EXPECT_EQ(spec.payload, R"({"a":[1,{"b":"]}"}]})");
  EXPECT_EQ(spec.tags.size(), 2u);
  std::string out;
  task t; t.spec = spec; t.created_at = from_micros(1'800'000'000'000'000);
  append_view(out, entity{t});
  puts(out.c_str());
  puts(write_intake(t.id, read->command).c_str());
  EXPECT_TRUE(check_json(out));
  for (auto text : {"", "[]", "{", R"({"kind":1})", R"({"kind":"a","retry":{"factor":"x"}})", R"({"kind":"a","priority":1.0})", R"({"kind":"a","priority":99999999999999999999})", R"({"command":"complete"})", R"({"command":"complete","taskId":"z"})", R"({"command":"x"})", "{\"kind\":\"\xff\"}", R"({"kind":"a\u0000"})", R"({"kind":"a","delay":"3s"})", R"({})", R"({"kind":"a","priority":1e999})"}) {
    const auto r = read_intake(intake::tasks, text);
    ASSERT_FALSE(r) << text;
    printf("%s -> %s|%s\n", text, r.error().field.c_str(), r.error().detail.c_str());
  }
  for (auto text : {R"([{"kind":"a"},{"kind":"b", "payload":[1,2]}])", "{\"kind\":\"a\"}\n\n{\"kind\":\"b\"}", R"({"items":[{"kind":"a"} , {"kind":"c"}]})"}) {
    const auto r = read_batch(entity_kind::task, text);
    ASSERT_TRUE(r) << r.error().field << r.error().detail;
    EXPECT_EQ(r->size(), 2u);
  }
}
}  // namespace orrery::codec
