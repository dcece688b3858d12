/// A shard that is revoked while its acquisition waits for the store is not acquired.

#include "actors/commit_steps.hpp"
#include "actors/messages.hpp"
#include "persistence/memory/memory_store.hpp"
#include "tests/actors/simulated_node.hpp"

namespace orrery::test {

class acquisitions : public ::testing::Test {
protected:
  acquisitions() { EXPECT_TRUE(truth.migrate(4)); }
  void step() {
    for (int i = 0; i < 100; ++i)
      steps.step(now += 1ms);
  }

  virtual_clock time;
  memory_store truth{time};
  actors::commit_steps::instant now{};
  actors::commit_steps steps{truth, truth.open_journal(), time, {.node = "one"}};
  std::optional<result<shard_tenure>> told;
};

TEST_F(acquisitions, one_that_waits_is_withdrawn_and_raises_no_epoch) {
  steps.acquire(shard_id{1}, [this](auto tenure) { told = std::move(tenure); });
  steps.withdraw(shard_id{1});
  ASSERT_TRUE(told);
  EXPECT_EQ(told->error().code, errc::rejected);
  step();
  const auto rows = truth.open_reader()->shards();
  for (const auto& row : *rows)
    EXPECT_EQ(row.epoch.value, 0);
}

TEST_F(acquisitions, others_are_not_touched_by_a_withdrawal) {
  steps.acquire(shard_id{2}, [this](auto tenure) { told = std::move(tenure); });
  steps.withdraw(shard_id{1});
  step();
  ASSERT_TRUE(told && *told);
  EXPECT_EQ((*told)->epoch.value, 1);
}

/// Lost and taken again at once: what the old tenure still had to say is refused, and does not keep the new one.
TEST_F(acquisitions, two_tenures_of_a_shard_are_never_in_one_commit) {
  std::vector<std::string> told_of;
  std::vector<std::shared_ptr<actors::pending_commit>> tenures;
  for (const std::string name : {"old", "new"}) {
    steps.acquire(shard_id{1}, [this](auto tenure) { told = std::move(tenure); });
    step();
    tenures.push_back(std::make_shared<actors::pending_commit>(
        **told, [&told_of, name](const actors::commit_note& note) {
          told_of.push_back(name +
                            (note.outcome == actors::commit_note::kind::done ? " done" : " lost"));
        }));
  }
  for (const auto& one : tenures) {
    actors::commit_release release;
    release.ordinal = 1;
    release.answered = log_place{intake::tasks, shard_id{1}, 0};
    if (one->add(std::move(release)))
      steps.enlist(one);
  }
  step();
  EXPECT_EQ(told_of, (std::vector<std::string>{"old lost", "new done"}));
}

class revocations : public simulated_node {};

/// The bridge gives up what it waits for: a wish that lies with the writer during an outage.
TEST_F(revocations, take_back_an_acquisition_that_has_not_begun) {
  settle();
  commits.hold_acquisitions = true;
  kafka.revoke("test", {shard0}, true);
  kafka.assign("test", {shard0});
  settle();
  const auto before = reader->shards()->at(0).epoch;
  kafka.revoke("test", {shard0}, true);
  settle();
  commits.hold_acquisitions = false;
  commits.acquire_held();
  settle();
  EXPECT_EQ(reader->shards()->at(0).epoch, before);
}

}  // namespace orrery::test
