/// What is asked of tasks alone: who holds a unique key, how many there are.

#include "codec/stored.hpp"
#include "persistence/sqlite/sqlite_sessions.hpp"

#include <algorithm>

namespace orrery {

using sqlite::database;

result<std::optional<task>> sqlite_reader::key_holder(shard_id shard, std::string_view key,
                                                      std::span<const entity_id> except) {
  std::optional<task> holder;
  auto ok = snapshot([&](database& db) -> result<void> {
    auto q = db.prepared(
        "SELECT body FROM tasks WHERE shard = ? AND held_key = ? "
        "ORDER BY created_at DESC, id DESC LIMIT ?");
    q.add(int64_t{shard.value}).add(key).add(static_cast<int64_t>(except.size() + 1));
    while (!holder) {
      const auto row = q.step();
      if (!row)
        return row.error();
      if (!*row)
        break;
      auto decoded = codec::decode_entity(q.bytes(0));
      if (!decoded)
        return std::move(decoded).error();
      if (std::ranges::find(except, id_of(*decoded)) == except.end())
        holder = std::move(std::get<task>(*decoded));
    }
    return {};
  });
  if (!ok)
    return std::move(ok).error();
  return holder;
}

result<std::vector<queue_counts>> sqlite_reader::counts() {
  std::vector<queue_counts> rows;
  auto ok = snapshot([&](database& db) -> result<void> {
    auto q = db.prepared(
        "SELECT queue, kind, sum(s0), sum(s1), sum(s2), sum(s3), sum(s4), sum(s5), sum(s6), "
        "sum(s7), sum(s8) FROM queue_counts GROUP BY queue, kind ORDER BY queue, kind");
    for (;;) {
      const auto found = q.step();
      if (!found)
        return found.error();
      if (!*found)
        return {};
      auto& row = rows.emplace_back();
      row.queue = q.text(0);
      row.task_kind = q.text(1);
      for (size_t i = 0; i < task_statuses; ++i)
        row.tasks[i] = q.number(static_cast<int>(2 + i));
    }
  });
  if (!ok)
    return std::move(ok).error();
  return rows;
}

}  // namespace orrery
