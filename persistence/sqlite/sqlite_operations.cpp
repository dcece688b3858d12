#include "codec/operations.hpp"
#include "persistence/sqlite/sqlite_sessions.hpp"

namespace orrery {

using sqlite::database;

namespace {

#define ORRERY_OPERATION_COLUMNS "body, node, stop"

result<bulk_operation> read_operation(const sqlite::query& q) {
  auto one = codec::read_operation(q.text(0));
  if (!one)
    return one;
  one->node = q.text(1);
  one->stop_asked = q.number(2) != 0;
  return one;
}

result<void> read_operations(sqlite::query& q, std::vector<bulk_operation>& into) {
  for (;;) {
    const auto row = q.step();
    if (!row)
      return row.error();
    if (!*row)
      return {};
    auto one = read_operation(q);
    if (!one)
      return std::move(one).error();
    into.push_back(std::move(*one));
  }
}

result<void> changed_operation(database& db, entity_id id) {
  if (db.changes() == 1)
    return {};
  return failure{errc::not_found, "there is no operation " + to_string(id)};
}

}  // namespace

result<void> sqlite_operations::add(const bulk_operation& operation) {
  return writer_->write([&](database& db) {
    return db.prepared("INSERT INTO operations VALUES (?, ?, ?, 0, ?, ?)")
        .add(to_string(operation.id))
        .add(static_cast<int64_t>(operation.state))
        .add(operation.node)
        .add(micros(operation.updated_at))
        .add(codec::write(operation))
        .run();
  });
}

result<bulk_operation> sqlite_operations::get(entity_id id) {
  std::vector<bulk_operation> found;
  auto ok = writer_->read([&](database& db) -> result<void> {
    const auto text = to_string(id);
    auto q = db.prepared("SELECT " ORRERY_OPERATION_COLUMNS " FROM operations WHERE id = ?");
    q.add(text);
    return read_operations(q, found);
  });
  if (!ok)
    return std::move(ok).error();
  if (found.empty())
    return failure{errc::not_found, "there is no operation " + to_string(id)};
  return std::move(found.front());
}

result<std::vector<bulk_operation>> sqlite_operations::list(size_t limit) {
  std::vector<bulk_operation> found;
  auto ok = writer_->read([&](database& db) -> result<void> {
    auto q =
        db.prepared("SELECT " ORRERY_OPERATION_COLUMNS " FROM operations ORDER BY id DESC LIMIT ?");
    q.add(static_cast<int64_t>(limit));
    return read_operations(q, found);
  });
  if (!ok)
    return std::move(ok).error();
  return found;
}

result<std::vector<bulk_operation>> sqlite_operations::claim(std::string_view node, time_point now,
                                                             time_point stale) {
  std::vector<bulk_operation> found;
  auto ok = writer_->write([&](database& db) -> result<void> {
    {
      auto q = db.prepared("SELECT " ORRERY_OPERATION_COLUMNS
                           " FROM operations WHERE state = 0 AND (node = ? OR updated_at < ?)");
      q.add(node).add(micros(stale));
      if (auto read = read_operations(q, found); !read)
        return read;
    }
    for (auto& one : found) {
      one.node = node;
      one.updated_at = now;
      const auto text = to_string(one.id);
      if (auto taken = db.prepared("UPDATE operations SET node = ?, updated_at = ? WHERE id = ?")
                           .add(node)
                           .add(micros(now))
                           .add(text)
                           .run();
          !taken)
        return taken;
    }
    return {};
  });
  if (!ok)
    return std::move(ok).error();
  return found;
}

result<bool> sqlite_operations::save(const bulk_operation& operation) {
  bool asked = false;
  const auto text = to_string(operation.id);
  auto ok = writer_->write([&](database& db) -> result<void> {
    auto saved = db.prepared(
                       "UPDATE operations SET state = ?, updated_at = ?, body = ? "
                       "WHERE id = ? AND node = ?")
                     .add(static_cast<int64_t>(operation.state))
                     .add(micros(operation.updated_at))
                     .add(codec::write(operation))
                     .add(text)
                     .add(operation.node)
                     .run();
    if (!saved)
      return saved;
    if (db.changes() != 1)
      return failure{errc::conflict, "another node runs this operation"};
    auto q = db.prepared("SELECT stop FROM operations WHERE id = ?");
    const auto row = q.add(text).step();
    if (!row)
      return row.error();
    asked = *row && q.number(0) != 0;
    return {};
  });
  if (!ok)
    return std::move(ok).error();
  return asked;
}

result<void> sqlite_operations::ask_stop(entity_id id) {
  const auto text = to_string(id);
  return writer_->write([&](database& db) -> result<void> {
    auto asked =
        db.prepared("UPDATE operations SET stop = (state = 0) WHERE id = ?").add(text).run();
    return asked ? changed_operation(db, id) : asked;
  });
}

}  // namespace orrery
