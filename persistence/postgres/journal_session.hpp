#pragma once
/// The write side on PostgreSQL: one transaction per commit, in as few round trips as its rows
/// allow.
///
/// A commit that inserts takes three: the fence with COPY's start; the rows; then the updates, the
/// journal and COMMIT. One that only updates takes a single one.

#include "domain/ports/store.hpp"
#include "persistence/postgres/libpq_connection.hpp"

#include <memory>

namespace orrery::postgres {

class journal_session final : public journal_store {
public:
  journal_session(std::string connection_text, std::string setup, duration call_timeout,
                  std::shared_ptr<watchdog> dog);

  /// Waits a second for a transaction of the former owner; then ends that session (its node is frozen
  /// or cut off). The role of the database needs no more for that than to be the same on all nodes.
  result<shard_tenure> acquire(shard_id shard, std::string_view owner, time_point now) override;
  commit_report commit(std::span<const shard_batch> batches) override {
    return commit(batches, {});
  }
  /// With decisions about what is prepared elsewhere: durable with the batches, or not at all.
  commit_report commit(std::span<const shard_batch> batches,
                       std::span<const std::string> decisions);
  result<shard_tenure> inspect(shard_id shard) override;
  result<void> mark_published(shard_id shard, epoch_t epoch, position_t upto) override;
  result<void> mark_copied(shard_id shard, std::span<const int64_t> numbers) override;

private:
  result<reply> ask(const char* sql, const std::vector<std::string>& parameters);
  result<void> end_holder(shard_id shard);

  std::shared_ptr<watchdog> watchdog_;
  libpq_connection connection_;
};

}  // namespace orrery::postgres
