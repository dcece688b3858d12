/// As golden_test.cpp, of schedules.

#include "tests/unit/codec/golden.hpp"

namespace orrery::codec {

namespace {

constexpr auto golden_start = from_micros(1'800'000'000'000'000);
const entity_id golden_id = new_entity_id(golden_start, shard_id{42}, 0x123456789abcdef);

schedule_spec golden_spec() {
  schedule_spec s;
  s.name = "nightly";
  s.description = "The report";
  s.times.expressions = {"0 30 2 * * ?", "R/2026-01-01T00:00:00Z/PT6H"};
  s.times.except = {"weekly:SAT,SUN"};
  s.times.zone = "Europe/Warsaw";
  s.times.dst = dst_policy::literal;
  s.times.start = golden_start;
  s.times.end = golden_start + 24h;
  s.action = schedule_action::message;
  s.message = {"ticks", "{{name}}", R"({"at":"{{scheduledAt}}"})"};
  s.overlap = overlap_policy::buffer_all;
  s.misfire = misfire_policy::all;
  s.misfire_after = 30s;
  s.catchup_window = 2h;
  s.jitter = 5s;
  s.limit = 7;
  s.pause_on_failure = true;
  return s;
}

schedule golden_schedule_value() {
  schedule s;
  s.id = golden_id;
  s.spec = golden_spec();
  s.status = schedule_status::paused;
  s.version = 9;
  s.definition = 3;
  s.created_at = golden_start;
  s.updated_at = golden_start + 1s;
  s.finished_at = golden_start + 2s;
  s.next_at = golden_start + 3s;
  s.last_at = golden_start - 3s;
  s.note = "maintenance";
  s.counters = {1, 2, 3, 4, 5, 6, 7};
  s.series = 4;
  s.recent = {{golden_start, golden_start + 5ms, golden_start, fire_kind::catch_up,
               fire_outcome::failed, golden_id, 2}};
  s.waiting = {{golden_start + 1s, fire_kind::triggered, 4}};
  s.backfills = {{3, golden_start - 24h, golden_start, overlap_policy::allow}};
  return s;
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
