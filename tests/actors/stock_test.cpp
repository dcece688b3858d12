/// A stock that is away, as the journal writer and an order see it.

#include "actors/commit_steps.hpp"
#include "actors/messages.hpp"
#include "actors/stock_sweep.hpp"
#include "persistence/memory/memory_stock.hpp"
#include "persistence/memory/memory_store.hpp"
#include "tests/actors/flow_node.hpp"
#include "tests/contract/store/store_batches.hpp"

namespace orrery::test {

namespace {

/// A journal whose stock can be away.
class distant_stock final : public journal_store {
public:
  explicit distant_stock(std::unique_ptr<journal_store> journal) : journal_(std::move(journal)) {}
  result<shard_tenure> acquire(shard_id shard, std::string_view owner, time_point now) override {
    return journal_->acquire(shard, owner, now);
  }
  commit_report commit(std::span<const shard_batch> batches) override {
    commit_report report;
    for (const auto& batch : batches)
      if (away && batch.shard == needs)
        report.unprepared.push_back(batch.shard);
    if (report.unprepared.empty())
      return journal_->commit(batches);
    report.outcome = commit_outcome::failed;
    report.detail = "away";
    return report;
  }
  result<shard_tenure> inspect(shard_id shard) override { return journal_->inspect(shard); }
  result<void> mark_published(shard_id shard, epoch_t epoch, position_t upto) override {
    return journal_->mark_published(shard, epoch, upto);
  }
  result<void> mark_copied(shard_id shard, std::span<const int64_t> numbers) override {
    return journal_->mark_copied(shard, numbers);
  }
  static inline bool away = false;
  static inline shard_id needs{1};

private:
  std::unique_ptr<journal_store> journal_;
};

class a_stock_that_is_away : public ::testing::Test {
protected:
  a_stock_that_is_away() {
    EXPECT_TRUE(truth.migrate(4));
    distant_stock::away = false;
  }
  void pass(std::chrono::milliseconds length) {
    for (auto end = now + length; now < end; now += 1ms)
      steps.step(now);
  }
  std::shared_ptr<actors::pending_commit> own(shard_id shard) {
    std::optional<result<shard_tenure>> told;
    steps.acquire(shard, [&](auto tenure) { told = std::move(tenure); });
    pass(10ms);
    return std::make_shared<actors::pending_commit>(
        **told, [this, shard](const actors::commit_note& note) {
          heard.push_back(std::to_string(shard.value) +
                          (note.outcome == actors::commit_note::kind::done ? " done" : " lost"));
        });
  }
  void release(const std::shared_ptr<actors::pending_commit>& to, int64_t offset) {
    actors::commit_release one;
    one.ordinal = static_cast<uint64_t>(offset) + 1;
    one.answered = log_place{intake::tasks, to->shard(), offset};
    if (to->add(std::move(one)))
      steps.enlist(to);
  }

  virtual_clock time;
  memory_store truth{time};
  actors::commit_steps::instant now{};
  actors::commit_steps steps{
      truth, std::make_unique<distant_stock>(truth.open_journal()), time, {.node = "one"}};
  std::vector<std::string> heard;
};

TEST_F(a_stock_that_is_away, holds_back_only_the_shards_that_need_it) {
  const auto needy = own(shard_id{1});
  const auto other = own(shard_id{2});
  distant_stock::away = true;
  release(needy, 0);
  release(other, 0);
  pass(100ms);
  EXPECT_EQ(heard, (std::vector<std::string>{"2 done"}));
  release(other, 1);
  pass(100ms);
  EXPECT_EQ(heard, (std::vector<std::string>{"2 done", "2 done"}));
  distant_stock::away = false;
  pass(1s);
  EXPECT_EQ(heard.back(), "1 done");
  EXPECT_EQ(truth.open_journal()->inspect(shard_id{1})->next[1], 1);
}

TEST_F(a_stock_that_is_away, for_long_lets_its_shards_begin_again) {
  const auto needy = own(shard_id{1});
  distant_stock::away = true;
  release(needy, 0);
  pass(2500ms);
  EXPECT_TRUE(heard.empty());
  pass(2s);
  EXPECT_EQ(heard, (std::vector<std::string>{"1 lost"}));
  EXPECT_EQ(truth.open_journal()->inspect(shard_id{1})->next[1], 0);
}

TEST_F(a_stock_that_is_away, keeps_no_writer_from_stopping) {
  const auto needy = own(shard_id{1});
  distant_stock::away = true;
  release(needy, 0);
  pass(100ms);
  steps.stop();
  pass(10ms);
  EXPECT_TRUE(steps.ended());
}

/// Of an order that is open, of one that has ended, and of one that retention has deleted.
TEST(settled_stock, is_forgotten_once_its_order_has_ended) {
  virtual_clock time;
  memory_store truth{time};
  ASSERT_TRUE(truth.migrate(1));
  memory_stock stock(truth);
  const auto shelf = stock.open_stock();
  const auto reader = truth.open_reader();
  const auto journal = truth.open_journal();
  shard_owner owner(shard_id{0}, *journal->acquire(shard_id{0}, "n1", noon));
  const auto open = owner.submit(an_order());
  const auto ended = owner.submit(an_order());
  owner.apply(ended, order_command{cancel_order{"no"}});
  ASSERT_TRUE(shelf->create({"Laptop", 9, {}, {}, {}}, noon));
  std::vector<stock_hold> holds;
  for (const auto order : {open, ended, new_entity_id(noon, shard_id{0}, 999)})
    holds.push_back({new_entity_id(noon, shard_id{0}, 500 + holds.size()), order, "Laptop", 2});
  ASSERT_TRUE(shelf->hold(holds, noon));
  auto batch = owner.seal();
  for (const auto& one : holds)
    batch.stock.push_back({one.task, false, {}, one.order, one.product});
  ASSERT_EQ(journal->commit(std::span(&batch, 1)).outcome, commit_outcome::done);

  settled_hold place;
  size_t dropped = 0;
  do {
    dropped += actors::drop_settled(*shelf, *reader, place, noon + 1h, 1).value();
  } while (!place.order.is_nil());
  EXPECT_EQ(dropped, 2u);
  const auto left = stock.reservations();
  ASSERT_EQ(left.size(), 1u);
  EXPECT_EQ(left.begin()->second.first.order, open);
  EXPECT_EQ(shelf->get("Laptop")->taken, 6);
  EXPECT_EQ(actors::drop_settled(*shelf, *reader, place, noon, 10).value(), 0u) << "too young";
}

TEST(settled_stock, stays_with_an_order_that_may_be_resumed) {
  order failed;
  failed.status = order_status::failed;
  EXPECT_TRUE(actors::needs_reservation(failed, true));
  EXPECT_FALSE(actors::needs_reservation(failed, false)) << "what was given back is over";
  order completed;
  completed.status = order_status::completed;
  EXPECT_FALSE(actors::needs_reservation(completed, true));
  order stuck;
  stuck.status = order_status::compensation_failed;
  EXPECT_TRUE(actors::needs_reservation(stuck, false));
}

}  // namespace

}  // namespace orrery::test
