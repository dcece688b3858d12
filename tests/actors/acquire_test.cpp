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
      steps.step(now);
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
