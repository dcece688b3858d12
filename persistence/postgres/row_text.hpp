#pragma once
/// Values as PostgreSQL's text form shows them. What comes from the database is verified: bad text
/// gives `corrupt`.

#include "domain/ports/store.hpp"

#include <array>
#include <string>
#include <string_view>
#include <vector>

namespace orrery::postgres {

/// `task_counts` holds the tasks in each status, and from this place on (counted from 0) the attempts
/// begun and those ended by each reason.
inline constexpr size_t attempts_from = 16;
static_assert(task_statuses <= attempts_from);

result<int64_t> read_number(std::string_view text);

/// The columns of `shard_columns`, in that order.
result<shard_row> read_shard(const std::vector<std::string_view>& fields);
inline constexpr const char* shard_columns =
    "shard, owner, epoch, position, published, orders_next, tasks_next, task_counts, order_counts";

/// An instant as a parameter; what lies outside the years 1 to 9999 becomes an infinity.
std::string instant_text(time_point at);

}  // namespace orrery::postgres
