/// Schedules as they are stored and as they are written and read as JSON.

#include "codec/messages.hpp"
#include "codec/stored.hpp"
#include "tests/unit/codec/schedule_samples.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace orrery::codec {
namespace {

constexpr time_point schedule_start = from_micros(1'800'000'000'000'000);
const entity_id nightly_id = id_of_schedule("nightly", 16);

schedule_spec full_spec() {
  auto s = full_schedule_spec(schedule_start);
  s.task.kind = "http";
  s.task.payload = R"({"url":"https://shop.example/{{scheduledAt}}"})";
  return s;
}

schedule full_schedule() {
  return schedule_of(nightly_id, id_of_child(nightly_id, "a"), full_spec(), schedule_start);
}

std::vector<schedule_event> every_schedule_event() {
  return {schedule_created{full_spec(), schedule_start},
          schedule_updated{full_spec(), schedule_start},
          schedule_paused{"why"},
          schedule_resumed{"done", schedule_start},
          schedule_fired{schedule_start,
                         fire_kind::backfill,
                         3,
                         id_of_child(nightly_id, "a"),
                         false,
                         true,
                         schedule_start + 1s,
                         {"ticks", "key", R"({"n":1})"}},
          schedule_skipped{schedule_start, skip_reason::buffer, 17, true, schedule_start + 1s},
          schedule_buffered{{schedule_start, fire_kind::catch_up, 2}, true, schedule_start + 1s},
          schedule_child_ended{id_of_child(nightly_id, "a"), 2, child_outcome::expired},
          schedule_backfill_started{{3, schedule_start, schedule_start + 1h, overlap_policy::skip}},
          schedule_backfill_moved{schedule_start},
          schedule_completed{},
          schedule_deleted{}};
}

TEST(stored_schedule, reads_back_as_it_was) {
  const auto bytes = encode(entity{full_schedule()});
  EXPECT_EQ(decode_entity(bytes).value(), entity{full_schedule()});
  const auto plain = schedule{};
  EXPECT_EQ(decode_entity(encode(entity{plain})).value(), entity{plain});
  for (size_t cut = 0; cut < bytes.size(); ++cut)
    (void)decode_entity(std::string_view(bytes).substr(0, cut));  // refused or read, never a crash
}

TEST(stored_schedule, keeps_every_event_in_the_journal_and_few_in_its_history) {
  std::vector<event_record> records;
  int64_t position = 0;
  for (const auto& event : every_schedule_event())
    records.push_back({position_t{++position}, nightly_id, schedule_start, entity_event{event}});
  ASSERT_EQ(records.size(), std::variant_size_v<schedule_event>);
  std::vector<const event_record*> pointers;
  for (const auto& record : records)
    pointers.push_back(&record);
  EXPECT_EQ(decode_journal(encode_journal(pointers)).value(), records);
  const auto kept = decode_history(nightly_id, encode_history(records)).value();
  std::vector<std::string> names;
  for (const auto& record : kept)
    names.emplace_back(name_of(record.event));
  EXPECT_EQ(names, (std::vector<std::string>{"ScheduleCreated", "ScheduleUpdated", "SchedulePaused",
                                             "ScheduleResumed", "ScheduleBackfillStarted",
                                             "ScheduleCompleted", "ScheduleDeleted"}));
  EXPECT_EQ(encode_history({records[4]}), "") << "a fire adds nothing to the row's history";
}

TEST(schedule_json, of_each_command_reads_back_as_it_was) {
  schedule_spec of_order = full_spec();
  of_order.action = schedule_action::order;
  of_order.task = {};
  of_order.order.product = "Laptop";
  schedule_spec of_message = full_spec();
  of_message.action = schedule_action::message;
  of_message.task = {};
  of_message.message = {"ticks", "{{name}}", R"({"at":"{{scheduledAt}}"})"};
  for (const auto& command : std::vector<schedule_command>{
           submit_schedule{full_spec(), {}}, submit_schedule{of_order, {}},
           submit_schedule{of_message, {}}, update_schedule{full_spec(), 3, {}},
           pause_schedule{"why"}, resume_schedule{"done", {}}, trigger_schedule{{}, {}},
           trigger_schedule{overlap_policy::allow, {}},
           backfill_schedule{schedule_start, schedule_start + 1h, overlap_policy::skip, {}},
           delete_schedule{}}) {
    const auto text = write_intake(nightly_id, command);
    EXPECT_TRUE(check_json(text)) << text;
    const auto read = read_command(entity_kind::schedule, name_of(command), text);
    ASSERT_TRUE(read) << text << ": " << read.error().field << ' ' << read.error().detail;
    EXPECT_EQ(write_intake(nightly_id, *read), text);
    const auto& again = std::get<schedule_command>(*read);
    EXPECT_EQ(again.index(), command.index());
    if (const auto* submit = std::get_if<submit_schedule>(&command)) {
      EXPECT_EQ(std::get<submit_schedule>(again).spec, submit->spec);
    }
  }
}

TEST(schedule_json, names_the_field_that_is_wrong) {
  const auto field = [](std::string_view verb, std::string_view body) {
    const auto read = read_command(entity_kind::schedule, verb, body);
    EXPECT_FALSE(read) << body;
    return read ? std::string() : read.error().field;
  };
  const std::string begin = R"({"name":"a","expressions":["* * * * * ?"],)";
  EXPECT_EQ(field("submit", R"({"name":"a","expressions":["* * * * * ?"]})"), "task");
  EXPECT_EQ(field("submit", begin + R"("task":{"kind":"noop"},"order":{"product":"x"}})"), "order");
  EXPECT_EQ(field("submit", begin + R"("task":{"kind":""}})"), "task.kind");
  EXPECT_EQ(field("submit", begin + R"("task":{"kind":"noop","ttl":"x"}})"), "task.ttl");
  EXPECT_EQ(field("submit", begin + R"("order":{"product":"x","quantity":0}})"), "order.quantity");
  EXPECT_EQ(field("submit", begin + R"("message":{"topic":"t","value":1,"key":"\""}})"),
            "message.key");
  EXPECT_EQ(field("submit", begin + R"("overlap":"both","task":{"kind":"noop"}})"), "overlap");
  EXPECT_EQ(field("submit", begin + R"("dst":"no","task":{"kind":"noop"}})"), "dst");
  EXPECT_EQ(field("submit", begin + R"("limit":-1,"task":{"kind":"noop"}})"), "limit");
  EXPECT_EQ(field("submit", R"({"name":"a","task":{"kind":"noop"}})"), "expressions");
  EXPECT_EQ(field("backfill", R"({"from":"2026-01-01T00:00:00Z"})"), "to");
  EXPECT_EQ(field("backfill", R"({"from":"yesterday","to":"2026-01-01T00:00:00Z"})"), "from");
  EXPECT_EQ(read_command(entity_kind::schedule, "explode", "{}").error().code, errc::not_found);
}

TEST(schedule_json, of_the_view_is_valid_and_tells_lateness) {
  std::string text;
  append_view(text, entity{full_schedule()});
  const auto view = nlohmann::json::parse(text);
  EXPECT_EQ(view["scheduleId"], to_string(nightly_id));
  EXPECT_EQ(view["status"], "PAUSED");
  EXPECT_EQ(view["recent"][0]["lateness"], "PT0.005S");
  EXPECT_EQ(view["counters"]["bufferDropped"], 7);
  text.clear();
  append_fires(text, full_schedule());
  EXPECT_EQ(nlohmann::json::parse(text)["items"][0]["outcome"], "failed");
  for (const auto& event : every_schedule_event()) {
    text.clear();
    append_view(text, event_record{position_t{1}, nightly_id, schedule_start, entity_event{event}});
    EXPECT_EQ(nlohmann::json::parse(text)["type"], name_of(event));
  }
}

}  // namespace
}  // namespace orrery::codec
