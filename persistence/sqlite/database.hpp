#pragma once
/// SQLite's handles, owned: a connection with its prepared statements. The only place that sees
/// them.

#include "base/result.hpp"
#include "base/time.hpp"
#include "base/uuid.hpp"

#include <array>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

struct sqlite3;
struct sqlite3_stmt;

namespace orrery::sqlite {

/// A row key: 16 bytes, compared by SQLite as our ids compare.
using id_bytes = std::array<uint8_t, 16>;

struct connection_closer {
  void operator()(sqlite3* connection) const noexcept;
};
struct statement_closer {
  void operator()(sqlite3_stmt* statement) const noexcept;
};
using statement_handle = std::unique_ptr<sqlite3_stmt, statement_closer>;

/// A borrowed prepared statement: bind from left to right with `add`, then `step` or `run`. What is
/// added by reference must live until then. Reset when it goes out of scope. A statement that could
/// not be prepared says so at its first step.
class query {
public:
  query(sqlite3* connection, sqlite3_stmt* statement) : db_(connection), statement_(statement) {}
  explicit query(failure why) : why_(std::move(why)) {}
  ~query();
  query(const query&) = delete;
  query& operator=(const query&) = delete;

  query& add(int64_t number);
  query& add(std::string_view text);        ///< By reference.
  query& add_blob(std::string_view bytes);  ///< By reference.
  query& add_id(const id_bytes& id);        ///< By reference.
  query& add_time(time_point at);           ///< `never` as NULL.
  query& add_text_or_null(std::string_view text);
  query& add_null();

  /// True when there is a row to look at, false at the end.
  result<bool> step();
  /// Steps to the end and makes ready to be bound again.
  result<void> run();
  /// Makes ready to be bound again.
  void reset();

  int64_t number(int column) const;
  /// Valid until the next step.
  std::string_view bytes(int column) const;
  std::string text(int column) const { return std::string(bytes(column)); }
  time_point time(int column) const { return from_micros(number(column)); }
  result<uuid> id(int column) const;

private:
  sqlite3* db_ = nullptr;
  sqlite3_stmt* statement_ = nullptr;
  int bound_ = 0;
  failure why_;
};

enum class access { read, write };

/// One connection in WAL mode. Used by one thread at a time. Failures: `busy` (another process
/// holds the lock for longer than the time limit), `unavailable` (disk full, I/O, cannot open),
/// `corrupt`, `conflict` (a constraint).
class database {
public:
  struct options {
    duration busy_timeout = 5s;
    std::string vfs;  ///< Empty = the default one.
  };

  /// `write` creates the file where it is missing; `read` refuses every change.
  static result<database> open(const std::filesystem::path& file, access mode, const options& how);

  /// Runs statements that answer nothing.
  result<void> execute(const char* sql);
  /// `sql` must be a literal: statements are kept by its address for the life of the connection.
  query prepared(const char* sql);
  /// A statement made for this once.
  statement_handle compile(const std::string& sql, failure& why);
  query run_once(const statement_handle& statement) { return query(db_.get(), statement.get()); }

  /// Rows changed by the last INSERT, UPDATE or DELETE.
  int64_t changes() const;
  bool in_transaction() const;

private:
  explicit database(std::unique_ptr<sqlite3, connection_closer> db) : db_(std::move(db)) {}

  // The connection goes last, after its statements.
  std::unique_ptr<sqlite3, connection_closer> db_;
  std::unordered_map<const char*, statement_handle> statements_;
};

}  // namespace orrery::sqlite
