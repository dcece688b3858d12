#pragma once
/// What the sessions of one memory store share.

#include "base/clock.hpp"
#include "domain/ports/dead_letters.hpp"
#include "domain/ports/operations.hpp"
#include "domain/ports/store.hpp"
#include "persistence/memory/memory_identity.hpp"

#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <tuple>
#include <unordered_map>

namespace orrery {

struct memory_entity {
  entity state;
  std::vector<event_record> history;
};

struct memory_shard {
  shard_row row;
  int64_t forgotten = 0;              ///< Events dropped from the front of the journal.
  std::vector<event_record> journal;  ///< Event at index i has position forgotten + i + 1.
  std::vector<position_t> commits;    ///< Last position of each commit that held events.
  std::set<std::pair<time_point, entity_id>> due;
};

struct memory_product {
  int64_t available = 0;
  int64_t received = 0;
  time_point updated_at{};
  int64_t taken_before = 0;  ///< Of reservations that are forgotten.
};

struct memory_stock_book {
  struct reservation {
    stock_hold what;
    reservation_state state = reservation_state::held;
    time_point at{};
  };
  std::map<std::string, memory_product, std::less<>> products;
  std::map<entity_id, reservation> reservations;
  std::set<std::string> adjusted;  ///< Keys of adjustments.

  /// Whether all that is taken is held.
  bool can(std::span<const stock_movement> moves) const;
  void move(std::span<const stock_movement> moves);
};

struct planned_fault {
  commit_outcome outcome = commit_outcome::failed;
  bool applied = false;
};

/// `guard` protects everything below it.
struct memory_state {
  explicit memory_state(const clock& source) : time(source) {}

  const clock& time;
  /// Has a lock of its own.
  const std::shared_ptr<memory_identity_state> identity = std::make_shared<memory_identity_state>();
  mutable std::mutex guard;
  uint32_t shard_count = 0;  ///< 0 = not migrated.
  std::map<uint16_t, memory_shard> shards;
  std::unordered_map<entity_id, memory_entity> entities;
  std::array<std::set<std::pair<time_point, entity_id>>, entity_kinds> by_creation;
  std::vector<stored_letter> letters;  ///< Letter at index i has number i + 1.
  std::map<std::pair<std::string, std::string>, std::array<int64_t, task_statuses>> queues;
  std::map<std::pair<uint16_t, std::string>, std::set<std::pair<time_point, entity_id>>> keys;
  std::map<entity_id, bulk_operation> operations;
  memory_stock_book stock;
  std::map<std::string, node_row, std::less<>> nodes;
  int64_t commits = 0;
  std::map<int64_t, planned_fault> faults;  ///< By the number of the commit.
  std::function<result<void>(std::string_view)> hook;

  /// Asks the hook, outside the lock.
  result<void> may(std::string_view call) const;
};

class memory_journal : public journal_store {
public:
  explicit memory_journal(std::shared_ptr<memory_state> state) : state_(std::move(state)) {}
  result<shard_tenure> acquire(shard_id shard, std::string_view owner, time_point now) override;
  commit_report commit(std::span<const shard_batch> batches) override;
  result<shard_tenure> inspect(shard_id shard) override;
  result<void> mark_published(shard_id shard, epoch_t epoch, position_t upto) override;
  result<void> mark_copied(shard_id shard, std::span<const int64_t> numbers) override;

private:
  std::vector<shard_id> stale(std::span<const shard_batch> batches) const;
  void apply(const shard_batch& batch);
  void note_key(const entity& e, bool present);
  void forget(const entity& e);

  std::shared_ptr<memory_state> state_;
};

class memory_reader : public entity_store {
public:
  explicit memory_reader(std::shared_ptr<memory_state> state) : state_(std::move(state)) {}
  result<std::vector<entity>> load(std::span<const entity_id> ids) override;
  result<std::vector<due_row>> due(shard_id shard, time_point until, const due_cursor& after,
                                   size_t limit) override;
  result<entity_page> list(const entity_query& query) override;
  result<std::optional<task>> key_holder(shard_id shard, std::string_view key,
                                         std::span<const entity_id> except = {}) override;
  result<std::vector<queue_counts>> counts() override;
  result<std::vector<event_record>> history(entity_id id) override;
  result<std::vector<event_record>> journal(shard_id shard, position_t from, size_t limit) override;
  result<std::vector<shard_row>> shards() override;
  result<std::vector<dead_letter>> dead_letters(size_t limit) override;
  result<std::vector<numbered_letter>> letters_to_copy(shard_id shard, int64_t after,
                                                       size_t limit) override;

private:
  std::shared_ptr<memory_state> state_;
};

class memory_operations final : public operation_store {
public:
  explicit memory_operations(std::shared_ptr<memory_state> state) : state_(std::move(state)) {}
  result<void> add(const bulk_operation& operation) override;
  result<bulk_operation> get(entity_id id) override;
  result<std::vector<bulk_operation>> list(size_t limit) override;
  result<std::vector<bulk_operation>> claim(std::string_view node, time_point now,
                                            time_point stale) override;
  result<bool> save(const bulk_operation& operation) override;
  result<void> ask_stop(entity_id id) override;

private:
  std::shared_ptr<memory_state> state_;
};

class memory_registry final : public node_registry {
public:
  explicit memory_registry(std::shared_ptr<memory_state> state) : state_(std::move(state)) {}
  result<void> announce(const node_row& node) override;
  result<void> withdraw(std::string_view name) override;
  result<std::vector<node_row>> nodes(duration window) override;

private:
  std::shared_ptr<memory_state> state_;
};

class memory_letters final : public letter_store {
public:
  explicit memory_letters(std::shared_ptr<memory_state> state) : state_(std::move(state)) {}
  result<letter_page> find(const letter_query& query) override;
  result<stored_letter> get(int64_t number) override;
  result<std::vector<result<void>>> move(const std::vector<letter_move>& steps) override;

private:
  std::shared_ptr<memory_state> state_;
};

}  // namespace orrery
