#include "persistence/sqlite/sqlite_store.hpp"

#include "persistence/sqlite/schema.hpp"
#include "persistence/sqlite/sqlite_identity.hpp"
#include "persistence/sqlite/sqlite_sessions.hpp"
#include "persistence/sqlite/sqlite_settings.hpp"

namespace orrery {

sqlite_store::sqlite_store(std::filesystem::path file, const clock& time)
    : sqlite_store(std::move(file), time, options{}) {}

sqlite_store::sqlite_store(std::filesystem::path file, const clock& time, const options& how)
    : writer_(std::make_shared<sqlite_writer>(
          std::move(file), time, sqlite::database::options{how.busy_timeout, how.vfs})) {}

sqlite_store::~sqlite_store() = default;

result<void> sqlite_store::migrate(uint32_t shards) {
  if (shards == 0 || shards > shards_max)
    return failure{errc::invalid, "the number of shards must lie between 1 and 4096", "shards"};
  return writer_->write(
      [&](sqlite::database& db) { return sqlite::migrate(db, shards, writer_->time().now()); });
}

std::unique_ptr<journal_store> sqlite_store::open_journal() {
  return std::make_unique<sqlite_journal>(writer_);
}

std::unique_ptr<entity_store> sqlite_store::open_reader() {
  return std::make_unique<sqlite_reader>(writer_);
}

std::unique_ptr<node_registry> sqlite_store::open_registry() {
  return std::make_unique<sqlite_registry>(writer_);
}

std::unique_ptr<letter_store> sqlite_store::open_letters() {
  return std::make_unique<sqlite_letters>(writer_);
}

std::unique_ptr<identity_store> sqlite_store::open_identity() {
  return std::make_unique<sqlite_identity>(writer_);
}

std::unique_ptr<settings_store> sqlite_store::open_settings() {
  return std::make_unique<sqlite_settings>(writer_);
}

std::unique_ptr<operation_store> sqlite_store::open_operations() {
  return std::make_unique<sqlite_operations>(writer_);
}

result<void> sqlite_store::ping() {
  return writer_->read(
      [](sqlite::database& db) { return db.prepared("SELECT count(*) FROM sqlite_schema").run(); });
}

result<std::string> sqlite_store::identity() {
  int64_t number = 0;
  auto ok = writer_->read([&](sqlite::database& db) -> result<void> {
    auto q = db.prepared("SELECT value FROM meta WHERE key = 'identity'");
    const auto row = q.step();
    if (!row)
      return row.error();
    number = *row ? q.number(0) : 0;
    return {};
  });
  if (!ok)
    return std::move(ok).error();
  return std::to_string(number);
}

result<void> sqlite_registry::announce(const node_row& node) {
  return writer_->write([&](sqlite::database& db) {
    return db.prepared("INSERT OR REPLACE INTO nodes VALUES (?, ?, ?, ?, ?, ?)")
        .add(node.name)
        .add(node.mesh_address)
        .add(node.http_address)
        .add(node.version)
        .add(micros(node.started_at))
        .add(micros(writer_->time().now()))
        .run();
  });
}

result<void> sqlite_registry::withdraw(std::string_view name) {
  return writer_->write([&](sqlite::database& db) {
    return db.prepared("DELETE FROM nodes WHERE name = ?").add(name).run();
  });
}

result<std::vector<node_row>> sqlite_registry::nodes(duration window) {
  std::vector<node_row> rows;
  auto ok = writer_->read([&](sqlite::database& db) -> result<void> {
    auto q = db.prepared("SELECT * FROM nodes WHERE seen_at >= ? ORDER BY name");
    q.add(micros(writer_->time().now() - window));
    for (;;) {
      const auto row = q.step();
      if (!row)
        return row.error();
      if (!*row)
        return {};
      rows.push_back({q.text(0), q.text(1), q.text(2), q.text(3), q.time(4), q.time(5)});
    }
  });
  if (!ok)
    return std::move(ok).error();
  return rows;
}

}  // namespace orrery
