#pragma once
/// Names of prepared transactions: which store's journal decides, and whose commit it belongs to.
///
/// `orrery/<store>/<number>/<shard>.<epoch>,…`. PostgreSQL takes at most 200 bytes, so a commit of many
/// shards prepares several.

#include "domain/ports/store.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace orrery::postgres {

struct stock_gid {
  std::string store;
  std::string number;
  std::vector<std::pair<shard_id, epoch_t>> shards;
};

/// Letters and digits of `identity`, as a gid holds them; ends with the separator.
std::string gid_prefix(std::string_view identity);
/// How many of `batches`, from the first on, one name can hold; at least 1.
size_t gid_fits(std::string_view prefix, std::string_view number,
                std::span<const shard_batch* const> batches);
std::string make_gid(std::string_view prefix, std::string_view number,
                     std::span<const shard_batch* const> batches);
/// Nothing where it is not one of ours.
std::optional<stock_gid> parse_gid(std::string_view text);

}  // namespace orrery::postgres
