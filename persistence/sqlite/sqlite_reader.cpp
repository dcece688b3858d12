#include "codec/stored.hpp"
#include "persistence/sqlite/shard_rows.hpp"
#include "persistence/sqlite/sqlite_sessions.hpp"

#include <algorithm>

namespace orrery {

using sqlite::database;

result<void> sqlite_reader::snapshot(const std::function<result<void>(database&)>& read) {
  const auto attempt = [&]() -> result<void> {
    if (!db_) {
      auto opened = database::open(writer_->file(), sqlite::access::read, writer_->options());
      if (!opened)
        return std::move(opened).error();
      db_ = std::move(*opened);
    }
    if (auto begun = db_->prepared("BEGIN").run(); !begun)
      return begun;
    auto done = read(*db_);
    auto ended = db_->prepared("COMMIT").run();
    return done ? ended : done;
  };
  auto done = attempt();
  if (done)
    return done;
  auto why = std::move(done).error();
  if (why.code == errc::busy)
    why.code = errc::unavailable;
  if (why.code == errc::unavailable || (db_ && db_->in_transaction()))
    db_.reset();  // the next call opens it anew
  return why;
}

result<std::vector<entity>> sqlite_reader::load(std::span<const entity_id> ids) {
  std::vector<entity> found;
  auto ok = snapshot([&](database& db) -> result<void> {
    auto tasks = db.prepared("SELECT body FROM tasks WHERE id = ?");
    auto orders = db.prepared("SELECT body FROM orders WHERE id = ?");
    auto schedules = db.prepared("SELECT body FROM schedules WHERE id = ?");
    for (const auto& id : ids) {
      const auto key = to_bytes(id.value);
      for (auto* q : {&tasks, &orders, &schedules}) {
        const auto row = q->add_id(key).step();
        if (!row)
          return row.error();
        if (*row) {
          auto decoded = codec::decode_entity(q->bytes(0));
          if (!decoded)
            return std::move(decoded).error();
          found.push_back(std::move(*decoded));
        }
        q->reset();
        if (*row)
          break;
      }
    }
    return {};
  });
  if (!ok)
    return std::move(ok).error();
  return found;
}

namespace {

/// Appends one kind's due rows, which come in order.
result<void> append_due(sqlite::query& q, entity_kind kind, std::vector<due_row>& rows) {
  for (;;) {
    const auto found = q.step();
    if (!found)
      return found.error();
    if (!*found)
      return {};
    const auto id = q.id(0);
    if (!id)
      return id.error();
    due_row row;
    row.id = entity_id{*id};
    row.kind = kind;
    row.status = static_cast<uint8_t>(q.number(1));
    row.at = q.time(2);
    if (kind == entity_kind::task) {
      row.waits_until = q.time(3);
      row.priority = static_cast<int32_t>(q.number(4));
      row.queue = q.text(5);
      row.task_kind = q.text(6);
    }
    rows.push_back(std::move(row));
  }
}

}  // namespace

result<std::vector<due_row>> sqlite_reader::due(shard_id shard, time_point until,
                                                const due_cursor& after, size_t limit) {
  std::vector<due_row> rows;
  const auto id = to_bytes(after.id.value);
  auto ok = snapshot([&](database& db) -> result<void> {
    const auto ask = [&](const char* sql, entity_kind kind) -> result<void> {
      auto q = db.prepared(sql);
      q.add(int64_t{shard.value}).add(micros(until)).add(micros(after.at)).add_id(id);
      q.add(static_cast<int64_t>(limit));
      return append_due(q, kind, rows);
    };
    if (auto tasks = ask("SELECT id, status, wake_at, waits_until, priority, queue, kind "
                         "FROM tasks "
                         "WHERE shard = ? AND wake_at IS NOT NULL AND wake_at <= ? "
                         "AND (wake_at, id) > (?, ?) ORDER BY wake_at, id LIMIT ?",
                         entity_kind::task);
        !tasks)
      return tasks;
    if (auto orders = ask("SELECT id, status, wake_at FROM orders "
                          "WHERE shard = ? AND wake_at IS NOT NULL AND wake_at <= ? "
                          "AND (wake_at, id) > (?, ?) ORDER BY wake_at, id LIMIT ?",
                          entity_kind::order);
        !orders)
      return orders;
    return ask(
        "SELECT id, status, wake_at FROM schedules "
        "WHERE shard = ? AND wake_at IS NOT NULL AND wake_at <= ? "
        "AND (wake_at, id) > (?, ?) ORDER BY wake_at, id LIMIT ?",
        entity_kind::schedule);
  });
  if (!ok)
    return std::move(ok).error();
  std::sort(rows.begin(), rows.end(), [](const due_row& a, const due_row& b) {
    return std::pair(a.at, a.id) < std::pair(b.at, b.id);
  });
  if (rows.size() > limit)
    rows.resize(limit);
  return rows;
}

result<std::vector<event_record>> sqlite_reader::history(entity_id id) {
  std::vector<event_record> events;
  const auto key = to_bytes(id.value);
  auto ok = snapshot([&](database& db) -> result<void> {
    auto q = db.prepared(
        "SELECT history FROM tasks WHERE id = ?1 "
        "UNION ALL SELECT history FROM orders WHERE id = ?1 "
        "UNION ALL SELECT history FROM schedules WHERE id = ?1");
    const auto row = q.add_id(key).step();
    if (!row)
      return row.error();
    if (!*row)
      return failure{errc::not_found, "there is no entity " + to_string(id)};
    auto decoded = codec::decode_history(id, q.bytes(0));
    if (!decoded)
      return std::move(decoded).error();
    events = std::move(*decoded);
    return {};
  });
  if (!ok)
    return std::move(ok).error();
  return events;
}

result<std::vector<event_record>> sqlite_reader::journal(shard_id shard, position_t from,
                                                         size_t limit) {
  std::vector<event_record> events;
  auto ok = snapshot([&](database& db) -> result<void> {
    auto q = db.prepared(
        "SELECT data FROM journal WHERE shard = ?1 AND first_position >= coalesce("
        "(SELECT max(first_position) FROM journal WHERE shard = ?1 AND first_position <= ?2), 0) "
        "ORDER BY first_position");
    q.add(int64_t{shard.value}).add(from.value);
    while (events.size() < limit) {
      const auto row = q.step();
      if (!row)
        return row.error();
      if (!*row)
        return {};
      auto decoded = codec::decode_journal(q.bytes(0));
      if (!decoded)
        return std::move(decoded).error();
      for (auto& event : *decoded)
        if (event.position >= from)
          events.push_back(std::move(event));
    }
    return {};
  });
  if (!ok)
    return std::move(ok).error();
  return events;
}

result<std::vector<shard_row>> sqlite_reader::shards() {
  std::vector<shard_row> rows;
  auto ok = snapshot([&](database& db) -> result<void> {
    auto q = db.prepared("SELECT " ORRERY_SHARD_COLUMNS " FROM shards ORDER BY shard");
    for (;;) {
      const auto found = q.step();
      if (!found)
        return found.error();
      if (!*found)
        return {};
      auto row = sqlite::read_shard_row(q);
      if (!row)
        return std::move(row).error();
      rows.push_back(std::move(*row));
    }
  });
  if (!ok)
    return std::move(ok).error();
  return rows;
}

}  // namespace orrery
