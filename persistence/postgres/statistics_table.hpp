#pragma once
/// Statistics in PostgreSQL. Each shard has rows of its own, so that two nodes never wait for each other.

#include "domain/ports/statistics.hpp"
#include "persistence/postgres/pqxx_session.hpp"

namespace orrery::postgres {

class statistics_table final : public statistics_store {
public:
  explicit statistics_table(pqxx_session session) : session_(std::move(session)) {}
  result<position_t> mark(shard_id shard) override;
  result<bool> add(shard_id shard, position_t from, position_t upto,
                   std::span<const order_statistic> rows) override;
  result<shard_statistics> of_shard(shard_id shard) override;
  result<void> replace(shard_id shard, const shard_statistics& whole) override;
  result<std::vector<order_statistic>> find(const statistics_query& query) override;

private:
  pqxx_session session_;
};

}  // namespace orrery::postgres
