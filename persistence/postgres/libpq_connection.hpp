#pragma once
/// One connection of libpq, for what libpqxx cannot do: binary COPY, binary parameters, and several
/// statements in one round trip. The only file pair that touches libpq's handles.
///
/// Used by one thread at a time. Connects when first needed and again after a loss; a loss never
/// hides: the call during which it happens says `lost`.

#include "base/result.hpp"
#include "persistence/postgres/watchdog.hpp"

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

struct pg_conn;

namespace orrery::postgres {

/// What the server says to one statement.
struct reply {
  enum class kind {
    done,      ///< It was carried out.
    copy_in,   ///< It waits for the rows of a COPY.
    refused,   ///< The server says no; the transaction is spoilt, the connection lives.
    expelled,  ///< The server says no and ends the session (shutdown, termination).
    skipped,   ///< Not carried out, since an earlier one in the pipeline was refused.
    end,       ///< No further answer to what was sent.
    lost,      ///< The connection is gone; whether it was carried out is not known.
  };
  kind what = kind::lost;
  std::string command;  ///< `COMMIT`, `COPY 300`, …
  std::string sqlstate;
  std::string message;
  std::string detail;
  std::vector<std::vector<std::string>> rows;  ///< As text.
};

class libpq_connection {
public:
  /// `prepare` is run once per connection: pairs of name and statement.
  libpq_connection(std::string connection_text, std::string setup,
                   std::vector<std::pair<std::string, std::string>> prepare, watchdog& dog,
                   duration call_timeout);
  ~libpq_connection();
  libpq_connection(const libpq_connection&) = delete;
  libpq_connection& operator=(const libpq_connection&) = delete;

  /// Sees to it that there is a connection. `unavailable` where there can be none now.
  result<void> ready();
  /// Closes; the next `ready` opens a new one.
  void drop() noexcept;
  /// A watch over all that is called while it lives. Must end before `drop`, `ready` or
  /// `roll_back`.
  [[nodiscard]] watchdog::guard watch(duration limit);
  [[nodiscard]] watchdog::guard watch() { return watch(call_timeout_); }

  /// One statement with text parameters, from question to answer.
  reply execute(const char* sql, const std::vector<std::string>& parameters);

  /// Sends statements (simple protocol); false = lost. The answers come by `next`.
  bool send(const std::string& sql);
  reply next();
  /// After `copy_in`.
  bool put(std::string_view bytes);
  bool end_copy();

  /// Between `begin_pipeline` and `end_pipeline`, statements are sent without waiting. False =
  /// lost.
  bool begin_pipeline();
  bool queue(const std::string& sql);
  bool queue_prepared(const std::string& name, std::span<const std::string* const> parameters);
  /// Marks the end and sends what is not yet sent.
  bool flush_pipeline();
  /// The answer to the next statement of the pipeline.
  reply next_in_pipeline();
  /// Reads up to the mark and leaves the mode.
  bool end_pipeline();

  /// Rolls back where a transaction is open; drops the connection where even that fails.
  void roll_back();

private:
  struct closer {
    void operator()(pg_conn* handle) const noexcept;
  };

  result<void> connect();
  bool is_alive() const;
  bool rolled_back();
  reply lost() const;

  std::string connection_text_;
  std::string setup_;
  std::vector<std::pair<std::string, std::string>> prepare_;
  watchdog& watchdog_;
  duration call_timeout_;
  std::unique_ptr<pg_conn, closer> handle_;
};

}  // namespace orrery::postgres
