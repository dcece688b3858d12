#include "persistence/sqlite/schema.hpp"

#include "base/crash_point.hpp"

namespace orrery::sqlite {

namespace {

// Each step stands for one version and is never changed once released; a change is a new step.
//
// Keys are 16-byte blobs; times are microseconds; text that is "none" is NULL. What lists and
// timers ask for has columns, the rest of an entity is in `body` (codec/stored.hpp), its own events
// in `history`. The index by status leaves SUCCEEDED (5) out: nearly all rows end there, and for
// them the index by creation serves; a task that lives and succeeds within one commit pays for one
// index only.
constexpr const char* version_1 = R"sql(
CREATE TABLE meta (key TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
INSERT INTO meta VALUES ('settled', 0);

CREATE TABLE shards (
  shard INTEGER PRIMARY KEY,
  owner TEXT NOT NULL,
  epoch INTEGER NOT NULL,
  position INTEGER NOT NULL,
  published INTEGER NOT NULL,
  next_orders INTEGER NOT NULL,
  next_tasks INTEGER NOT NULL,
  counts BLOB NOT NULL,
  acquired_at INTEGER NOT NULL);

CREATE TABLE journal (
  shard INTEGER NOT NULL,
  first_position INTEGER NOT NULL,
  last_position INTEGER NOT NULL,
  at INTEGER NOT NULL,
  data BLOB NOT NULL,
  PRIMARY KEY (shard, first_position)) WITHOUT ROWID;

CREATE TABLE tasks (
  id BLOB PRIMARY KEY,
  shard INTEGER NOT NULL,
  status INTEGER NOT NULL,
  kind TEXT NOT NULL,
  queue TEXT NOT NULL,
  priority INTEGER NOT NULL,
  wake_at INTEGER,
  waits_until INTEGER,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  finished_at INTEGER,
  reference TEXT,
  body BLOB NOT NULL,
  history BLOB NOT NULL) WITHOUT ROWID;
CREATE INDEX tasks_by_creation ON tasks (created_at, id);
CREATE INDEX tasks_due ON tasks (shard, wake_at, id) WHERE wake_at IS NOT NULL;
CREATE INDEX tasks_by_status ON tasks (status, created_at, id) WHERE status <> 5;
CREATE INDEX tasks_by_reference ON tasks (reference, created_at, id) WHERE reference IS NOT NULL;
CREATE TABLE task_tags (
  tag TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  id BLOB NOT NULL,
  PRIMARY KEY (tag, created_at, id)) WITHOUT ROWID;

CREATE TABLE orders (
  id BLOB PRIMARY KEY,
  shard INTEGER NOT NULL,
  status INTEGER NOT NULL,
  product TEXT NOT NULL,
  customer TEXT,
  wake_at INTEGER,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  finished_at INTEGER,
  reference TEXT,
  body BLOB NOT NULL,
  history BLOB NOT NULL) WITHOUT ROWID;
CREATE INDEX orders_by_creation ON orders (created_at, id);
CREATE INDEX orders_due ON orders (shard, wake_at, id) WHERE wake_at IS NOT NULL;
CREATE INDEX orders_by_reference ON orders (reference, created_at, id) WHERE reference IS NOT NULL;
CREATE INDEX orders_by_customer ON orders (customer, created_at, id) WHERE customer IS NOT NULL;

CREATE TABLE dead_letters (
  number INTEGER PRIMARY KEY,
  source INTEGER NOT NULL,
  shard INTEGER NOT NULL,
  "offset" INTEGER NOT NULL,
  at INTEGER NOT NULL,
  reason TEXT NOT NULL,
  key BLOB NOT NULL,
  value BLOB NOT NULL);
CREATE INDEX dead_letters_by_time ON dead_letters (at);

CREATE TABLE nodes (
  name TEXT PRIMARY KEY,
  mesh_address TEXT NOT NULL,
  http_address TEXT NOT NULL,
  version TEXT NOT NULL,
  started_at INTEGER NOT NULL,
  seen_at INTEGER NOT NULL) WITHOUT ROWID;

CREATE TABLE intake_log (
  topic INTEGER NOT NULL,
  shard INTEGER NOT NULL,
  first_offset INTEGER NOT NULL,
  last_offset INTEGER NOT NULL,
  data BLOB NOT NULL,
  PRIMARY KEY (topic, shard, first_offset)) WITHOUT ROWID;
)sql";

// Letters of earlier versions went to their topic without a note of it.
constexpr const char* version_2 = R"sql(
ALTER TABLE dead_letters ADD COLUMN headers BLOB NOT NULL DEFAULT x'';
ALTER TABLE dead_letters ADD COLUMN copied INTEGER NOT NULL DEFAULT 1;
ALTER TABLE dead_letters ADD COLUMN state INTEGER NOT NULL DEFAULT 0;
ALTER TABLE dead_letters ADD COLUMN settled_at INTEGER;
ALTER TABLE dead_letters ADD COLUMN settled_by TEXT NOT NULL DEFAULT '';
ALTER TABLE dead_letters ADD COLUMN note TEXT NOT NULL DEFAULT '';
ALTER TABLE dead_letters ADD COLUMN redriven_to INTEGER NOT NULL DEFAULT -1;
ALTER TABLE dead_letters ADD COLUMN edited INTEGER NOT NULL DEFAULT 0;
CREATE INDEX dead_letters_to_copy ON dead_letters (shard, number) WHERE copied = 0;
)sql";

constexpr const char* flows = R"sql(
CREATE TABLE flows (
  name TEXT NOT NULL,
  version INTEGER NOT NULL,
  at INTEGER NOT NULL,
  body BLOB NOT NULL,
  PRIMARY KEY (name, version)) WITHOUT ROWID;
)sql";

