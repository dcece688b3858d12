#pragma once
/// What every identity store must do. Instantiated beside `store_contract`, with the same places.
/// The tests stand in identity_contract.cpp.

#include "domain/ports/identity_store.hpp"
#include "tests/contract/store/store_contract.hpp"

#include <gtest/gtest.h>

namespace orrery {
inline void PrintTo(const audit_entry& e, std::ostream* out) {
  *out << e.number << ' ' << e.actor << ' ' << e.action << ' ' << e.outcome;
}
}  // namespace orrery

namespace orrery::test {

class identity_contract : public ::testing::TestWithParam<store_adapter> {
protected:
  void SetUp() override {
    place = GetParam().make();
    under_test = place->open();
    const auto migrated = under_test->migrate(4);
    ASSERT_TRUE(migrated) << migrated.error().detail;
    session = source().open_identity();
  }
  identity_source& source() { return dynamic_cast<identity_source&>(*under_test); }
  static audit_entry entry(std::string actor, std::string outcome = "done") {
    audit_entry e;
    e.at = from_micros(1'700'000'000'123'456);
    e.actor = std::move(actor);
    e.action = "cancelTask";
    e.target = "01920000-0000-7003-8000-000000000001";
    e.outcome = std::move(outcome);
    e.reason = "schön";
    e.address = "127.0.0.1";
    e.request_id = "r-1";
    e.node = "node1";
    return e;
  }

  std::unique_ptr<store_place> place;
  std::unique_ptr<store> under_test;
  std::unique_ptr<identity_store> session;
};

}  // namespace orrery::test
