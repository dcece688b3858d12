#include "cluster/membership.hpp"

#include "domain/ports/dead_letters.hpp"
#include "domain/ports/operations.hpp"
#include "tests/support/process.hpp"

#include <gtest/gtest.h>
#include <algorithm>
#include <map>

namespace orrery::test {

namespace {

/// The part of a store that membership uses, shared by the sessions.
class registry_store final : public store {
public:
  struct shared {
    std::mutex guard;
    bool away = false;
    int readings = 0;
    std::map<std::string, node_row> nodes;
    std::vector<shard_row> shards;
  };

  shared& now() { return shared_; }

  result<void> migrate(uint32_t) override { return {}; }
  std::unique_ptr<journal_store> open_journal() override { return nullptr; }
  std::unique_ptr<entity_store> open_reader() override { return std::make_unique<reader>(shared_); }
  std::unique_ptr<letter_store> open_letters() override { return nullptr; }
  std::unique_ptr<operation_store> open_operations() override { return nullptr; }
  std::unique_ptr<node_registry> open_registry() override {
    return std::make_unique<registry>(shared_);
  }
  result<void> ping() override { return {}; }

private:
  static failure away() { return failure{errc::unavailable, "the store is away"}; }

  class registry final : public node_registry {
  public:
    explicit registry(shared& s) : shared_(s) {}
    result<void> announce(const node_row& node) override {
      const std::lock_guard lock(shared_.guard);
      if (shared_.away)
        return registry_store::away();
      shared_.nodes[node.name] = node;
      return {};
    }
    result<void> withdraw(std::string_view name) override {
      const std::lock_guard lock(shared_.guard);
      shared_.nodes.erase(std::string(name));
      return {};
    }
    result<std::vector<node_row>> nodes(duration) override {
      const std::lock_guard lock(shared_.guard);
      std::vector<node_row> rows;
      for (const auto& [name, row] : shared_.nodes)
        rows.push_back(row);
      return rows;
    }

  private:
    shared& shared_;
  };

  class reader final : public entity_store {
  public:
    explicit reader(shared& s) : shared_(s) {}
    result<std::vector<entity>> load(std::span<const entity_id>) override { return none(); }
    result<std::vector<due_row>> due(shard_id, time_point, const due_cursor&, size_t) override {
      return none();
    }
    result<entity_page> list(const entity_query&) override { return none(); }
    result<std::optional<task>> key_holder(shard_id, std::string_view,
                                           std::span<const entity_id>) override {
      return none();
    }
    result<std::vector<queue_counts>> counts() override { return none(); }
    result<std::vector<event_record>> history(entity_id) override { return none(); }
    result<std::vector<event_record>> journal(shard_id, position_t, size_t) override {
      return none();
    }
    result<std::vector<shard_row>> shards() override {
      const std::lock_guard lock(shared_.guard);
      ++shared_.readings;
      return shared_.shards;
    }
    result<std::vector<dead_letter>> dead_letters(size_t) override { return none(); }
    result<std::vector<numbered_letter>> letters_to_copy(shard_id, int64_t, size_t) override {
      return none();
    }

  private:
    static failure none() { return failure{errc::not_found, "membership reads no entities"}; }
    shared& shared_;
  };

  shared shared_;
};

class membership_test : public ::testing::Test {
protected:
  membership_test() {
    how_.self.name = "a";
    how_.self.mesh_address = "127.0.0.1:4000";
    how_.period = 50ms;
  }

  void begin() {
    membership_.emplace(store_, how_, [this](std::vector<node_row> rows) {
      const std::lock_guard lock(guard_);
      told_ = std::move(rows);
    });
    membership_->start();
  }

  std::vector<std::string> told() {
    const std::lock_guard lock(guard_);
    std::vector<std::string> names;
    for (const auto& row : told_)
      names.push_back(row.name);
    return names;
  }

  template <class Change>
  void change(Change what) {
    const std::lock_guard lock(store_.now().guard);
    what(store_.now());
  }

  static shard_row owned(uint16_t shard, std::string owner) {
    shard_row row;
    row.shard = shard_id{shard};
    row.owner = std::move(owner);
    return row;
  }

  static constexpr std::chrono::seconds long_enough{30};
  registry_store store_;
  membership::options how_;
  std::mutex guard_;
  std::vector<node_row> told_;
  std::optional<membership> membership_;
};

}  // namespace

TEST_F(membership_test, announces_itself_and_tells_of_all_nodes) {
  change([](auto& now) { now.nodes["b"].name = "b"; });
  begin();
  EXPECT_TRUE(eventually(
      [&] {
        return told() == std::vector<std::string>{"a", "b"};
      },
      long_enough));
  change([](auto& now) { now.nodes.erase("b"); });
  EXPECT_TRUE(eventually([&] { return told() == std::vector<std::string>{"a"}; }, long_enough));
  EXPECT_EQ(membership_->nodes().front().mesh_address, "127.0.0.1:4000");
}

TEST_F(membership_test, withdraws_at_stop) {
  begin();
  EXPECT_TRUE(eventually([&] { return !told().empty(); }, long_enough));
  membership_->stop();
  membership_->stop();
  change([](auto& now) { EXPECT_TRUE(now.nodes.empty()); });
}

TEST_F(membership_test, knows_the_owners_of_the_shards) {
  change([](auto& now) { now.shards = {owned(0, "a"), owned(1, "b"), owned(2, "")}; });
  begin();
  EXPECT_TRUE(eventually([&] { return membership_->owner_of(shard_id{1}) == "b"; }, long_enough));
  EXPECT_EQ(membership_->owner_of(shard_id{0}), "a");
  EXPECT_EQ(membership_->owner_of(shard_id{2}), std::nullopt);
  EXPECT_EQ(membership_->owner_of(shard_id{3}), std::nullopt);
  change([](auto& now) { now.shards[1].owner = "a"; });
  EXPECT_TRUE(eventually([&] { return membership_->owner_of(shard_id{1}) == "a"; }, long_enough));
}

TEST_F(membership_test, stops_at_once_in_the_middle_of_its_period) {
  how_.period = 1h;
  begin();
  EXPECT_TRUE(eventually([&] { return membership_->ready().has_value(); }, long_enough));
  membership_->stop();
  change([](auto& now) { EXPECT_EQ(now.readings, 1); });
}

TEST_F(membership_test, reads_again_long_before_its_period_when_asked_to) {
  how_.period = 10min;
  how_.refresh_pause = 1ms;
  begin();
  EXPECT_TRUE(eventually([&] { return membership_->ready().has_value(); }, long_enough));
  change([](auto& now) { now.shards = {owned(5, "c")}; });
  membership_->refresh_soon();
  EXPECT_TRUE(eventually([&] { return membership_->owner_of(shard_id{5}) == "c"; }, long_enough));
}

TEST_F(membership_test, keeps_its_last_view_while_the_store_is_away) {
  change([](auto& now) { now.shards = {owned(0, "b")}; });
  begin();
  EXPECT_TRUE(eventually([&] { return membership_->owner_of(shard_id{0}) == "b"; }, long_enough));
  change([](auto& now) { now.away = true; });
  EXPECT_TRUE(eventually([&] { return !membership_->ready(); }, long_enough));
  EXPECT_EQ(membership_->owner_of(shard_id{0}), "b");
  EXPECT_EQ(told(), std::vector<std::string>{"a"});
  change([](auto& now) { now.away = false; });
  EXPECT_TRUE(eventually([&] { return membership_->ready().has_value(); }, long_enough));
}

}  // namespace orrery::test