constexpr const char* store_identity = R"sql(
INSERT INTO meta VALUES ('identity', abs(random()));
)sql";

// Accounts: six tables of one shape (domain/ports/identity_store.hpp), and the audit log.
constexpr const char* accounts = R"sql(
CREATE TABLE users (
  key TEXT PRIMARY KEY,
  owner TEXT NOT NULL,
  body TEXT NOT NULL,
  version INTEGER NOT NULL,
  expires_at INTEGER) WITHOUT ROWID;
CREATE TABLE sessions (
  key TEXT PRIMARY KEY,
  owner TEXT NOT NULL,
  body TEXT NOT NULL,
  version INTEGER NOT NULL,
  expires_at INTEGER) WITHOUT ROWID;
CREATE TABLE api_keys (
  key TEXT PRIMARY KEY,
  owner TEXT NOT NULL,
  body TEXT NOT NULL,
  version INTEGER NOT NULL,
  expires_at INTEGER) WITHOUT ROWID;
CREATE TABLE signing_keys (
  key TEXT PRIMARY KEY,
  owner TEXT NOT NULL,
  body TEXT NOT NULL,
  version INTEGER NOT NULL,
  expires_at INTEGER) WITHOUT ROWID;
CREATE TABLE throttles (
  key TEXT PRIMARY KEY,
  owner TEXT NOT NULL,
  body TEXT NOT NULL,
  version INTEGER NOT NULL,
  expires_at INTEGER) WITHOUT ROWID;
CREATE TABLE answers (
  key TEXT PRIMARY KEY,
  owner TEXT NOT NULL,
  body TEXT NOT NULL,
  version INTEGER NOT NULL,
  expires_at INTEGER) WITHOUT ROWID;
CREATE INDEX sessions_by_owner ON sessions (owner, key);
CREATE INDEX api_keys_by_owner ON api_keys (owner, key);
CREATE TABLE audit_log (
  number INTEGER PRIMARY KEY AUTOINCREMENT,
  at INTEGER NOT NULL,
  actor TEXT NOT NULL,
  action TEXT NOT NULL,
  target TEXT NOT NULL,
  outcome TEXT NOT NULL,
  reason TEXT NOT NULL,
  address TEXT NOT NULL,
  request_id TEXT NOT NULL,
  node TEXT NOT NULL);
)sql";

constexpr const char* settings = R"sql(
CREATE TABLE settings (
  name TEXT PRIMARY KEY,
  value TEXT NOT NULL,
  version INTEGER NOT NULL
) WITHOUT ROWID;
)sql";

/// What tasks are found by, and how many of a queue and kind are in each status.
constexpr const char* task_search = R"sql(
ALTER TABLE tasks ADD COLUMN description TEXT;
ALTER TABLE tasks ADD COLUMN unique_key TEXT;
ALTER TABLE tasks ADD COLUMN held_key TEXT;
CREATE INDEX tasks_described ON tasks (created_at, id) WHERE description IS NOT NULL;
CREATE INDEX tasks_by_key ON tasks (unique_key, created_at, id) WHERE unique_key IS NOT NULL;
CREATE INDEX tasks_holding ON tasks (shard, held_key, created_at, id) WHERE held_key IS NOT NULL;

CREATE TABLE queue_counts (
  shard INTEGER NOT NULL,
  queue TEXT NOT NULL,
  kind TEXT NOT NULL,
  s0 INTEGER NOT NULL,
  s1 INTEGER NOT NULL,
  s2 INTEGER NOT NULL,
  s3 INTEGER NOT NULL,
  s4 INTEGER NOT NULL,
  s5 INTEGER NOT NULL,
  s6 INTEGER NOT NULL,
  s7 INTEGER NOT NULL,
  s8 INTEGER NOT NULL,
  PRIMARY KEY (shard, queue, kind)) WITHOUT ROWID;
INSERT INTO queue_counts
  SELECT shard, queue, kind, sum(status = 0), sum(status = 1), sum(status = 2), sum(status = 3),
         sum(status = 4), sum(status = 5), sum(status = 6), sum(status = 7), sum(status = 8)
    FROM tasks GROUP BY shard, queue, kind;

