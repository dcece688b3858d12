/// Schedules in a store: a third kind of row, found when due, by name and in lists.

#include "tests/contract/store/store_contract.hpp"

namespace orrery::test {

inline shared_times every_second() {
  fire_times_spec spec;
  spec.expressions = {"* * * * * ?"};
  auto made = fire_times::make(spec, [](std::string_view) {
    return result<shared_zone>(std::make_shared<const zone_rules>());
  });
  return std::make_shared<const fire_times>(std::move(*made));
}

inline schedule_spec a_schedule(std::string name) {
  schedule_spec spec;
  spec.name = std::move(name);
  spec.times.expressions = {"* * * * * ?"};
  spec.task.kind = "noop";
  spec.overlap = overlap_policy::allow;
  return spec;
}

TEST_P(store_contract, keeps_a_schedule_and_finds_it_by_id_name_status_and_time) {
  auto owner = own(one);
  const auto times = every_second();
  const auto id = new_entity_id(noon, one, 77);
  owner.apply(id, schedule_command{submit_schedule{a_schedule("first"), times}});
  commit(owner);
  const auto session = under_test->open_reader();
  EXPECT_EQ(session->load(std::span(&id, 1)).value(), std::vector{owner.state(id)});
  const auto due = session->due(one, noon + 10s, {}, 10).value();
  ASSERT_EQ(due.size(), 1u);
  EXPECT_EQ(due[0].id, id);
  EXPECT_EQ(due[0].kind, entity_kind::schedule);
  EXPECT_EQ(due[0].at, noon + 1s);
  entity_query query;
  query.kind = entity_kind::schedule;
  query.reference = "first";
  query.statuses = {static_cast<uint8_t>(schedule_status::active)};
  EXPECT_EQ(session->list(query).value().items, std::vector{owner.state(id)});
  query.reference = "second";
  EXPECT_TRUE(session->list(query).value().items.empty());
  query.kind = entity_kind::task;
  query.reference.clear();
  query.statuses.clear();
  EXPECT_TRUE(session->list(query).value().items.empty());
}

TEST_P(store_contract, keeps_fires_in_the_journal_and_not_in_the_history_of_the_row) {
  auto owner = own(one);
  const auto times = every_second();
  const auto id = new_entity_id(noon, one, 77);
  owner.apply(id, schedule_command{submit_schedule{a_schedule("first"), times}});
  commit(owner);
  for (int i = 1; i <= 3; ++i) {
    owner.apply(id, schedule_command{wake_schedule{times}}, noon + 1s * i);
    commit(owner);
  }
  owner.apply(id, schedule_command{pause_schedule{"enough"}}, noon + 4s);
  commit(owner);
  const auto session = under_test->open_reader();
  EXPECT_EQ(session->load(std::span(&id, 1)).value(), std::vector{owner.state(id)});
  EXPECT_EQ(session->journal(one, position_t{1}, 100).value(), owner.events());
  const auto history = session->history(id).value();
  ASSERT_EQ(history.size(), 2u);
  EXPECT_EQ(history[0], owner.events().front());
  EXPECT_EQ(history[1], owner.events().back());
  EXPECT_EQ(std::get<schedule>(owner.state(id)).counters.fired, 3u);
}

}  // namespace orrery::test
