#include "persistence/postgres/log_table.hpp"

#include "codec/log_lines.hpp"
#include "persistence/postgres/row_text.hpp"

#include <algorithm>

namespace orrery::postgres {

namespace {

constexpr const char* add_to_head =
    "insert into task_log_heads as h values"
    " ($1::uuid, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11::timestamptz)"
    " on conflict (task, run, attempt) do update set node = excluded.node,"
    " stamp = excluded.stamp, newest = h.newest + excluded.newest,"
    " lines = h.lines + excluded.lines, bytes = h.bytes + excluded.bytes,"
    " lost_lines = h.lost_lines + excluded.lost_lines,"
    " lost_bytes = h.lost_bytes + excluded.lost_bytes, written_at = excluded.written_at"
    " where h.stamp <> excluded.stamp returning newest, bytes";

constexpr const char* cut =
    "with sized as (select number, sum(bytes) over (order by number desc) as upto"
    " from task_log_chunks where task = $1::uuid and run = $2 and attempt = $3),"
    " gone as (delete from task_log_chunks c using sized s where c.task = $1::uuid and c.run = $2"
    " and c.attempt = $3 and c.number = s.number and s.upto > $4 returning c.lines, c.bytes),"
    " sums as (select coalesce(sum(lines), 0)::bigint as lines,"
    " coalesce(sum(bytes), 0)::bigint as bytes from gone)"
    " update task_log_heads h set lines = h.lines - s.lines, bytes = h.bytes - s.bytes,"
    " lost_lines = h.lost_lines + s.lines, lost_bytes = h.lost_bytes + s.bytes from sums s"
    " where h.task = $1::uuid and h.run = $2 and h.attempt = $3";

void append_one(pqxx::work& work, std::string_view node, const log_batch& batch, int64_t bytes_max,
                const std::string& now) {
  const auto task = to_string(batch.task);
  const auto chunks = codec::pack_lines(batch.lines);
  int64_t bytes = 0;
  for (const auto& chunk : chunks)
    bytes += static_cast<int64_t>(chunk.body.size());
  const auto head = work.exec_params(
      add_to_head, task, batch.token.run, batch.token.attempt, std::string(node), batch.stamp,
      static_cast<int64_t>(chunks.size()), static_cast<int64_t>(batch.lines.size()), bytes,
      batch.lost.lines, batch.lost.bytes, now);
  if (head.empty())
    return;  // it was here before
  auto number = head[0][0].as<int64_t>() - static_cast<int64_t>(chunks.size());
  for (const auto& chunk : chunks)
    work.exec_params("insert into task_log_chunks values ($1::uuid, $2, $3, $4, $5, $6, $7)", task,
                     batch.token.run, batch.token.attempt, ++number, chunk.lines,
                     static_cast<int64_t>(chunk.body.size()), pqxx::binarystring(chunk.body));
  if (head[0][1].as<int64_t>() > bytes_max)
    work.exec_params(cut, task, batch.token.run, batch.token.attempt, bytes_max / 8 * 7);
}

}  // namespace

result<void> log_table::append(std::string_view node, std::span<const log_batch> batches,
                               int64_t bytes_max, time_point now) {
  // Always in the same order, or two nodes could wait for each other.
  std::vector<const log_batch*> sorted;
  for (const auto& batch : batches)
    sorted.push_back(&batch);
  std::ranges::sort(sorted, {}, [](const auto* b) { return std::pair(b->task, b->token); });
  return session_.on_connection([&](pqxx::connection& connection) -> result<void> {
    pqxx::work work(connection);
    work.exec("set local synchronous_commit = off");
    for (const auto* batch : sorted)
      append_one(work, node, *batch, bytes_max, instant_text(now));
    work.commit();
    return {};
  });
}

result<log_content> log_table::read(entity_id task, attempt_token token, int64_t after) {
  return session_.on_connection([&](pqxx::connection& connection) -> result<log_content> {
    pqxx::work work(connection);
    work.exec("set transaction isolation level repeatable read, read only");
    log_content content;
    const auto head = work.exec_params(
        "select lines, bytes, lost_lines, lost_bytes, node from task_log_heads"
        " where task = $1::uuid and run = $2 and attempt = $3",
        to_string(task), token.run, token.attempt);
    if (head.empty())
      return content;
    content.lines = head[0][0].as<int64_t>();
    content.bytes = head[0][1].as<int64_t>();
    content.lost = {head[0][2].as<int64_t>(), head[0][3].as<int64_t>()};
    content.node = head[0][4].as<std::string>();
    for (const auto& row : work.exec_params(
             "select number, body from task_log_chunks where task = $1::uuid and run = $2"
             " and attempt = $3 and number > $4 order by number",
             to_string(task), token.run, token.attempt, after)) {
      auto lines = codec::unpack_lines(pqxx::binarystring(row[1]).str());
      if (!lines)
        return std::move(lines).error();
      content.chunks.push_back({row[0].as<int64_t>(), std::move(*lines)});
    }
    return content;
  });
}

result<int64_t> log_table::trim(std::string_view node, int64_t bytes_max) {
  return session_.on_connection([&](pqxx::connection& connection) -> result<int64_t> {
    pqxx::work work(connection);
    const auto total = work.exec_params(
                               "select coalesce(sum(bytes), 0)::bigint from task_log_heads where "
                               "node = $1 and bytes > 0",
                               std::string(node))[0][0]
                           .as<int64_t>();
    if (total <= bytes_max)
      return int64_t{0};
    const auto doomed = work.exec_params(
        "with old as (select task, run, attempt, sum(bytes) over (order by written_at, task, run,"
        " attempt) - bytes as before from task_log_heads where node = $1 and bytes > 0"
        " order by written_at, task, run, attempt limit 1000)"
        " update task_log_heads h set lost_lines = h.lost_lines + h.lines,"
        " lost_bytes = h.lost_bytes + h.bytes, lines = 0, bytes = 0 from old o"
        " where o.before < $2 and h.task = o.task and h.run = o.run and h.attempt = o.attempt"
        " returning h.task, h.run, h.attempt",
        std::string(node), total - bytes_max / 8 * 7);
    int64_t gone = 0;
    for (const auto& row : doomed)
      gone += work.exec_params(
                      "with gone as (delete from task_log_chunks where task = $1::uuid and run = $2"
                      " and attempt = $3 returning bytes) select coalesce(sum(bytes), 0)::bigint "
                      "from gone",
                      row[0].as<std::string>(), row[1].as<int64_t>(), row[2].as<int64_t>())[0][0]
                  .as<int64_t>();
    work.commit();
    return gone;
  });
}

result<void> log_table::erase(std::span<const entity_id> tasks) {
  std::string list = "{";
  for (const auto id : tasks)
    list.append(list.size() > 1 ? "," : "").append(to_string(id));
  list += '}';
  return session_.on_connection([&](pqxx::connection& connection) -> result<void> {
    pqxx::work work(connection);
    work.exec_params("delete from task_log_heads where task = any($1::uuid[])", list);
    work.exec_params("delete from task_log_chunks where task = any($1::uuid[])", list);
    work.commit();
    return {};
  });
}

}  // namespace orrery::postgres
