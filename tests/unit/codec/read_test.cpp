#include "codec/messages.hpp"

#include <gtest/gtest.h>

namespace orrery::codec {

namespace {

constexpr const char* some_id = "0190163d-8694-739b-aea5-966c26f8ad91";

task_spec task_of(std::string_view text) {
  const auto read = read_intake(intake::tasks, text);
  EXPECT_TRUE(read) << text << ": " << (read ? "" : read.error().field + read.error().detail);
  return read ? std::get<submit_task>(std::get<task_command>(read->command)).spec : task_spec{};
}

order_spec order_of(std::string_view text) {
  const auto read = read_intake(intake::orders, text);
  EXPECT_TRUE(read) << text << ": " << (read ? "" : read.error().field + read.error().detail);
  return read ? std::get<submit_order>(std::get<order_command>(read->command)).spec : order_spec{};
}

failure refusal(intake topic, std::string_view text) {
  auto read = read_intake(topic, text);
  EXPECT_FALSE(read) << text;
  if (read)
    return {};
  EXPECT_EQ(read.error().code, errc::invalid) << text;
  EXPECT_FALSE(read.error().detail.empty()) << text;
  return read.error();
}

template <class Command>
Command task_command_of(std::string_view text) {
  const auto read = read_intake(intake::tasks, text);
  EXPECT_TRUE(read) << text << ": " << (read ? "" : read.error().field + read.error().detail);
  return std::get<Command>(std::get<task_command>(read.value().command));
}

}  // namespace

TEST(read_task, needs_no_more_than_a_kind) {
  task_spec usual;
  usual.kind = "noop";
  EXPECT_EQ(task_of(R"({"kind":"noop"})"), usual);
  EXPECT_EQ(task_of(R"({"command":"submit","kind":"noop"})"), usual);
}

TEST(read_task, takes_every_field) {
  const auto s = task_of(R"({"command":"submit","taskId":"mine","kind":"http","description":"d",
    "payload":{"a":1},"ttl":"PT30S","queueTtl":"1m","totalTtl":"2h","heartbeat":"5s",
    "deadline":"2026-11-21T10:15:00Z","queue":"mail","priority":1,"runAt":"2026-11-21T11:00:00+01:00",
    "delivery":"at-most-once","onTimeout":"retry","retry":{"maxAttempts":3,"kind":"linear",
    "initial":"2s","factor":1.5,"max":"PT1M","jitter":0,"nonRetryable":["E1","E2"],
    "onExhausted":"pause"},"uniqueKey":"u","tags":["a","b"]})");
  EXPECT_EQ(s.kind, "http");
  EXPECT_EQ(s.description, "d");
  EXPECT_EQ(s.payload, R"({"a":1})");
  EXPECT_EQ(s.ttl, 30s);
  EXPECT_EQ(s.queue_ttl, 1min);
  EXPECT_EQ(s.total_ttl, 2h);
  EXPECT_EQ(s.heartbeat, 5s);
  EXPECT_EQ(format_time(s.deadline), "2026-11-21T10:15:00.000000Z");
  EXPECT_EQ(format_time(s.run_at), "2026-11-21T10:00:00.000000Z");
  EXPECT_EQ(s.queue, "mail");
  EXPECT_EQ(s.priority, 1);
  EXPECT_EQ(s.delivery, delivery_mode::at_most_once);
  EXPECT_EQ(s.on_timeout, timeout_action::retry);
  EXPECT_EQ(s.retry.max_attempts, 3u);
  EXPECT_EQ(s.retry.kind, backoff_kind::linear);
  EXPECT_EQ(s.retry.initial, 2s);
  EXPECT_EQ(s.retry.factor, 1.5);
  EXPECT_EQ(s.retry.max, 1min);
  EXPECT_EQ(s.retry.jitter, 0.0);
  EXPECT_EQ(s.retry.non_retryable, (std::vector<std::string>{"E1", "E2"}));
  EXPECT_EQ(s.retry.on_exhausted, exhausted_action::pause);
  EXPECT_EQ(s.unique_key, "u");
  EXPECT_EQ(s.tags, (std::vector<std::string>{"a", "b"}));
}

