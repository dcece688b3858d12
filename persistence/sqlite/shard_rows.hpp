#pragma once
/// Rows of the table `shards`.

#include "domain/ports/store.hpp"
#include "persistence/sqlite/database.hpp"

namespace orrery::sqlite {

/// The counts as bytes: how many task and order statuses, then each count as eight bytes, lowest
/// first. Statuses added later count from zero in older rows.
std::string encode_counts(const status_counts& counts);
result<status_counts> decode_counts(std::string_view bytes);

/// What `read_shard_row` expects to have been selected.
#define ORRERY_SHARD_COLUMNS \
  "shard, owner, epoch, position, published, next_orders, next_tasks, counts"
result<shard_row> read_shard_row(const query& q);

}  // namespace orrery::sqlite
