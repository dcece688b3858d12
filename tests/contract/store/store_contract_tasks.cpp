/// What stores know of tasks alone: unique keys, counts by queue and kind, search by text.

#include "domain/unique_key.hpp"
#include "tests/contract/store/store_contract.hpp"

#include <array>

namespace orrery::test {

namespace {

task_spec keyed(std::string key, unique_mode mode = unique_mode::until_done) {
  auto spec = a_task();
  spec.unique_key = std::move(key);
  if (mode != unique_mode::until_done) {
    task_options o;
    o.unique = mode;
    o.unique_window = 10s;
    spec.options = o;
  }
  return spec;
}

std::optional<entity_id> holder_in(entity_store& reader, shard_id shard, std::string_view key) {
  const auto found = reader.key_holder(shard, key);
  EXPECT_TRUE(found) << (found ? "" : found.error().detail);
  return found && *found ? std::optional((*found)->id) : std::nullopt;
}

}  // namespace

TEST_P(store_contract, finds_who_holds_a_unique_key) {
  auto owner = own(one);
  const auto id = owner.submit(keyed("k"));
  owner.submit(keyed("other"));
  owner.submit(a_task());
  commit(owner);
  EXPECT_EQ(holder_in(*reader, one, "k"), id);
  EXPECT_EQ(holder_in(*reader, two, "k"), std::nullopt);
  EXPECT_EQ(holder_in(*reader, one, "K"), std::nullopt);
  owner.apply(id, task_command{start_task{"node-1"}});
  commit(owner);
  EXPECT_EQ(holder_in(*reader, one, "k"), id);
}

TEST_P(store_contract, finds_a_unique_key_among_the_tasks_of_its_limit_key_alone) {
  const auto with_limit = [](std::string limit) {
    auto spec = keyed("k");
    spec.options.edit([&](task_options& o) { o.limit_key = std::move(limit); });
    return spec;
  };
  auto owner = own(one);
  const auto plain = owner.submit(keyed("k"));
  const auto acme = owner.submit(with_limit("acme"));
  const auto globex = owner.submit(with_limit("globex"));
  commit(owner);
  EXPECT_EQ(holder_in(*reader, one, "k"), plain);
  EXPECT_EQ(holder_in(*reader, one, held_as(with_limit("acme"))), acme);
  EXPECT_EQ(holder_in(*reader, one, held_as(with_limit("globex"))), globex);
  owner.apply(acme, task_command{cancel_task{}});
  commit(owner);
  EXPECT_EQ(holder_in(*reader, one, held_as(with_limit("acme"))), std::nullopt);
  EXPECT_EQ(holder_in(*reader, one, held_as(with_limit("globex"))), globex);
  entity_query by_key;
  by_key.kind = entity_kind::task;
  by_key.unique_key = "k";
  const auto found = reader->list(by_key);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->items.size(), 3u) << "who looks for a key finds it with every limit key";
}

TEST_P(store_contract, a_key_is_found_no_longer_once_its_task_has_ended) {
  auto owner = own(one);
  const auto good = owner.finished(keyed("good"));
  const auto bad = owner.submit(keyed("bad"));
  owner.apply(bad, task_command{cancel_task{}});
  const auto born_ended = owner.submit(keyed("both"));
  owner.apply(born_ended, task_command{cancel_task{}});
  commit(owner);
  EXPECT_EQ(holder_in(*reader, one, "good"), std::nullopt);
  EXPECT_EQ(holder_in(*reader, one, "bad"), std::nullopt);
  EXPECT_EQ(holder_in(*reader, one, "both"), std::nullopt);
  owner.apply(good, task_command{rerun_task{}});
  commit(owner);
  EXPECT_EQ(holder_in(*reader, one, "good"), good);
}

TEST_P(store_contract, finds_the_older_holder_of_a_key_where_the_newer_is_not_wanted) {
  auto owner = own(one);
  const auto older = owner.submit(keyed("k"));
  commit(owner);
  const auto newer = owner.submit(keyed("k"));
  commit(owner);
  const std::array passed{newer, older};
  const auto found = reader->key_holder(one, "k", std::span(passed).first(1));
  ASSERT_TRUE(found && *found);
  EXPECT_EQ((*found)->id, older);
  const auto nobody = reader->key_holder(one, "k", passed);
  ASSERT_TRUE(nobody);
  EXPECT_FALSE(*nobody);
}

// Found by the simulator: owners' clocks differ, so the next holder may well be the older one.
TEST_P(store_contract, who_gave_a_key_up_by_starting_does_not_hide_its_holder) {
  auto owner = own(one);
  const auto first = owner.submit(keyed("k", unique_mode::until_start), noon + 1s);
  owner.apply(first, task_command{start_task{"node-1"}}, noon + 1s);
  const auto second = owner.submit(keyed("k"), noon);
  commit(owner);
  EXPECT_EQ(holder_in(*reader, one, "k"), second);
}

