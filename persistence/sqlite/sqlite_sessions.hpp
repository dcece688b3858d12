#pragma once
/// The sessions that a `sqlite_store` opens.

#include "domain/ports/dead_letters.hpp"
#include "domain/ports/operations.hpp"
#include "persistence/sqlite/sqlite_writer.hpp"

#include <memory>
#include <optional>

namespace orrery {

class sqlite_journal final : public journal_store {
public:
  explicit sqlite_journal(std::shared_ptr<sqlite_writer> writer) : writer_(std::move(writer)) {}
  result<shard_tenure> acquire(shard_id shard, std::string_view owner, time_point now) override;
  commit_report commit(std::span<const shard_batch> batches) override;
  result<shard_tenure> inspect(shard_id shard) override;
  result<void> mark_published(shard_id shard, epoch_t epoch, position_t upto) override;
  result<void> mark_copied(shard_id shard, std::span<const int64_t> numbers) override;

private:
  std::shared_ptr<sqlite_writer> writer_;
};

/// Reads over a connection of its own, opened at the first call and again after a failure.
class sqlite_reader final : public entity_store {
public:
  explicit sqlite_reader(std::shared_ptr<sqlite_writer> writer) : writer_(std::move(writer)) {}
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
  /// Runs `read` in one transaction, so that all of it sees one moment.
  result<void> snapshot(const std::function<result<void>(sqlite::database&)>& read);

  std::shared_ptr<sqlite_writer> writer_;
  std::optional<sqlite::database> db_;
};

class sqlite_registry final : public node_registry {
public:
  explicit sqlite_registry(std::shared_ptr<sqlite_writer> writer) : writer_(std::move(writer)) {}
  result<void> announce(const node_row& node) override;
  result<void> withdraw(std::string_view name) override;
  result<std::vector<node_row>> nodes(duration window) override;

private:
  std::shared_ptr<sqlite_writer> writer_;
};

class sqlite_operations final : public operation_store {
public:
  explicit sqlite_operations(std::shared_ptr<sqlite_writer> writer) : writer_(std::move(writer)) {}
  result<void> add(const bulk_operation& operation) override;
  result<bulk_operation> get(entity_id id) override;
  result<std::vector<bulk_operation>> list(size_t limit) override;
  result<std::vector<bulk_operation>> claim(std::string_view node, time_point now,
                                            time_point stale) override;
  result<bool> save(const bulk_operation& operation) override;
  result<void> ask_stop(entity_id id) override;

private:
  std::shared_ptr<sqlite_writer> writer_;
};

class sqlite_letters final : public letter_store {
public:
  explicit sqlite_letters(std::shared_ptr<sqlite_writer> writer) : writer_(std::move(writer)) {}
  result<letter_page> find(const letter_query& query) override;
  result<stored_letter> get(int64_t number) override;
  result<std::vector<result<void>>> move(const std::vector<letter_move>& steps) override;

private:
  std::shared_ptr<sqlite_writer> writer_;
};

}  // namespace orrery
