#include "persistence/sqlite/sqlite_logs.hpp"

#include "codec/log_lines.hpp"
#include "persistence/sqlite/database.hpp"

#include <functional>
#include <mutex>
#include <optional>

namespace orrery {

namespace {

constexpr const char* tables = R"sql(
CREATE TABLE IF NOT EXISTS log_heads (
  task BLOB NOT NULL, run INTEGER NOT NULL, attempt INTEGER NOT NULL,
  node TEXT NOT NULL, stamp INTEGER NOT NULL, newest INTEGER NOT NULL,
  lines INTEGER NOT NULL, bytes INTEGER NOT NULL,
  lost_lines INTEGER NOT NULL, lost_bytes INTEGER NOT NULL, written_at INTEGER NOT NULL,
  PRIMARY KEY (task, run, attempt)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS log_heads_age ON log_heads (node, written_at, bytes) WHERE bytes > 0;
CREATE TABLE IF NOT EXISTS log_chunks (
  task BLOB NOT NULL, run INTEGER NOT NULL, attempt INTEGER NOT NULL, number INTEGER NOT NULL,
  lines INTEGER NOT NULL, bytes INTEGER NOT NULL, body BLOB NOT NULL);
CREATE UNIQUE INDEX IF NOT EXISTS log_chunks_place ON log_chunks (task, run, attempt, number);
PRAGMA user_version = 1;
)sql";

/// What names an attempt in its rows.
struct place {
  sqlite::id_bytes task;
  int64_t run;
  int64_t attempt;

  place(entity_id id, attempt_token token)
      : task(to_bytes(id.value)), run(token.run), attempt(token.attempt) {}
  sqlite::query& bind(sqlite::query& q) const { return q.add_id(task).add(run).add(attempt); }
};

result<void> insert_chunks(sqlite::database& db, const place& where, int64_t newest,
                           const std::vector<codec::packed_lines>& chunks) {
  auto number = newest - static_cast<int64_t>(chunks.size());
  for (const auto& chunk : chunks) {
    auto q = db.prepared("INSERT INTO log_chunks VALUES (?, ?, ?, ?, ?, ?, ?)");
    where.bind(q).add(++number).add(chunk.lines).add(static_cast<int64_t>(chunk.body.size()));
    if (auto ok = q.add_blob(chunk.body).run(); !ok)
      return ok;
  }
  return {};
}

/// Deletes the oldest chunks until not more than `keep` bytes are left.
result<void> cut(sqlite::database& db, const place& where, int64_t keep) {
  int64_t newest_gone = 0;
  log_loss gone;
  {
    auto q = db.prepared(
        "SELECT number, lines, bytes FROM log_chunks WHERE task = ? AND run = ? AND attempt = ?"
        " ORDER BY number DESC");
    where.bind(q);
    for (int64_t kept = 0;;) {
      const auto row = q.step();
      if (!row)
        return row.error();
      if (!*row)
        break;
      kept += q.number(2);
      if (kept <= keep)
        continue;
      newest_gone = std::max(newest_gone, q.number(0));
      gone.lines += q.number(1);
      gone.bytes += q.number(2);
    }
  }
  auto remove = db.prepared(
      "DELETE FROM log_chunks WHERE task = ? AND run = ? AND attempt = ? AND number <= ?");
  where.bind(remove);
  if (auto ok = remove.add(newest_gone).run(); !ok)
    return ok;
  auto count = db.prepared(
      "UPDATE log_heads SET lines = lines - ?1, bytes = bytes - ?2, lost_lines = lost_lines + ?1,"
      " lost_bytes = lost_bytes + ?2 WHERE task = ?3 AND run = ?4 AND attempt = ?5");
  count.add(gone.lines).add(gone.bytes);
  return where.bind(count).run();
}

result<void> append_one(sqlite::database& db, std::string_view node, const log_batch& batch,
                        int64_t bytes_max, time_point now) {
  const place where(batch.task, batch.token);
  const auto chunks = codec::pack_lines(batch.lines);
  int64_t bytes = 0;
  for (const auto& chunk : chunks)
    bytes += static_cast<int64_t>(chunk.body.size());
  int64_t newest = 0;
  {
    auto q = db.prepared(
        "INSERT INTO log_heads VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (task, run, attempt) DO UPDATE SET node = excluded.node,"
        " stamp = excluded.stamp, newest = newest + excluded.newest,"
        " lines = lines + excluded.lines, bytes = bytes + excluded.bytes,"
        " lost_lines = lost_lines + excluded.lost_lines,"
        " lost_bytes = lost_bytes + excluded.lost_bytes, written_at = excluded.written_at"
        " WHERE stamp <> excluded.stamp RETURNING newest, bytes");
    where.bind(q).add(node).add(batch.stamp).add(static_cast<int64_t>(chunks.size()));
    q.add(static_cast<int64_t>(batch.lines.size())).add(bytes);
    q.add(batch.lost.lines).add(batch.lost.bytes).add(micros(now));
    const auto row = q.step();
    if (!row)
      return row.error();
    if (!*row)
      return {};  // it was here before
    newest = q.number(0);
    bytes = q.number(1);
  }
  if (auto ok = insert_chunks(db, where, newest, chunks); !ok)
    return ok;
  return bytes > bytes_max ? cut(db, where, bytes_max / 8 * 7) : result<void>{};
}

}  // namespace

/// The file, opened when first needed.
class sqlite_logs::shelf {
public:
  explicit shelf(std::filesystem::path file) : file_(std::move(file)) {}

