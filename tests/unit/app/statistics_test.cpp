/// The fold of the statistics over a journal whose rows retention has deleted.

#include "app/statistics_office.hpp"
#include "base/clock.hpp"
#include "persistence/memory/memory_store.hpp"
#include "tests/contract/store/store_batches.hpp"

#include <gtest/gtest.h>

namespace orrery::test {

namespace {

const shard_id statistics_shard{0};

struct stored_journal {
  system_clock time;
  memory_store store{time};
  std::unique_ptr<journal_store> journal = store.open_journal();
  std::unique_ptr<entity_store> reader = store.open_reader();
  shard_owner owner{statistics_shard, begin()};

  shard_tenure begin() {
    EXPECT_TRUE(store.migrate(1));
    return journal->acquire(statistics_shard, "node-1", noon).value();
  }
  void commit() {
    const auto batch = owner.seal();
    ASSERT_EQ(journal->commit(std::span(&batch, 1)).outcome, commit_outcome::done);
  }
  std::vector<order_statistic> folded_from(position_t from) {
    order_statistics_fold fold;
    app::known_specs specs;
    const auto upto = app::fold_page(*reader, statistics_shard, from, fold, specs);
    EXPECT_TRUE(upto && *upto == owner.position());
    return fold.rows();
  }
};

}  // namespace

TEST(statistics, an_order_that_retention_has_deleted_still_counts_as_what_it_came_to) {
  stored_journal given;
  auto spec = an_order("Cable");
  spec.quantity = 3;
  const auto gone = given.owner.submit(spec);
  const auto kept = given.owner.submit(spec);
  given.commit();
  const auto counted = given.owner.position();
  for (const auto id : {gone, kept})
    given.owner.apply(id, order_command{cancel_order{"no more"}});
  given.commit();
  given.owner.erase(gone, noon + 1min);
  given.commit();

  const auto rows = given.folded_from(counted);
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_EQ(rows.front(),
            (order_statistic{minute_of(noon), "Cable", order_status::cancelled, 2, 6}));
}

}  // namespace orrery::test
