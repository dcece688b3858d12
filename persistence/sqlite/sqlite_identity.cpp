#include "persistence/sqlite/sqlite_identity.hpp"

namespace orrery {

using sqlite::database;

namespace {

/// Statements on one of the tables, which have one shape.
std::string on(identity_table table, std::string before, std::string_view after = {}) {
  before.append(" ").append(to_string(table)).append(" ").append(after);
  return before;
}

identity_record record_of(const sqlite::query& q) {
  return {q.text(0), q.text(1), q.text(2), static_cast<uint64_t>(q.number(3)), q.time(4)};
}

constexpr std::string_view columns = "SELECT key, owner, body, version, expires_at FROM";

/// Runs a statement made for this once.
template <class Bind>
result<void> run(database& db, const std::string& sql, Bind bind) {
  failure why;
  const auto statement = db.compile(sql, why);
  if (!statement)
    return why;
  auto q = db.run_once(statement);
  bind(q);
  return q.run();
}

template <class Bind, class Each>
result<void> rows(database& db, const std::string& sql, Bind bind, Each each) {
  failure why;
  const auto statement = db.compile(sql, why);
  if (!statement)
    return why;
  auto q = db.run_once(statement);
  bind(q);
  for (;;) {
    const auto row = q.step();
    if (!row)
      return row.error();
    if (!*row)
      return {};
    each(q);
  }
}

}  // namespace

result<void> sqlite_identity::read(const std::function<result<void>(database&)>& steps) {
  for (int attempt = 0;; ++attempt) {
    if (!db_) {
      auto opened = database::open(writer_->file(), sqlite::access::read, writer_->options());
      if (!opened)
        return std::move(opened).error();
      db_ = std::move(*opened);
    }
    auto done = steps(*db_);
    if (done || attempt > 0)
      return done;
    db_.reset();
  }
}

result<std::optional<identity_record>> sqlite_identity::find(identity_table table,
                                                             std::string_view key) {
  std::optional<identity_record> found;
  auto ok = read([&](database& db) {
    found.reset();
    return rows(
        db, on(table, std::string(columns), "WHERE key = ?"), [&](auto& q) { q.add(key); },
        [&](const auto& q) { found = record_of(q); });
  });
  if (!ok)
    return std::move(ok).error();
  return found;
}

result<uint64_t> sqlite_identity::put(identity_table table, const identity_record& record) {
  const auto version = static_cast<int64_t>(record.version);
  auto ok = writer_->write([&](database& db) -> result<void> {
    auto done =
        record.version == 0
            ? run(db, on(table, "INSERT INTO", "VALUES (?, ?, ?, 1, ?) ON CONFLICT DO NOTHING"),
                  [&](auto& q) {
                    q.add(record.key).add(record.owner).add(record.body);
                    q.add_time(record.expires_at);
                  })
            : run(db,
                  on(table, "UPDATE",
                     "SET owner = ?, body = ?, expires_at = ?, version = version + 1"
                     " WHERE key = ? AND version = ?"),
                  [&](auto& q) {
                    q.add(record.owner).add(record.body).add_time(record.expires_at);
                    q.add(record.key).add(version);
                  });
    if (!done)
      return done;
    if (db.changes() == 0)
      return failure{errc::conflict, "it was changed by somebody else"};
    return {};
  });
  if (!ok)
    return std::move(ok).error();
  return record.version + 1;
}

result<bool> sqlite_identity::remove(identity_table table, std::string_view key) {
  bool was_there = false;
  auto ok = writer_->write([&](database& db) {
    auto done = run(db, on(table, "DELETE FROM", "WHERE key = ?"), [&](auto& q) { q.add(key); });
    was_there = done && db.changes() > 0;
    return done;
  });
  if (!ok)
    return std::move(ok).error();
  return was_there;
}

result<std::vector<identity_record>> sqlite_identity::list(identity_table table,
                                                           std::string_view owner,
                                                           std::string_view after, size_t limit) {
  std::vector<identity_record> out;
  auto ok = read([&](database& db) {
    out.clear();
    return rows(
        db,
        on(table, std::string(columns),
           "WHERE key > ? AND (? = '' OR owner = ?) ORDER BY key LIMIT ?"),
        [&](auto& q) { q.add(after).add(owner).add(owner).add(static_cast<int64_t>(limit)); },
        [&](const auto& q) { out.push_back(record_of(q)); });
  });
  if (!ok)
    return std::move(ok).error();
  return out;
}

result<void> sqlite_identity::purge(time_point now) {
  return writer_->write([&](database& db) -> result<void> {
    for (size_t i = 0; i < identity_tables; ++i)
      if (auto ok =
              run(db, on(static_cast<identity_table>(i), "DELETE FROM", "WHERE expires_at < ?"),
                  [&](auto& q) { q.add(micros(now)); });
          !ok)
        return ok;
    return {};
  });
}

result<void> sqlite_identity::append_audit(std::span<const audit_entry> entries) {
  return writer_->write([&](database& db) -> result<void> {
    auto q = db.prepared(
        "INSERT INTO audit_log (at, actor, action, target, outcome, reason, address, request_id, "
        "node)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)");
    for (const auto& e : entries) {
      q.add(micros(e.at)).add(e.actor).add(e.action).add(e.target).add(e.outcome).add(e.reason);
      q.add(e.address).add(e.request_id).add(e.node);
      if (auto ok = q.run(); !ok)
        return ok;
    }
    return {};
  });
}

result<std::vector<audit_entry>> sqlite_identity::audit(const audit_query& query) {
  std::vector<audit_entry> out;
  auto ok = read([&](database& db) {
    out.clear();
    return rows(
        db,
        "SELECT number, at, actor, action, target, outcome, reason, address, request_id, node"
        " FROM audit_log WHERE (? = 0 OR number < ?) AND (? = '' OR actor = ?)"
        " AND (? = '' OR action = ?) AND (? = '' OR outcome = ?) ORDER BY number DESC LIMIT ?",
        [&](auto& q) {
          q.add(query.before).add(query.before).add(query.actor).add(query.actor);
          q.add(query.action).add(query.action).add(query.outcome).add(query.outcome);
          q.add(static_cast<int64_t>(query.limit));
        },
        [&](const auto& q) {
          out.push_back({q.number(0), q.time(1), q.text(2), q.text(3), q.text(4), q.text(5),
                         q.text(6), q.text(7), q.text(8), q.text(9)});
        });
  });
  if (!ok)
    return std::move(ok).error();
  return out;
}

}  // namespace orrery
