#pragma once
/// A commit's contents in the forms that PostgreSQL takes them.

#include "domain/ports/store.hpp"
#include "persistence/postgres/binary_format.hpp"

#include <array>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace orrery::postgres {

/// The writes of a commit, sorted by what is to be done with them.
struct sorted_writes {
  using entry = std::pair<shard_id, const entity_write*>;
  std::array<std::vector<entry>, entity_kinds> inserts;
  std::array<std::vector<entry>, entity_kinds> updates;
  std::array<std::vector<entry>, entity_kinds> erasures;
};
sorted_writes sort_writes(std::span<const shard_batch> batches);

/// The batch's events in order of position. Aborts where positions have a gap: that is our own bug.
std::vector<const event_record*> events_in_order(const shard_batch& batch);

/// `select fence(…)` with all its arguments. Sorted by shard, so that two commits lock rows in the
/// same order.
std::string fence_statement(std::span<const shard_batch> batches);

/// `copy tasks (…) from stdin …`, for either kind, and one row of it.
const char* copy_statement(entity_kind kind) noexcept;
void append_copy_row(std::string& out, shard_id shard, const entity_write& write);

/// Parameters of one prepared statement, one array each, filled row by row.
class parameter_rows {
public:
  explicit parameter_rows(std::vector<type_oid> types);
  binary_writer add(size_t column) { return columns_[column].add(); }
  bool empty() const noexcept { return columns_.front().size() == 0; }
  size_t byte_count() const noexcept;
  /// One for each array; valid until `clear`.
  std::vector<const std::string*> finish();
  void clear();

private:
  std::vector<binary_array> columns_;
};

/// Name and statement of everything a commit uses beside COPY.
std::vector<std::pair<std::string, std::string>> commit_statements();

parameter_rows update_rows(entity_kind kind);
void add_update(parameter_rows& rows, const entity_write& write);
parameter_rows erase_rows();
void add_erasure(parameter_rows& rows, const entity_write& write);
parameter_rows journal_rows();
void add_journal(parameter_rows& rows, shard_id shard, std::span<const event_record* const> events);
parameter_rows queue_rows();
void add_queue(parameter_rows& rows, shard_id shard, const queue_counts& moved);
parameter_rows decision_rows();
parameter_rows dead_letter_rows();
void add_dead_letter(parameter_rows& rows, const dead_letter& letter);

}  // namespace orrery::postgres