CREATE TABLE operations (
  id TEXT PRIMARY KEY,
  state INTEGER NOT NULL,
  node TEXT NOT NULL,
  stop INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  body TEXT NOT NULL) WITHOUT ROWID;
CREATE INDEX operations_running ON operations (id) WHERE state = 0;
)sql";

constexpr const char* schedule_table = R"sql(
CREATE TABLE schedules (
  id BLOB PRIMARY KEY,
  shard INTEGER NOT NULL,
  status INTEGER NOT NULL,
  name TEXT NOT NULL,
  wake_at INTEGER,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  finished_at INTEGER,
  body BLOB NOT NULL,
  history BLOB NOT NULL) WITHOUT ROWID;
CREATE INDEX schedules_by_creation ON schedules (created_at, id);
CREATE INDEX schedules_due ON schedules (shard, wake_at, id) WHERE wake_at IS NOT NULL;
CREATE INDEX schedules_by_name ON schedules (name, created_at, id);
)sql";

constexpr const char* stock = R"sql(
CREATE TABLE stock_products (
  product TEXT PRIMARY KEY,
  available INTEGER NOT NULL CHECK (available >= 0),
  received INTEGER NOT NULL,
  updated_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE stock_reservations (
  task BLOB PRIMARY KEY,
  order_id BLOB NOT NULL,
  product TEXT NOT NULL,
  quantity INTEGER NOT NULL CHECK (quantity > 0),
  state INTEGER NOT NULL,
  at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX stock_reservations_open ON stock_reservations (state, product, at)
  WHERE state IN (0, 2);
CREATE INDEX stock_reservations_of ON stock_reservations (order_id);
CREATE TABLE stock_adjustments (
  key TEXT UNIQUE,
  product TEXT NOT NULL,
  by INTEGER NOT NULL,
  reason TEXT NOT NULL,
  who TEXT NOT NULL,
  at INTEGER NOT NULL
) STRICT;
)sql";

constexpr const char* statistics = R"sql(
CREATE TABLE order_statistics (
  minute INTEGER NOT NULL,
  product TEXT NOT NULL,
  status INTEGER NOT NULL,
  shard INTEGER NOT NULL,
  orders INTEGER NOT NULL,
  quantity INTEGER NOT NULL,
  PRIMARY KEY (minute, product, status, shard)
) STRICT, WITHOUT ROWID;
CREATE INDEX order_statistics_product ON order_statistics (product, minute);
CREATE TABLE statistics_marks (
  shard INTEGER PRIMARY KEY,
  upto INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
)sql";

constexpr const char* order_search = R"sql(
CREATE TABLE order_fields (
  field TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  id BLOB NOT NULL,
  PRIMARY KEY (field, created_at, id)) WITHOUT ROWID;
)sql";

constexpr std::array steps = {version_1, version_2,  flows,       store_identity,
                              accounts,  settings,   task_search, schedule_table,
                              stock,     statistics, order_search};

result<int64_t> stored_version(database& db) {
  if (auto made = db.execute("CREATE TABLE IF NOT EXISTS schema_version "
                             "(version INTEGER PRIMARY KEY, applied_at INTEGER NOT NULL)");
      !made)
    return std::move(made).error();
  auto q = db.prepared("SELECT coalesce(max(version), 0) FROM schema_version");
  auto row = q.step();
  if (!row)
    return std::move(row).error();
  return q.number(0);
}

result<void> check_shards(database& db, uint32_t shards) {
  auto q = db.prepared("SELECT value FROM meta WHERE key = 'shards'");
  auto row = q.step();
  if (!row)
    return std::move(row).error();
  if (*row) {
    const auto stored = q.number(0);
    if (stored != static_cast<int64_t>(shards))
      return failure{errc::conflict, "the store has " + std::to_string(stored) + " shards, but " +
                                         std::to_string(shards) + " are configured"};
    return {};
  }
  return db.prepared("INSERT INTO meta VALUES ('shards', ?)").add(int64_t{shards}).run();
}

}  // namespace

result<void> migrate(database& db, uint32_t shards, time_point now) {
  const auto version = stored_version(db);
  if (!version)
    return version.error();
  const auto newest = static_cast<int64_t>(steps.size());
  if (*version > newest)
    return failure{errc::conflict, "the store has schema version " + std::to_string(*version) +
                                       ", this program knows up to " + std::to_string(newest)};
  for (auto step = *version; step < newest; ++step) {
    if (auto ok = db.execute(steps[static_cast<size_t>(step)]); !ok)
      return ok;
    if (auto ok = db.prepared("INSERT INTO schema_version VALUES (?, ?)")
                      .add(step + 1)
                      .add(micros(now))
                      .run();
        !ok)
      return ok;
    reach(crash_point::migration_between);
  }
  return check_shards(db, shards);
}

}  // namespace orrery::sqlite