TEST_P(store_contract, a_window_is_found_after_success_and_the_newest_first) {
  auto owner = own(one);
  owner.finished(keyed("w", unique_mode::window), noon);
  const auto newer = owner.finished(keyed("w", unique_mode::window), noon + 20s);
  commit(owner);
  EXPECT_EQ(holder_in(*reader, one, "w"), newer);
}

TEST_P(store_contract, duplicates_of_a_key_do_not_hide_its_holder) {
  auto owner = own(one);
  const auto holder = owner.submit(keyed("k"), noon);
  const auto duplicate = new_entity_id(noon + 1s, one, 99);
  owner.apply(duplicate, task_command{submit_task{keyed("k"), holder}}, noon + 1s);
  commit(owner);
  EXPECT_EQ(holder_in(*reader, one, "k"), holder);
  entity_query by_key;
  by_key.unique_key = "k";
  EXPECT_EQ(list_all(by_key), (std::vector{duplicate, holder}));
}

TEST_P(store_contract, counts_tasks_by_queue_and_kind) {
  auto first = own(one);
  auto second = own(two);
  auto mail = a_task("http");
  mail.queue = "mail";
  first.submit(a_task());
  first.finished(a_task());
  const auto moving = first.submit(mail);
  second.submit(mail);
  commit({first.seal(), second.seal()});
  first.apply(moving, task_command{start_task{"node-1"}});
  second.submit(an_order());
  commit({first.seal(), second.seal()});
  queue_counts plain{"default", "noop", {}};
  plain.tasks[static_cast<size_t>(task_status::queued)] = 1;
  plain.tasks[static_cast<size_t>(task_status::succeeded)] = 1;
  queue_counts letters{"mail", "http", {}};
  letters.tasks[static_cast<size_t>(task_status::queued)] = 1;
  letters.tasks[static_cast<size_t>(task_status::running)] = 1;
  const auto counted = reader->counts();
  ASSERT_TRUE(counted) << counted.error().detail;
  EXPECT_EQ(*counted, (std::vector{plain, letters}));
}

TEST_P(store_contract, counts_agree_with_the_statuses_of_the_shards) {
  auto owner = own(one);
  for (int i = 0; i < 20; ++i) {
    auto spec = a_task(i % 2 == 0 ? "noop" : "sleep");
    spec.queue = i % 3 == 0 ? "a" : "b";
    i % 4 == 0 ? owner.finished(spec) : owner.submit(spec);
    if (i % 5 == 0)
      commit(owner);
  }
  commit(owner);
  std::array<int64_t, task_statuses> sum{};
  const auto rows = reader->counts().value();
  for (const auto& row : rows)
    for (size_t i = 0; i < task_statuses; ++i)
      sum[i] += row.tasks[i];
  EXPECT_EQ(sum, row_of(one).counts.tasks);
}

TEST_P(store_contract, finds_tasks_by_a_text_in_their_description) {
  auto owner = own(one);
  auto spec = a_task();
  spec.description = "Copy of the CATALOGUE, 100% done_";
  const auto id = owner.submit(spec, noon);
  spec.description = "catalogue of last year";
  const auto later = owner.submit(spec, noon + 1s);
  spec.description = "100 percent, done";
  owner.submit(spec, noon + 2s);
  owner.submit(a_task(), noon + 3s);
  commit(owner);
  const auto find = [&](std::string text) {
    entity_query query;
    query.text = std::move(text);
    query.limit = 1;  // pages
    return list_all(query);
  };
  EXPECT_EQ(find("catalogue"), (std::vector{later, id}));
  EXPECT_EQ(find("100%"), std::vector{id});
  EXPECT_EQ(find("done_"), std::vector{id});
  EXPECT_TRUE(find("\\").empty());
  EXPECT_TRUE(find("nothing of it").empty());
}

TEST_P(store_contract, finds_tasks_by_how_their_id_begins) {
  auto owner = own(one);
  const auto id = owner.submit(a_task());
  const auto elsewhere = owner.submit(a_task(), noon + 24h * 365);
  commit(owner);
  entity_query query;
  query.text = to_string(id);
  EXPECT_EQ(list_all(query), std::vector{id});
  query.text = to_string(elsewhere).substr(0, 10);
  EXPECT_EQ(list_all(query), std::vector{elsewhere});
  query.text = "ffffffff-ffff-f";
  EXPECT_TRUE(list_all(query).empty());
}

}  // namespace orrery::test
