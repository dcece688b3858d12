#include "app/entity_loader.hpp"
#include "persistence/memory/memory_store.hpp"
#include "tests/contract/store/store_batches.hpp"

#include <atomic>
#include <condition_variable>
#include <gtest/gtest.h>

namespace orrery::test {

namespace {

constexpr auto patience = std::chrono::seconds(20);

/// Counts the loads of a store, holds them while it is shut, and fails them as it is told.
class load_gate {
public:
  result<void> pass(std::string_view call) {
    if (call != "load")
      return {};
    std::unique_lock lock(guard_);
    ++begun_;
    changed_.notify_all();
    changed_.wait_for(lock, patience, [&] { return open_; });
    if (failures_ == 0)
      return {};
    --failures_;
    return failure{errc::corrupt, "a row cannot be read"};
  }
  void set(bool open, int failures = 0) {
    const std::lock_guard lock(guard_);
    open_ = open;
    failures_ = failures;
    changed_.notify_all();
  }
  bool await_begun(int count) {
    std::unique_lock lock(guard_);
    return changed_.wait_for(lock, patience, [&] { return begun_ >= count; });
  }
  int begun() {
    const std::lock_guard lock(guard_);
    return begun_;
  }

private:
  std::mutex guard_;
  std::condition_variable changed_;
  bool open_ = true;
  int begun_ = 0;
  int failures_ = 0;
};

struct entity_loader_test : ::testing::Test {
  system_clock time;
  memory_store store{time};
  std::unique_ptr<journal_store> journal;
  std::optional<shard_owner> owner;
  load_gate gate;
  std::mutex guard;
  std::condition_variable answered;
  std::vector<result<std::optional<entity>>> answers;
  size_t refusals = 0;

  void SetUp() override {
    ASSERT_TRUE(store.migrate(1));
    journal = store.open_journal();
    const auto tenure = journal->acquire(shard_id{0}, "node-1", noon);
    ASSERT_TRUE(tenure);
    owner.emplace(shard_id{0}, *tenure);
    store.on_call([this](std::string_view call) { return gate.pass(call); });
  }
  void commit() {
    const auto batch = owner->seal();
    ASSERT_EQ(journal->commit({&batch, 1}).outcome, commit_outcome::done);
  }
  void ask(app::entity_loader& loader, entity_id id) {
    loader.load(
        id,
        [this](entity_store&, result<std::optional<entity>> found) {
          const std::lock_guard lock(guard);
          answers.push_back(std::move(found));
          answered.notify_all();
        },
        [this] {
          const std::lock_guard lock(guard);
          ++refusals;
          answered.notify_all();
        });
  }
  bool await(size_t count) {
    std::unique_lock lock(guard);
    return answered.wait_for(lock, patience, [&] { return answers.size() + refusals >= count; });
  }
};

task_status status_in(const result<std::optional<entity>>& answer) {
  return std::get<task>(answer->value()).status;
}

}  // namespace

TEST_F(entity_loader_test, those_who_wait_are_answered_by_one_read) {
  std::vector<entity_id> ids;
  for (int i = 0; i < 50; ++i)
    ids.push_back(owner->submit(a_task()));
  commit();
  app::read_pool pool(store, 2, 1000);
  app::entity_loader loader(pool, 1);
  gate.set(false);
  ask(loader, ids[0]);
  ASSERT_TRUE(gate.await_begun(1));
  for (const auto& id : ids)
    ask(loader, id);
  ask(loader, ids[7]);  // twice among them
  gate.set(true);
  ASSERT_TRUE(await(52));
  EXPECT_EQ(gate.begun(), 2);
  for (const auto& one : answers)
    EXPECT_EQ(status_in(one), task_status::queued);
}

TEST_F(entity_loader_test, an_answer_is_of_a_read_that_began_after_its_question) {
  const auto id = owner->submit(a_task());
  commit();
  app::read_pool pool(store, 4, 1000);
  app::entity_loader loader(pool, 1);
  gate.set(false);
  ask(loader, id);
  ASSERT_TRUE(gate.await_begun(1));
  owner->apply(id, task_command{start_task{"node-1"}});
  commit();
  ask(loader, id);  // told of the start by now
  gate.set(true);
  ASSERT_TRUE(await(2));
  EXPECT_EQ(gate.begun(), 2);
  EXPECT_EQ(status_in(answers[1]), task_status::running);
}

TEST_F(entity_loader_test, what_is_not_there_is_told_and_a_foreign_trouble_is_not) {
  const auto id = owner->submit(a_task());
  commit();
  app::read_pool pool(store, 2, 1000);
  app::entity_loader loader(pool, 1);
  gate.set(false);
  ask(loader, id);
  ASSERT_TRUE(gate.await_begun(1));
  ask(loader, id);
  ask(loader, new_entity_id(noon, shard_id{0}, 99));
  gate.set(true, 2);  // the one under way, and the next: of both that wait
  ASSERT_TRUE(await(3));
  ASSERT_FALSE(answers[0]);
  EXPECT_EQ(answers[0].error().code, errc::corrupt);
  EXPECT_EQ(gate.begun(), 4);  // each of the two by itself, then
  ASSERT_TRUE(answers[1]);
  EXPECT_EQ(status_in(answers[1]), task_status::queued);
  ASSERT_TRUE(answers[2]);
  EXPECT_FALSE(answers[2]->has_value());
}

TEST_F(entity_loader_test, a_pool_that_is_full_refuses_and_nobody_waits_for_ever) {
  const auto id = owner->submit(a_task());
  commit();
  app::read_pool pool(store, 1, 1);
  app::entity_loader loader(pool, 1);
  gate.set(false);
  pool.run([&](entity_store& session) { (void)session.load({&id, 1}); }, [] {});
  ASSERT_TRUE(gate.await_begun(1));
  pool.run([](entity_store&) {}, [] {});  // the queue is full
  ask(loader, id);
  ASSERT_TRUE(await(1));
  EXPECT_EQ(refusals, 1u);
  gate.set(true);
  pool.stop();
}

}  // namespace orrery::test