TEST(read_task, ignores_unknown_fields_and_takes_null_as_missing) {
  task_spec usual;
  usual.kind = "noop";
  EXPECT_EQ(task_of(R"({"kind":"noop","colour":{"kind":[1,{"kind":2}]},"ttl":null,"queue":null,
    "retry":null,"tags":null,"payload":null,"runAt":null,"delivery":null,"delay":null,
    "command":null,"taskId":null,"priority":null})"),
            usual);
}

TEST(read_task, of_a_field_that_comes_twice_takes_the_last) {
  EXPECT_EQ(task_of(R"({"kind":"a","queue":"x","kind":"b"})").kind, "b");
}

TEST(read_task, keeps_the_payload_as_it_came_but_for_white_space) {
  EXPECT_EQ(task_of(R"({"kind":"a","payload": { "b" : [ 1.0 , "x \" ] y" ,{} ] ,
    "a":1e2,"b":12345678901234567890 } })")
                .payload,
            R"({"b":[1.0,"x \" ] y",{}],"a":1e2,"b":12345678901234567890})");
  for (const char* value : {"[]", "1", "-7", "1.50", "true", "\"x\\\"y\""})
    EXPECT_EQ(task_of(std::string(R"({"kind":"a","payload": )") + value + " }").payload, value);
}

TEST(read_task, names_the_field_that_is_wrong) {
  const std::vector<std::pair<const char*, const char*>> cases = {
      {"kind", R"({})"},
      {"kind", R"({"kind":""})"},
      {"kind", R"({"kind":7})"},
      {"kind", R"({"kind":["a"]})"},
      {"taskId", R"({"kind":"a","taskId":7})"},
      {"command", R"({"kind":"a","command":"pause"})"},
      {"command", R"({"kind":"a","command":1})"},
      {"priority", R"({"kind":"a","priority":"high"})"},
      {"priority", R"({"kind":"a","priority":1.0})"},
      {"priority", R"({"kind":"a","priority":1e0})"},
      {"priority", R"({"kind":"a","priority":9})"},
      {"priority", R"({"kind":"a","priority":-1})"},
      {"priority", R"({"kind":"a","priority":4294967297})"},
      {"priority", R"({"kind":"a","priority":99999999999999999999})"},
      {"ttl", R"({"kind":"a","ttl":30})"},
      {"ttl", R"({"kind":"a","ttl":"30"})"},
      {"ttl", R"({"kind":"a","ttl":"0s"})"},
      {"ttl", R"({"kind":"a","ttl":"-5s"})"},
      {"ttl", R"({"kind":"a","ttl":"99999999d"})"},
      {"runAt", R"({"kind":"a","runAt":"tomorrow"})"},
      {"runAt", R"({"kind":"a","runAt":1700000000})"},
      {"deadline", R"({"kind":"a","deadline":"2026-02-30T00:00:00Z"})"},
      {"delay", R"({"kind":"a","delay":"5s","runAt":"2026-11-21T10:15:00Z"})"},
      {"uniqueWindow", R"({"kind":"a","uniqueKey":"k","unique":"window"})"},
      {"unique", R"({"kind":"a","unique":"latest"})"},
      {"idempotency.running", R"({"kind":"a","idempotency":{"running":"maybe"}})"},
      {"delivery", R"({"kind":"a","delivery":"exactly-once"})"},
      {"onTimeout", R"({"kind":"a","onTimeout":"FAIL"})"},
      {"retry", R"({"kind":"a","retry":3})"},
      {"retry", R"({"kind":"a","retry":[]})"},
      {"retry.maxAttempts", R"({"kind":"a","retry":{"maxAttempts":0}})"},
      {"retry.maxAttempts", R"({"kind":"a","retry":{"maxAttempts":-1}})"},
      {"retry.maxAttempts", R"({"kind":"a","retry":{"maxAttempts":"3"}})"},
      {"retry.kind", R"({"kind":"a","retry":{"kind":"none"}})"},
      {"retry.factor", R"({"kind":"a","retry":{"factor":"2"}})"},
      {"retry.jitter", R"({"kind":"a","retry":{"jitter":2}})"},
      {"retry.initial", R"({"kind":"a","retry":{"initial":5}})"},
      {"retry.nonRetryable", R"({"kind":"a","retry":{"nonRetryable":"E1"}})"},
      {"retry.nonRetryable", R"({"kind":"a","retry":{"nonRetryable":[1]}})"},
      {"retry.onExhausted", R"({"kind":"a","retry":{"onExhausted":"stop"}})"},
      {"tags", R"({"kind":"a","tags":"x"})"},
      {"tags", R"({"kind":"a","tags":["x",1]})"},
      {"tags", R"({"kind":"a","tags":["x",null]})"},
      {"", ""},
      {"", "[]"},
      {"", "null"},
      {"", "\"kind\""},
      {"", R"({"kind":"a"} x)"},
      {"", R"({"kind":"a\u0000"})"},
      {"", "{\"kind\":\"a\xff\"}"}};
  for (const auto& [field, text] : cases)
    EXPECT_EQ(refusal(intake::tasks, text).field, field) << text;
}

