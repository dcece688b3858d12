/// As golden_test.cpp, of schedules.

#include "tests/unit/codec/golden.hpp"
#include "tests/unit/codec/schedule_samples.hpp"

namespace orrery::codec {

namespace {

constexpr auto golden_start = from_micros(1'800'000'000'000'000);
const entity_id golden_id = new_entity_id(golden_start, shard_id{42}, 0x123456789abcdef);

schedule_spec golden_spec() {
  auto s = full_schedule_spec(golden_start);
  s.action = schedule_action::message;
  s.message = {"ticks", "{{name}}", R"({"at":"{{scheduledAt}}"})"};
  return s;
}

schedule golden_schedule_value() {
  return schedule_of(golden_id, golden_id, golden_spec(), golden_start);
}

/// One of each, with all its fields.
std::vector<schedule_event> every_golden_event() {
  return {schedule_created{golden_spec(), golden_start},
          schedule_updated{golden_spec(), golden_start},
          schedule_paused{"maintenance"},
          schedule_resumed{"done", golden_start},
          schedule_fired{golden_start,
                         fire_kind::backfill,
                         3,
                         golden_id,
                         false,
                         true,
                         golden_start + 1s,
                         {"ticks", "nightly", R"({"at":"2027-01-15T08:00:00.000000Z"})"}},
          schedule_skipped{golden_start, skip_reason::buffer, 17, true, golden_start + 1s},
          schedule_buffered{{golden_start, fire_kind::catch_up, 2}, true, golden_start + 1s},
          schedule_child_ended{golden_id, 2, child_outcome::expired},
          schedule_backfill_started{{3, golden_start, golden_start + 1h, overlap_policy::skip}},
          schedule_backfill_moved{golden_start},
          schedule_completed{},
          schedule_deleted{}};
}

}  // namespace

TEST(golden_schedule, is_stored_and_shown_as_ever) {
  const entity whole{golden_schedule_value()};
  const auto hex = golden("stored/schedule_full.hex", to_hex(encode(whole)));
  EXPECT_EQ(hex, to_hex(encode(whole)));
  EXPECT_EQ(decode_entity(from_hex(hex)).value(), whole);
  same_text("view_schedule", view_of(whole));
}

TEST(golden_schedule, has_each_event_stored_and_shown_as_ever) {
  const auto events = every_golden_event();
  EXPECT_EQ(events.size(), std::variant_size_v<schedule_event>);
  for (const auto& event : events) {
    const event_record record{position_t{4711}, golden_id, golden_start + 7ms, entity_event{event}};
    const std::string name(name_of(event));
    const auto hex = golden("stored/" + name + ".hex", to_hex(encode_journal({&record})));
    EXPECT_EQ(hex, to_hex(encode_journal({&record}))) << name;
    EXPECT_EQ(decode_journal(from_hex(hex)).value(), std::vector{record}) << name;
    same_text("event_" + name, view_of(record));
  }
}

/// What came later has files of its own.
TEST(golden_schedule, keeps_pauses_and_what_gave_way_as_ever) {
  auto held = golden_schedule_value();
  held.pauses = {{golden_start, golden_start + 1s}, {golden_start + 2s, never}};
  const auto hex = golden("stored/schedule_pauses.hex", to_hex(encode(entity{held})));
  EXPECT_EQ(hex, to_hex(encode(entity{held})));
  EXPECT_EQ(decode_entity(from_hex(hex)).value(), entity{held});
  const schedule_buffered newest{
      {golden_start, fire_kind::scheduled, 0}, true, golden_start + 1s, true};
  const event_record record{position_t{4711}, golden_id, golden_start + 7ms, entity_event{newest}};
  const auto event =
      golden("stored/ScheduleBuffered_replaces.hex", to_hex(encode_journal({&record})));
  EXPECT_EQ(event, to_hex(encode_journal({&record})));
  EXPECT_EQ(decode_journal(from_hex(event)).value(), std::vector{record});
}

TEST(golden_schedule, has_its_status_told_as_ever) {
  auto active = golden_schedule_value();
  active.status = schedule_status::active;
  const auto of_schedule = [&](const std::optional<schedule>& from, schedule_event event) {
    const event_record one{position_t{4711}, golden_id, golden_start + 7ms,
                           entity_event{std::move(event)}};
    return write(std::get<schedule_status_event>(
        status_event_of(from, golden_schedule_value(), one).value()));
  };
  same_text("schedule_status_topic", of_schedule(active, schedule_paused{"maintenance"}));
  same_text("schedule_status_topic_first",
            of_schedule(std::nullopt, schedule_created{golden_spec(), golden_start}));
}

}  // namespace orrery::codec
