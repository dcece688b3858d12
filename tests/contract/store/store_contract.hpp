#pragma once
/// What every store must do. An adapter's test includes this header and instantiates the suite:
///
///     INSTANTIATE_TEST_SUITE_P(sqlite, store_contract, ::testing::Values(store_adapter{
///         "sqlite", [] { return std::make_unique<sqlite_place>(); }}), store_adapter_name);
///
/// The tests stand in store_contract_*.cpp, compiled once for all adapters.

#include "domain/ports/store.hpp"
#include "domain/wake.hpp"
#include "tests/contract/store/store_batches.hpp"
#include "tests/support/process.hpp"

#include <functional>
#include <gtest/gtest.h>
#include <memory>
#include <ostream>

// Queries name the few fields they set; GCC 12 takes that for forgetfulness, unlike later versions.
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

namespace orrery {

// So that a failed comparison of lists stays readable.
inline void PrintTo(const entity& e, std::ostream* out) {
  *out << to_string(id_of(e)) << ' ' << status_text(kind_of(e), status_of(e));
}
inline void PrintTo(const event_record& r, std::ostream* out) {
  *out << r.position.value << ' ' << name_of(r.event) << " of " << to_string(r.id);
}

}  // namespace orrery

namespace orrery::test {

/// Somewhere for a store to be: a file, a database schema, a state in memory. Empty and not
/// migrated at first; what it holds is removed with it.
class store_place {
public:
  virtual ~store_place() = default;
  /// Opens a store on what is there. Called again, it opens a second one (a restart, another node);
  /// the earlier one may be gone by then. A memory store may answer with one that shares its state.
  virtual std::unique_ptr<store> open() = 0;
  /// Raises the stored schema version beyond the program's; false where there is no such thing.
  virtual bool make_schema_newer() { return false; }
  /// Lets the store's own clock pass; false where that cannot be done.
  virtual bool pass_time(duration /*length*/) { return false; }
};

struct store_adapter {
  std::string name;
  std::function<std::unique_ptr<store_place>()> make;
};
inline void PrintTo(const store_adapter& adapter, std::ostream* out) { *out << adapter.name; }
inline std::string store_adapter_name(const ::testing::TestParamInfo<store_adapter>& info) {
  return info.param.name;
}

/// Every test starts with a fresh store of four shards.
class store_contract : public ::testing::TestWithParam<store_adapter> {
protected:
  static constexpr uint32_t shard_count = 4;
  static constexpr shard_id one{1};
  static constexpr shard_id two{2};
  static constexpr shard_id three{3};

  void SetUp() override {
    place = GetParam().make();
    under_test = place->open();
    const auto migrated = under_test->migrate(shard_count);
    ASSERT_TRUE(migrated) << migrated.error().detail;
    journal = under_test->open_journal();
    reader = under_test->open_reader();
  }
  void TearDown() override {
    reader.reset();
    journal.reset();
    under_test.reset();
    place.reset();
  }

  /// A new tenure of the shard.
  shard_owner own(shard_id shard, std::string_view owner = "node-1") {
    auto tenure = journal->acquire(shard, owner, noon);
    if (!tenure) {
      ADD_FAILURE() << "acquire: " << tenure.error().detail;
      return shard_owner(shard, {});
    }
    return shard_owner(shard, *tenure);
  }

  void commit(const std::vector<shard_batch>& batches) {
    const auto report = journal->commit(batches);
    ASSERT_EQ(report.outcome, commit_outcome::done) << report.detail;
    EXPECT_TRUE(report.refused.empty());
  }
  void commit(shard_owner& owner) { commit({owner.seal()}); }

  /// One entity as the store has it.
  std::optional<entity> stored(entity_id id) {
    auto found = reader->load(std::vector{id});
    if (!found) {
      ADD_FAILURE() << "load: " << found.error().detail;
      return std::nullopt;
    }
    EXPECT_LE(found->size(), 1U);
    if (found->empty())
      return std::nullopt;
    return std::move(found->front());
  }

  std::vector<event_record> history_of(entity_id id) {
    auto events = reader->history(id);
    EXPECT_TRUE(events) << (events ? "" : events.error().detail);
    return events ? std::move(*events) : std::vector<event_record>{};
  }

  std::vector<event_record> journal_of(shard_id shard, int64_t from = 1, size_t limit = 100'000) {
    auto events = reader->journal(shard, position_t{from}, limit);
    EXPECT_TRUE(events) << (events ? "" : events.error().detail);
    return events ? std::move(*events) : std::vector<event_record>{};
  }

  std::vector<due_row> due(shard_id shard, time_point until, const due_cursor& after = {},
                           size_t limit = 1'000) {
    auto rows = reader->due(shard, until, after, limit);
    EXPECT_TRUE(rows) << (rows ? "" : rows.error().detail);
    return rows ? std::move(*rows) : std::vector<due_row>{};
  }

  entity_page list(const entity_query& query) {
    auto page = reader->list(query);
    EXPECT_TRUE(page) << (page ? "" : page.error().detail);
    return page ? std::move(*page) : entity_page{};
  }

  /// Ids of all pages, in the order they came.
  std::vector<entity_id> list_all(entity_query query) {
    std::vector<entity_id> ids;
    for (int pages = 0; pages < 1'000; ++pages) {
      const auto page = list(query);
      EXPECT_LE(page.items.size(), query.limit);
      for (const auto& item : page.items)
        ids.push_back(id_of(item));
      if (page.next.empty())
        return ids;
      query.cursor = page.next;
    }
    ADD_FAILURE() << "the list never ends";
    return ids;
  }

  shard_row row_of(shard_id shard) {
    auto rows = reader->shards();
    EXPECT_TRUE(rows) << (rows ? "" : rows.error().detail);
    if (rows)
      for (auto& row : *rows)
        if (row.shard == shard)
          return row;
    return {};
  }

  /// What the store says of the shard is what its owner believes.
  void expect_agrees(const shard_owner& owner) {
    const auto row = row_of(owner.shard());
    EXPECT_EQ(row.shard, owner.shard());
    EXPECT_EQ(row.epoch, owner.epoch());
    EXPECT_EQ(row.position, owner.position());
    EXPECT_EQ(row.next, owner.next());
    EXPECT_EQ(row.counts, owner.counts());
  }

  std::unique_ptr<store_place> place;
  std::unique_ptr<store> under_test;
  std::unique_ptr<journal_store> journal;
  std::unique_ptr<entity_store> reader;
};

}  // namespace orrery::test