TEST(read_task, keeps_the_limits) {
  const auto sized = [](size_t bytes) {
    return R"({"kind":"a","payload":")" + std::string(bytes - 2, 'x') + "\"}";
  };
  EXPECT_EQ(task_of(sized(limits::payload_bytes)).payload.size(), limits::payload_bytes);
  EXPECT_EQ(refusal(intake::tasks, sized(limits::payload_bytes + 1)).field, "payload");
  EXPECT_EQ(refusal(intake::tasks, sized(4 * limits::payload_bytes)).field, "");
  std::string tags = R"({"kind":"a","tags":["t")";
  for (size_t i = 0; i < limits::tags; ++i)
    tags += ",\"t\"";
  EXPECT_EQ(refusal(intake::tasks, tags + "]}").field, "tags");
  const std::string deep(70, '[');
  EXPECT_EQ(refusal(intake::tasks, R"({"kind":"a","x":)" + deep + std::string(70, ']') + "}").field,
            "");
}

TEST(read_task, takes_the_other_commands) {
  const auto named = [](const std::string& rest) { return R"({"taskId":"mine",)" + rest + "}"; };
  const auto cancel =
      task_command_of<cancel_task>(named(R"("command":"cancel","reason":"why","kill":true)"));
  EXPECT_EQ(cancel.text, "why");
  EXPECT_TRUE(cancel.kill);
  const auto rerun = task_command_of<rerun_task>(named(R"("command":"rerun","payload":{"a": 1})"));
  EXPECT_EQ(rerun.payload, R"({"a":1})");
  const auto done = task_command_of<complete_task>(
      named(R"("command":"complete","run":2,"attempt":3,"result":[1])"));
  EXPECT_EQ(done.token, (attempt_token{2, 3}));
  EXPECT_EQ(done.result, "[1]");
  const auto fail = task_command_of<fail_task>(
      named(R"("command":"fail","run":1,"attempt":1,"error":"no","errorCode":"E1",)"
            R"("retryable":false,"retryAfter":"5s")"));
  EXPECT_EQ(fail.error, "no");
  EXPECT_EQ(fail.code, "E1");
  EXPECT_FALSE(fail.retryable);
  EXPECT_EQ(fail.retry_after, 5s);
  EXPECT_EQ(read_intake(intake::tasks, named(R"("command":"rerun")")).value().id_text, "mine");
}

TEST(read_task, refuses_commands_that_lack_what_they_need) {
  EXPECT_EQ(refusal(intake::tasks, R"({"command":"cancel"})").field, "taskId");
  EXPECT_EQ(refusal(intake::tasks, R"({"command":"complete","taskId":"a"})").field, "run");
  EXPECT_EQ(refusal(intake::tasks, R"({"command":"fail","taskId":"a","run":1})").field, "attempt");
  EXPECT_EQ(refusal(intake::tasks, R"({"command":"fail","taskId":"a","run":1,"attempt":-1})").field,
            "attempt");
  EXPECT_EQ(refusal(intake::tasks, R"({"command":"cancel","taskId":"a","reason":")" +
                                       std::string(5000, 'x') + "\"}")
                .field,
            "reason");
}

TEST(read_order, needs_no_more_than_a_product) {
  order_spec usual;
  usual.product = "Laptop";
  EXPECT_EQ(order_of(R"({"product":"Laptop"})"), usual);
  EXPECT_EQ(order_of(R"({"orderId":"1","product":"Laptop","quantity":1})"), usual);
}

