#pragma once
/// The place of a reader in the events of all shards, as text for `Last-Event-ID`: one position per shard,
/// so that any node can go on from it.

#include "base/result.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace orrery::app {

/// By shard: position of the last event seen; 0 = none.
using feed_positions = std::vector<int64_t>;

/// Base64url (RFC 4648) over variable-length integers, with a leading version letter: about four
/// characters per shard.
std::string write_feed_cursor(const feed_positions& seen);
/// `invalid` for anything that `write_feed_cursor` does not write, or another number of shards.
result<feed_positions> read_feed_cursor(std::string_view text, size_t shards);

/// The cursor of one entity's stream: the position itself.
result<int64_t> read_feed_position(std::string_view text);

}  // namespace orrery::app
