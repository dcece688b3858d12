#include "persistence/sqlite/sqlite_store.hpp"

#include "persistence/sqlite/database.hpp"
#include "tests/contract/store/store_contract.hpp"

#include <atomic>

namespace orrery::test {

namespace {

class movable_clock final : public clock {
public:
  time_point now() const override { return from_micros(micros_.load()); }
  void advance(duration length) { micros_ += length.count(); }

private:
  std::atomic<int64_t> micros_ = micros(noon);
};

class sqlite_place final : public store_place {
public:
  std::unique_ptr<store> open() override { return std::make_unique<sqlite_store>(file_, time_); }
  bool make_schema_newer() override {
    auto db = sqlite::database::open(file_, sqlite::access::write, {});
    EXPECT_TRUE(db && db->execute("INSERT INTO schema_version VALUES (9999, 0)"));
    return true;
  }
  bool pass_time(duration length) override {
    time_.advance(length);
    return true;
  }

private:
  temp_dir folder_;
  std::filesystem::path file_ = folder_.path() / "orrery.db";
  movable_clock time_;
};

INSTANTIATE_TEST_SUITE_P(
    sqlite, store_contract,
    ::testing::Values(store_adapter{"sqlite", [] { return std::make_unique<sqlite_place>(); }}),
    store_adapter_name);

}  // namespace

}  // namespace orrery::test
