#include "persistence/sqlite/embedded_log.hpp"

#include "persistence/sqlite/database.hpp"
#include "tests/contract/log/log_contract.hpp"

namespace orrery::test {

namespace {

using namespace std::chrono_literals;

/// A store of its own per opened log, as each start of the program makes one.
struct embedded_log_adapter {
  static constexpr std::chrono::milliseconds patience = 20s;
  temp_dir folder;
  system_clock time;
  std::vector<std::unique_ptr<sqlite_store>> stores;

  std::unique_ptr<intake_log> open() {
    stores.push_back(std::make_unique<sqlite_store>(folder.path() / "orrery.db", time));
    EXPECT_TRUE(stores.back()->migrate(log_shards));
    return std::make_unique<embedded_log>(*stores.back());
  }
};

}  // namespace

INSTANTIATE_TYPED_TEST_SUITE_P(embedded, log_contract, embedded_log_adapter);

}  // namespace orrery::test
