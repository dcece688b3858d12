/// What is asked of tasks alone: who holds a unique key, how many there are.

#include "codec/stored.hpp"
#include "persistence/postgres/binary_format.hpp"
#include "persistence/postgres/entity_reader.hpp"

#include <algorithm>

namespace orrery::postgres {

result<std::optional<task>> entity_reader::key_holder(shard_id shard, std::string_view key,
                                                      std::span<const entity_id> except) {
  return session_.call([&](pqxx::transaction_base& work) -> result<std::optional<task>> {
    const auto rows = work.exec_params(
        "select body from tasks where shard = $1::integer and held_key = $2"
        " order by created_at desc, id desc limit $3::integer",
        static_cast<int>(shard.value), column_text(key), static_cast<int>(except.size() + 1));
    for (const auto& row : rows) {
      auto decoded = codec::decode_entity(pqxx::binarystring(row[0]).str());
      if (!decoded)
        return std::move(decoded).error();
      if (std::ranges::find(except, id_of(*decoded)) == except.end())
        return std::optional(std::move(std::get<task>(*decoded)));
    }
    return std::optional<task>{};
  });
}

result<std::vector<queue_counts>> entity_reader::counts() {
  return session_.call([&](pqxx::transaction_base& work) -> result<std::vector<queue_counts>> {
    const auto rows = work.exec(
        "select queue, kind, sum(counts[1])::bigint, sum(counts[2])::bigint,"
        " sum(counts[3])::bigint, sum(counts[4])::bigint, sum(counts[5])::bigint,"
        " sum(counts[6])::bigint, sum(counts[7])::bigint, sum(counts[8])::bigint,"
        " sum(counts[9])::bigint from queue_counts group by queue, kind order by queue, kind");
    std::vector<queue_counts> out;
    for (const auto& row : rows) {
      auto& one = out.emplace_back();
      one.queue = row[0].c_str();
      one.task_kind = row[1].c_str();
      for (size_t i = 0; i < task_statuses; ++i) {
        const auto field = row[static_cast<pqxx::row::size_type>(2 + i)];
        one.tasks[i] = field.is_null() ? 0 : field.as<int64_t>();
      }
    }
    return out;
  });
}

}  // namespace orrery::postgres