TEST(read_order, takes_every_field) {
  const auto s = order_of(R"({"product":"Laptop","quantity":3,"customer":"c","flow":"standard",
    "expiresIn":"P1D","metadata":{"a": [1, 2]}})");
  EXPECT_EQ(s.quantity, 3);
  EXPECT_EQ(s.customer, "c");
  EXPECT_EQ(s.flow, "standard");
  EXPECT_EQ(s.expires_in, 24h);
  EXPECT_EQ(s.metadata, R"({"a":[1,2]})");
}

TEST(read_order, names_the_field_that_is_wrong) {
  const std::vector<std::pair<const char*, const char*>> cases = {
      {"product", R"({"quantity":1})"},
      {"product", R"({"product":7})"},
      {"quantity", R"({"product":"a","quantity":0})"},
      {"quantity", R"({"product":"a","quantity":-3})"},
      {"quantity", R"({"product":"a","quantity":1.5})"},
      {"quantity", R"({"product":"a","quantity":"2"})"},
      {"quantity", R"({"product":"a","quantity":1000001})"},
      {"quantity", R"({"product":"a","quantity":1e3})"},
      {"metadata", R"({"product":"a","metadata":[]})"},
      {"metadata", R"({"product":"a","metadata":"x"})"},
      {"expiresIn", R"({"product":"a","expiresIn":"soon"})"},
      {"command", R"({"product":"a","command":"rerun"})"},
      {"orderId", R"({"command":"cancel"})"}};
  for (const auto& [field, text] : cases)
    EXPECT_EQ(refusal(intake::orders, text).field, field) << text;
}

TEST(read_order, takes_the_other_commands) {
  const auto command = [](const char* verb) {
    return std::get<order_command>(
        read_intake(intake::orders,
                    R"({"orderId":"7","reason":"r","command":")" + std::string(verb) + "\"}")
            .value()
            .command);
  };
  EXPECT_EQ(std::get<cancel_order>(command("cancel")).reason, "r");
  EXPECT_EQ(std::get<reject_order>(command("reject")).reason, "r");
  EXPECT_TRUE(std::holds_alternative<confirm_order>(command("confirm")));
  EXPECT_TRUE(std::holds_alternative<complete_order>(command("complete")));
}

TEST(read_submission, is_a_submit_and_nothing_else) {
  const auto read = read_submission(entity_kind::task, R"({"taskId":"mine","kind":"a"})");
  ASSERT_TRUE(read);
  EXPECT_EQ(read->id_text, "mine");
  EXPECT_EQ(read->kind, entity_kind::task);
  EXPECT_EQ(
      read_submission(entity_kind::task, R"({"command":"cancel","taskId":"a"})").error().field,
      "command");
  EXPECT_TRUE(read_submission(entity_kind::order, R"({"product":"a"})"));
}

TEST(read_batch, takes_its_three_forms) {
  for (const char* text : {R"([{"kind":"a"},{"kind":"b","payload":[1,{"x":"]"}]}])",
                           "{\"kind\":\"a\"}\n\r\n{\"kind\":\"b\"}\n",
                           R"( {"items": [ {"kind":"a"} , {"kind":"b"} ] } )"}) {
    const auto read = read_batch(entity_kind::task, text);
    ASSERT_TRUE(read) << text << read.error().field << read.error().detail;
    ASSERT_EQ(read->size(), 2u);
    EXPECT_EQ(std::get<submit_task>(std::get<task_command>((*read)[1].command)).spec.kind, "b");
  }
  EXPECT_EQ(read_batch(entity_kind::task, R"({"kind":"a"})").value().size(), 1u);
}

