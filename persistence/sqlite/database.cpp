#include "persistence/sqlite/database.hpp"

#include "persistence/sqlite/crash_vfs.hpp"

#include <sqlite3.h>

namespace orrery::sqlite {

namespace {

failure failed(sqlite3* db, int code) {
  std::string detail = db != nullptr ? sqlite3_errmsg(db) : sqlite3_errstr(code);
  detail += " (SQLite code " + std::to_string(code) + ")";
  switch (code & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED: return {errc::busy, std::move(detail)};
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_MISMATCH: return {errc::corrupt, std::move(detail)};
    case SQLITE_CONSTRAINT: return {errc::conflict, std::move(detail)};
    case SQLITE_TOOBIG:
    case SQLITE_MISUSE:
    case SQLITE_RANGE: return {errc::invalid, std::move(detail)};
    default: return {errc::unavailable, std::move(detail)};
  }
}

int length_of(std::string_view bytes) { return static_cast<int>(bytes.size()); }

/// SQLite takes a null pointer for NULL, also where the length is 0.
const char* start_of(std::string_view bytes) { return bytes.data() != nullptr ? bytes.data() : ""; }

}  // namespace

void connection_closer::operator()(sqlite3* connection) const noexcept {
  sqlite3_close_v2(connection);
}

void statement_closer::operator()(sqlite3_stmt* statement) const noexcept {
  sqlite3_finalize(statement);
}

query::~query() {
  if (statement_ != nullptr)
    reset();
}

query& query::add(int64_t number) {
  sqlite3_bind_int64(statement_, ++bound_, number);
  return *this;
}

query& query::add(std::string_view text) {
  sqlite3_bind_text(statement_, ++bound_, start_of(text), length_of(text), SQLITE_STATIC);
  return *this;
}

query& query::add_blob(std::string_view bytes) {
  sqlite3_bind_blob(statement_, ++bound_, start_of(bytes), length_of(bytes), SQLITE_STATIC);
  return *this;
}

query& query::add_id(const id_bytes& id) {
  sqlite3_bind_blob(statement_, ++bound_, id.data(), static_cast<int>(id.size()), SQLITE_STATIC);
  return *this;
}

query& query::add_time(time_point at) { return at == never ? add_null() : add(micros(at)); }

query& query::add_text_or_null(std::string_view text) {
  return text.empty() ? add_null() : add(text);
}

query& query::add_null() {
  sqlite3_bind_null(statement_, ++bound_);
  return *this;
}

result<bool> query::step() {
  if (statement_ == nullptr)
    return why_;
  const int code = sqlite3_step(statement_);
  if (code == SQLITE_ROW)
    return true;
  if (code == SQLITE_DONE)
    return false;
  return failed(db_, sqlite3_extended_errcode(db_));
}

result<void> query::run() {
  for (;;) {
    auto row = step();
    if (!row) {
      auto why = std::move(row).error();
      if (statement_ != nullptr)
        reset();
      return why;
    }
    if (!*row)
      break;
  }
  reset();
  return {};
}

void query::reset() {
  sqlite3_reset(statement_);
  bound_ = 0;
}

int64_t query::number(int column) const { return sqlite3_column_int64(statement_, column); }

std::string_view query::bytes(int column) const {
  // The blob first: asking for the length before it would not count a conversion.
  const void* data = sqlite3_column_blob(statement_, column);
  const auto length = static_cast<size_t>(sqlite3_column_bytes(statement_, column));
  return data == nullptr ? std::string_view{}
                         : std::string_view(static_cast<const char*>(data), length);
}

result<uuid> query::id(int column) const {
  const auto key = bytes(column);
  if (key.size() != std::tuple_size_v<id_bytes>)
    return failure{errc::corrupt, "a stored id is not 16 bytes long"};
  return uuid_from_bytes(reinterpret_cast<const uint8_t*>(key.data()));
}

result<database> database::open(const std::filesystem::path& file, access mode,
                                const options& how) {
  install_crash_vfs();
  sqlite3* raw = nullptr;
  // Readers open for writing too, or they could not recover the log of a process that was killed;
  // query_only holds them back.
  const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE |
                    (mode == access::write ? SQLITE_OPEN_CREATE : 0);
  const int code =
      sqlite3_open_v2(file.c_str(), &raw, flags, how.vfs.empty() ? nullptr : how.vfs.c_str());
  database db{std::unique_ptr<sqlite3, connection_closer>(raw)};
  if (code != SQLITE_OK) {
    auto why = failed(raw, code);
    why.detail = file.string() + ": " + why.detail;
    return why;
  }
  sqlite3_busy_timeout(raw, static_cast<int>(how.busy_timeout.count() / 1000));
  const char* settings = mode == access::write
                             ? "PRAGMA page_size = 8192; PRAGMA journal_mode = WAL;"
                               "PRAGMA synchronous = FULL; PRAGMA cache_size = -32000;"
                               "PRAGMA journal_size_limit = 67108864; PRAGMA temp_store = MEMORY;"
                             : "PRAGMA query_only = ON; PRAGMA temp_store = MEMORY;";
  if (auto ok = db.execute(settings); !ok)
    return std::move(ok).error();
  return db;
}

result<void> database::execute(const char* sql) {
  const int code = sqlite3_exec(db_.get(), sql, nullptr, nullptr, nullptr);
  return code == SQLITE_OK ? result<void>{}
                           : failed(db_.get(), sqlite3_extended_errcode(db_.get()));
}

query database::prepared(const char* sql) {
  auto& known = statements_[sql];
  if (!known) {
    failure why;
    known = compile(sql, why);
    if (!known)
      return query(std::move(why));
  }
  return query(db_.get(), known.get());
}

statement_handle database::compile(const std::string& sql, failure& why) {
  sqlite3_stmt* raw = nullptr;
  const int code = sqlite3_prepare_v3(db_.get(), sql.c_str(), static_cast<int>(sql.size()) + 1,
                                      SQLITE_PREPARE_PERSISTENT, &raw, nullptr);
  if (code != SQLITE_OK)
    why = failed(db_.get(), code);
  return statement_handle(raw);
}

int64_t database::changes() const { return sqlite3_changes64(db_.get()); }

bool database::in_transaction() const { return sqlite3_get_autocommit(db_.get()) == 0; }

}  // namespace orrery::sqlite