  /// Runs `steps` in one transaction, which is undone where they fail.
  result<void> run(const std::function<result<void>(sqlite::database&)>& steps) {
    const std::lock_guard lock(guard_);
    if (!db_) {
      auto opened = sqlite::database::open(file_, sqlite::access::write, {});
      if (!opened)
        return std::move(opened).error();
      for (const char* sql : {"PRAGMA synchronous = NORMAL", tables})
        if (auto ok = opened->execute(sql); !ok)
          return ok;
      db_ = std::move(*opened);
    }
    auto ok = db_->execute("BEGIN IMMEDIATE");
    if (ok)
      ok = steps(*db_);
    if (ok)
      ok = db_->execute("COMMIT");
    if (!ok && db_->in_transaction() && !db_->execute("ROLLBACK"))
      db_.reset();
    return ok;
  }

private:
  const std::filesystem::path file_;
  std::mutex guard_;
  std::optional<sqlite::database> db_;
};

class sqlite_logs::session final : public task_log_store {
public:
  explicit session(std::shared_ptr<shelf> where) : where_(std::move(where)) {}

  result<void> append(std::string_view node, std::span<const log_batch> batches, int64_t bytes_max,
                      time_point now) override {
    return where_->run([&](sqlite::database& db) -> result<void> {
      for (const auto& batch : batches)
        if (auto ok = append_one(db, node, batch, bytes_max, now); !ok)
          return ok;
      return {};
    });
  }

  result<log_content> read(entity_id task, attempt_token token, int64_t after) override {
    log_content content;
    auto ok = where_->run(
        [&](sqlite::database& db) { return read_in(db, place(task, token), after, content); });
    if (!ok)
      return std::move(ok).error();
    return content;
  }

  result<int64_t> trim(std::string_view node, int64_t bytes_max) override {
    int64_t gone = 0;
    auto ok = where_->run([&](sqlite::database& db) { return trim_in(db, node, bytes_max, gone); });
    if (!ok)
      return std::move(ok).error();
    return gone;
  }

  result<void> erase(std::span<const entity_id> tasks) override {
    return where_->run([&](sqlite::database& db) -> result<void> {
      for (const auto id : tasks) {
        const auto key = to_bytes(id.value);
        if (auto ok = db.prepared("DELETE FROM log_chunks WHERE task = ?").add_id(key).run(); !ok)
          return ok;
        if (auto ok = db.prepared("DELETE FROM log_heads WHERE task = ?").add_id(key).run(); !ok)
          return ok;
      }
      return {};
    });
  }

private:
  static result<void> read_in(sqlite::database& db, const place& where, int64_t after,
                              log_content& content) {
    {
      auto head = db.prepared(
          "SELECT lines, bytes, lost_lines, lost_bytes, node FROM log_heads"
          " WHERE task = ? AND run = ? AND attempt = ?");
      where.bind(head);
      const auto row = head.step();
      if (!row)
        return row.error();
      if (!*row)
        return {};
      content.lines = head.number(0);
      content.bytes = head.number(1);
      content.lost = {head.number(2), head.number(3)};
      content.node = head.text(4);
    }
    auto q = db.prepared(
        "SELECT number, body FROM log_chunks WHERE task = ? AND run = ? AND attempt = ?"
        " AND number > ? ORDER BY number");
    where.bind(q).add(after);
    for (;;) {
      const auto row = q.step();
      if (!row)
        return row.error();
      if (!*row)
        return {};
      auto lines = codec::unpack_lines(q.bytes(1));
      if (!lines)
        return std::move(lines).error();
      content.chunks.push_back({q.number(0), std::move(*lines)});
    }
  }

  static result<void> trim_in(sqlite::database& db, std::string_view node, int64_t bytes_max,
                              int64_t& gone) {
    std::vector<place> doomed;
    {
      auto sum = db.prepared("SELECT sum(bytes) FROM log_heads WHERE node = ? AND bytes > 0");
      const auto row = sum.add(node).step();
      if (!row)
        return row.error();
      const auto total = *row ? sum.number(0) : 0;
      if (total <= bytes_max)
        return {};
      auto q = db.prepared(
          "SELECT task, run, attempt, bytes FROM log_heads WHERE node = ? AND bytes > 0"
          " ORDER BY written_at LIMIT 1000");
      q.add(node);
      while (total - gone > bytes_max / 8 * 7) {
        const auto next = q.step();
        if (!next)
          return next.error();
        if (!*next)
          break;
        const auto id = q.id(0);
        if (!id)
          return id.error();
        doomed.emplace_back(entity_id{*id}, attempt_token{static_cast<uint32_t>(q.number(1)),
                                                          static_cast<uint32_t>(q.number(2))});
        gone += q.number(3);
      }
    }
    for (const auto& one : doomed)
      if (auto ok = cut(db, one, 0); !ok)
        return ok;
    return {};
  }

  std::shared_ptr<shelf> where_;
};

sqlite_logs::sqlite_logs(std::filesystem::path file)
    : shelf_(std::make_shared<shelf>(std::move(file))) {}
sqlite_logs::~sqlite_logs() = default;

std::unique_ptr<task_log_store> sqlite_logs::open_logs() {
  return std::make_unique<session>(shelf_);
}

}  // namespace orrery
