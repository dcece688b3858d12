#pragma once
/// What every shelf of flows promises.

#include "domain/ports/flows.hpp"

#include <functional>
#include <gtest/gtest.h>
#include <set>
#include <thread>

namespace orrery::test {

inline flow a_flow(std::string name, std::string description = {}) {
  flow f;
  f.name = std::move(name);
  f.description = std::move(description);
  flow_step one;
  one.name = "only";
  task_spec spec;
  spec.kind = "noop";
  one.task = spec;
  f.steps.push_back(std::move(one));
  return f;
}

inline void keeps_every_version(flow_source& where) {
  const auto shelf = where.open_flows();
  const auto now = from_micros(1'800'000'000'000'000);
  EXPECT_EQ(shelf->get("shop", 0).error().code, errc::not_found);
  EXPECT_TRUE(shelf->newest()->empty());
  const auto first = shelf->put(a_flow("shop", "first"), now);
  ASSERT_TRUE(first) << first.error().detail;
  EXPECT_EQ(first->version, 1u);
  EXPECT_EQ(shelf->put(a_flow("shop", "first"), now)->version, 1u);  // the same again
  EXPECT_EQ(shelf->put(a_flow("shop", "second"), now)->version, 2u);
  EXPECT_EQ(shelf->put(a_flow("shop", "first"), now)->version, 3u);  // as the first, but newer
  EXPECT_EQ(shelf->put(a_flow("other"), now)->version, 1u);

  const auto elsewhere = where.open_flows();
  EXPECT_EQ(elsewhere->get("shop", 1)->description, "first");
  EXPECT_EQ(elsewhere->get("shop", 2)->description, "second");
  EXPECT_EQ(elsewhere->get("shop", 0)->version, 3u);
  EXPECT_EQ(elsewhere->get("shop", 4).error().code, errc::not_found);
  const auto newest = elsewhere->newest();
  ASSERT_EQ(newest->size(), 2u);
  EXPECT_EQ(newest->at(0).name, "other");
  EXPECT_EQ(newest->at(1), *elsewhere->get("shop", 3));
}

inline void gives_two_writers_versions_of_their_own(flow_source& where) {
  const auto now = from_micros(1'800'000'000'000'000);
  std::array<std::set<uint32_t>, 2> given;
  const auto write = [&](size_t who) {
    const auto shelf = where.open_flows();
    for (int i = 0; i < 10; ++i) {
      const auto text = std::to_string(who) + '/' + std::to_string(i);
      // Somebody else was faster ten times in a row: then it says so.
      if (const auto stored = shelf->put(a_flow("raced", text), now))
        given[who].insert(stored->version);
    }
  };
  std::thread other(write, 1);
  write(0);
  other.join();
  auto all = given[0];
  all.insert(given[1].begin(), given[1].end());
  EXPECT_EQ(all.size(), given[0].size() + given[1].size());
  EXPECT_EQ(*all.rbegin(), all.size());
}

}  // namespace orrery::test
