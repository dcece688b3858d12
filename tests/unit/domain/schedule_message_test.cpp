/// Schedules that publish messages, and what is told of schedules in their status topic.

#include "domain/messages.hpp"
#include "domain/schedule_template.hpp"
#include "tests/unit/domain/schedule_driver.hpp"

namespace orrery {
namespace {

using test::every_second;
using test::schedule_driver;

schedule_spec publishing() {
  auto spec = every_second();
  spec.action = schedule_action::message;
  spec.task = {};
  spec.message = {"ticks", "{{name}}", R"({"at":"{{scheduledAt}}","n":{{fireNumber}}})"};
  return spec;
}

schedule_fired fire_in(const schedule_event& event) { return std::get<schedule_fired>(event); }

/// The status event of the newest event of a driver.
std::optional<status_event> told(schedule_driver& d, const std::optional<schedule>& before) {
  return status_event_of(before, d.now_is(),
                         {position_t{7}, d.id, d.now, entity_event{d.events.back()}});
}

TEST(a_message, is_filled_in_and_stands_in_the_event_of_its_fire) {
  schedule_driver d(publishing());
  d.advance(1s);
  const auto fired = fire_in(d.events.back());
  EXPECT_EQ(fired.message,
            (message_template{"ticks", "test", R"({"at":"2027-01-15T08:00:01.000000Z","n":1})"}));
  EXPECT_TRUE(d.started.empty()) << "nothing is started";
  EXPECT_EQ(d.now_is().recent.back().outcome, fire_outcome::started);
  EXPECT_FALSE(d.now_is().waits_for_children());
  d.advance(1s);
  EXPECT_EQ(d.now_is().counters.fired, 2u);
}

TEST(a_message, has_the_same_id_where_another_owner_decides_the_same_fire) {
  schedule_driver d(publishing());
  d.now += 1s;
  const auto once = decide(d.state, wake_schedule{d.times}, d.now);
  const auto again = decide(d.state, wake_schedule{d.times}, d.now + 5ms);
  EXPECT_EQ(fire_in(once->events.front()).child, fire_in(again->events.front()).child);
  EXPECT_FALSE(fire_in(once->events.front()).child.is_nil());
  d.advance(1s);
  EXPECT_NE(fire_in(d.events.back()).child, fire_in(once->events.front()).child);
}

TEST(a_message, is_made_of_the_event_alone) {
  schedule_driver d(publishing());
  d.advance(1s);
  const event_record record{position_t{9}, d.id, d.now, entity_event{d.events.back()}};
  const auto message = message_in(record);
  ASSERT_TRUE(message);
  EXPECT_EQ(message->id, fire_in(d.events.back()).child);
  EXPECT_EQ(message->schedule_id, d.id);
  EXPECT_EQ(message->fire_at, schedule_driver::noon + 1s);
  EXPECT_EQ(message->position, position_t{9});
  EXPECT_EQ(status_event_of(d.state, d.now_is(), record), status_event{*message});
}

TEST(a_message, many_missed_ones_are_bounded_in_one_decision) {
  auto spec = publishing();
  spec.misfire = misfire_policy::all;
  schedule_driver d(spec);
  d.now += 1000s;
  EXPECT_EQ(decide(d.state, wake_schedule{d.times}, d.now)->events.size(), 100u);
  d.wake();
  EXPECT_EQ(d.now_is().counters.fired, 1000u);
}

TEST(a_message, that_could_grow_beyond_what_a_broker_takes_is_refused) {
  auto spec = publishing();
  std::string value = "[1";
  for (int i = 0; i < 2'000; ++i)
    value += ",\"{{name}}\"";
  spec.message.value = value + "]";
  EXPECT_EQ(validate(spec).error().field, "message.value");
  spec = publishing();
  for (int i = 0; i < 30; ++i)
    spec.message.key += "{{name}}";
  EXPECT_EQ(validate(spec).error().field, "message.key");
}

TEST(a_schedules_status, is_told_when_it_changes_and_only_then) {
  schedule_driver d(every_second());
  const auto made = std::get<schedule_status_event>(told(d, std::nullopt).value());
  EXPECT_EQ(made.status, schedule_status::active);
  EXPECT_FALSE(made.previous);
  EXPECT_EQ(made.name, "test");
  EXPECT_EQ(made.next_at, schedule_driver::noon + 1s);

  auto before = d.state;
  d.must(pause_schedule{"maintenance"});
  const auto paused = std::get<schedule_status_event>(told(d, before).value());
  EXPECT_EQ(paused.status, schedule_status::paused);
  EXPECT_EQ(paused.previous, schedule_status::active);
  EXPECT_EQ(paused.note, "maintenance");
  EXPECT_EQ(paused.position, position_t{7});

  before = d.state;
  d.must(resume_schedule{"", d.times});
  EXPECT_EQ(std::get<schedule_status_event>(told(d, before).value()).status,
            schedule_status::active);
  before = d.state;
  d.advance(1s);
  EXPECT_FALSE(told(d, before)) << "a fire changes no status";
}

/// What is kept in the history says the status without the fires: a replay has nothing else.
TEST(a_schedules_status, follows_from_its_kept_events_alone) {
  auto spec = every_second();
  spec.limit = 2;
  schedule_driver d(spec);
  d.advance(1s);
  d.end(d.started.back().id);
  d.advance(1s);
  d.end(d.started.back().id);
  ASSERT_EQ(d.now_is().status, schedule_status::completed);
  auto other = spec;
  other.description = "changed, and still at its limit";
  d.must(update_schedule{other, 0, d.times});
  EXPECT_EQ(d.now_is().status, schedule_status::completed);
  std::optional<schedule> folded;
  for (const auto& event : d.events)
    if (is_kept_in_history(event))
      evolve(folded, d.id, event, d.now);
  EXPECT_EQ(folded->status, d.now_is().status);
  EXPECT_EQ(folded->definition, d.now_is().definition);
  EXPECT_EQ(folded->note, d.now_is().note);
}

TEST(an_update, whose_limit_is_reached_completes_the_schedule) {
  schedule_driver d(every_second());
  d.advance(1s);
  d.end(d.started.back().id);
  auto spec = every_second();
  spec.limit = 1;
  d.must(update_schedule{spec, 0, d.times});
  EXPECT_EQ(d.now_is().status, schedule_status::completed);
}

}  // namespace
}  // namespace orrery