TEST(read_batch, names_the_item_that_is_wrong) {
  const std::vector<std::pair<const char*, const char*>> cases = {
      {"items[1].ttl", R"([{"kind":"a"},{"kind":"b","ttl":5}])"},
      {"items[0].kind", R"({"items":[{}]})"},
      {"items[1]", "{\"kind\":\"a\"}\n{\"kind\":\n"},
      {"items[0]", R"([1])"},
      {"items[1]", R"([{"kind":"a"},])"},
      {"items", R"({"items":{}})"},
      {"items", "[]"},
      {"items", ""}};
  for (const auto& [field, text] : cases) {
    const auto read = read_batch(entity_kind::task, text);
    ASSERT_FALSE(read) << text;
    EXPECT_EQ(read.error().code, errc::invalid);
    EXPECT_TRUE(read.error().field == field || read.error().field.empty())
        << text << ": " << read.error().field;
  }
  EXPECT_FALSE(read_batch(entity_kind::task, R"([{"kind":"a"} {"kind":"b"}])"));
  EXPECT_FALSE(read_batch(entity_kind::task, R"([{"kind":"a"}]])"));
  EXPECT_FALSE(read_batch(entity_kind::task, R"([{"kind":"a"}] x)"));
}

TEST(read_batch, keeps_the_limit_of_items) {
  std::string text = "[{\"kind\":\"a\"}";
  for (size_t i = 1; i < limits::batch_items; ++i)
    text += ",{\"kind\":\"a\"}";
  EXPECT_EQ(read_batch(entity_kind::task, text + "]").value().size(), limits::batch_items);
  EXPECT_FALSE(read_batch(entity_kind::task, text + ",{\"kind\":\"a\"}]"));
}

TEST(read_command, knows_the_verbs_of_each_kind) {
  for (const char* verb : {"cancel", "kill", "pause", "resume", "rerun"})
    EXPECT_TRUE(read_command(entity_kind::task, verb, "")) << verb;
  for (const char* verb : {"cancel", "confirm", "reject", "begin-fulfilment", "complete"})
    EXPECT_TRUE(read_command(entity_kind::order, verb, " ")) << verb;
  for (const char* verb : {"", "submit", "start", "wake", "lose", "confirm", "CANCEL"})
    EXPECT_EQ(read_command(entity_kind::task, verb, "{}").error().code, errc::not_found) << verb;
  for (const char* verb : {"rerun", "submit", "wake", "fail"})
    EXPECT_EQ(read_command(entity_kind::order, verb, "{}").error().code, errc::not_found) << verb;
}

TEST(read_command, reads_the_body) {
  const auto pause = read_command(entity_kind::task, "pause", R"({"reason":"hold"})").value();
  EXPECT_EQ(std::get<pause_task>(std::get<task_command>(pause)).text, "hold");
  EXPECT_EQ(read_command(entity_kind::task, "complete", "").error().field, "run");
  EXPECT_EQ(read_command(entity_kind::task, "cancel", "[]").error().code, errc::invalid);
  EXPECT_EQ(read_command(entity_kind::task, "cancel", R"({"reason":7})").error().field, "reason");
}

TEST(read_status, needs_id_status_and_position) {
  const std::string id = R"({"taskId":")" + std::string(some_id) + "\"";
  EXPECT_TRUE(read_task_status(id + R"(,"status":"QUEUED","position":1})"));
  EXPECT_EQ(read_task_status(id + R"(,"status":"QUEUED"})").error().field, "position");
  EXPECT_EQ(read_task_status(id + R"(,"position":1})").error().field, "status");
  EXPECT_EQ(read_task_status(id + R"(,"status":"queued","position":1})").error().field, "status");
  EXPECT_EQ(read_task_status(R"({"status":"QUEUED","position":1})").error().field, "taskId");
  EXPECT_EQ(read_order_status(R"({"orderId":"x"})").error().field, "orderId");
  EXPECT_EQ(read_task_status(id + R"(,"shard":4096})").error().field, "shard");
}

TEST(view, of_a_result_on_several_lines_is_one_line) {
  task t;
  t.result = "{\n  \"a\": \"x y\"\n}";
  std::string text;
  append_view(text, entity{t});
  EXPECT_EQ(text.find('\n'), std::string::npos);
  EXPECT_NE(text.find(R"("result":{"a":"x y"})"), std::string::npos);
}

TEST(ce_type, is_the_status_in_lower_case) {
  EXPECT_EQ(ce_type(entity_kind::order, 0), "io.orrery.order.created");
  EXPECT_EQ(ce_type(entity_kind::task, static_cast<uint8_t>(task_status::retrying)),
            "io.orrery.task.retrying");
}

}  // namespace orrery::codec
