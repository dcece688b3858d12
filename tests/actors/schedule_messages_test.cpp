/// What schedules publish and what is told of them: messages, status events, and their whole history.

#include "actors/status_replay.hpp"
#include "domain/fire_history.hpp"
#include "tests/actors/schedule_node.hpp"

namespace orrery::test {

TEST_F(schedules, publish_a_message_with_each_fire) {
  const auto id = make(publishing());
  advance(3s);
  const auto sent = messages(id);
  ASSERT_EQ(sent.size(), 3u);
  EXPECT_EQ(sent[0].record.topic, "ticks");
  EXPECT_EQ(sent[0].record.key, "every-second");
  EXPECT_NE(sent[0].id, sent[1].id);
  EXPECT_EQ(sent[0].id, the(id).recent[0].child);
  expect_published(id);
  EXPECT_TRUE(tasks_stored().empty());
}

TEST_F(schedules, publish_no_message_before_its_commit) {
  const auto id = make(publishing());
  commits.held = true;
  advance(3s);
  EXPECT_TRUE(messages(id).empty());
  commits.held = false;
  settle();
  EXPECT_FALSE(messages(id).empty());
  expect_published(id);
}

TEST_F(schedules, killed_at_each_commit_and_between_commit_and_publishing_lose_no_message) {
  const auto id = make(publishing());
  for (int after = 0; after < 12; ++after) {
    commits.drop_after = after % 4;
    sink.hold(after % 3 == 0);
    advance(1500ms);
    commits.drop_after.reset();
    kill_owner(id);
    sink.hold(false);
    advance(500ms);
  }
  advance(3s);
  EXPECT_GE(fired(id).size(), 20u);
  expect_published(id);
}

TEST_F(schedules, a_message_whose_publishing_failed_comes_again_from_the_journal) {
  const auto id = make(publishing());
  advance(1s);
  topics.fail_next(3, {errc::unavailable, "the broker is away"});
  advance(4s);
  expect_published(id);
  EXPECT_EQ(fired(id).size(), 5u);
}

TEST_F(schedules, publish_to_no_topic_that_is_not_allowed) {
  auto spec = publishing();
  spec.message.topic = "order_topic";
  const auto told =
      ask(id_of_schedule(spec.name, shards), schedule_command{submit_schedule{spec, {}}});
  ASSERT_TRUE(*told);
  EXPECT_EQ((**told).error().field, "message.topic");
  EXPECT_EQ((**told).error().detail, "order_topic is not allowed");
}

TEST_F(schedules, tell_of_their_status_in_its_topic) {
  const auto id = make(every_second());
  advance(2s);
  ask(id, schedule_command{pause_schedule{"maintenance"}});
  kill_owner(id);
  advance(1s);
  ask(id, schedule_command{resume_schedule{}});
  ask(id, schedule_command{delete_schedule{}});
  make(every_second());
  std::vector<std::string> statuses;
  for (const auto& event : topics.events(id.shard()))
    if (const auto* one = std::get_if<schedule_status_event>(&event))
      statuses.push_back(std::string(one->previous ? to_string(*one->previous) : "") + ">" +
                         std::string(to_string(one->status)));
  EXPECT_EQ(statuses, (std::vector<std::string>{">ACTIVE", "ACTIVE>PAUSED", "PAUSED>ACTIVE",
                                                "ACTIVE>DELETED", "DELETED>ACTIVE"}));
}

/// The outbox was away for all of it: what it makes of the journal is what it would have been told.
TEST_F(schedules, a_replay_of_the_journal_tells_the_same_as_the_owner_did) {
  const auto id = make(publishing());
  advance(2s);
  ask(id, schedule_command{pause_schedule{"maintenance"}});
  ask(id, schedule_command{resume_schedule{}});
  advance(1s);
  ask(id, schedule_command{delete_schedule{}});
  make(publishing());
  advance(1s);
  const auto replayed = actors::replay_status_events(*reader, id.shard(), position_t{1}, 1'000'000);
  ASSERT_TRUE(replayed);
  EXPECT_EQ(replayed->events, topics.events(id.shard()));
}

/// All fires that there ever were, in pages, without one left out or told twice.
TEST_F(schedules, their_whole_history_is_read_in_pages_from_the_journal) {
  auto spec = every_second();
  spec.jitter = 300ms;
  const auto id = make(spec);
  advance(130s, 250ms);
  std::vector<time_point> seen;
  for (const auto& fire : the(id).recent)
    seen.push_back(fire.at);
  std::reverse(seen.begin(), seen.end());
  EXPECT_EQ(seen.size(), 50u);
  position_t before;
  do {
    const auto page = read_fires(*reader, id, before, 7);
    ASSERT_TRUE(page);
    EXPECT_LE(page->items.size(), 7u);
    for (const auto& one : page->items) {
      seen.push_back(one.fire.at);
      EXPECT_TRUE(one.outcome_known);
      EXPECT_EQ(one.fire.outcome, fire_outcome::succeeded);
      EXPECT_EQ(one.fire.due_at, with_jitter(spec, id, one.fire.at));
      EXPECT_GE(one.fire.fired_at, one.fire.due_at);
    }
    before = page->next;
  } while (before.value > 0);
  auto all = fired(id);
  std::reverse(all.begin(), all.end());
  EXPECT_EQ(seen, all);
  EXPECT_EQ(read_fires(*reader, id_of_schedule("nobody", shards), {}, 7).error().code,
            errc::not_found);
}

}  // namespace orrery::test
