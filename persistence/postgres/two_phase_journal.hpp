#pragma once
/// The journal whose commits also move stock in another database.

#include "domain/ports/store.hpp"
#include "persistence/postgres/journal_session.hpp"
#include "persistence/postgres/two_phase.hpp"

namespace orrery::postgres {

class two_phase_journal final : public journal_store {
public:
  /// `phases` outlives it.
  two_phase_journal(std::unique_ptr<journal_session> journal, const inventory_database& stock,
                    two_phase& phases);

  result<shard_tenure> acquire(shard_id shard, std::string_view owner, time_point now) override;
  commit_report commit(std::span<const shard_batch> batches) override;
  result<shard_tenure> inspect(shard_id shard) override { return journal_->inspect(shard); }
  result<void> mark_published(shard_id shard, epoch_t epoch, position_t upto) override {
    return journal_->mark_published(shard, epoch, upto);
  }
  result<void> mark_copied(shard_id shard, std::span<const int64_t> numbers) override {
    return journal_->mark_copied(shard, numbers);
  }

private:
  struct part {
    std::string gid;
    bool releases = false;
  };
  result<void> prepare(const std::string& gid, std::span<const shard_batch* const> batches);
  result<void> prepare_all(std::span<const shard_batch* const> batches, std::vector<part>& parts);

  std::unique_ptr<journal_session> journal_;
  std::shared_ptr<watchdog> watchdog_;
  libpq_connection stock_;
  two_phase& phases_;
};

}  // namespace orrery::postgres
