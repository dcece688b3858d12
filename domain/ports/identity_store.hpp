#pragma once
/// Where accounts are kept: users, sessions, API keys, signing keys, counters of failed sign-ins,
/// answers to requests with an idempotency key, and the audit log.
///
/// A record is a key with a body that only identity/ reads; every change names the version that was read,
/// so two nodes that change one record at once cannot lose a change. Adapters: PostgreSQL, SQLite,
/// memory. Suite: tests/contract/store/identity_contract.hpp. All calls block; each session is used by
/// one thread at a time. Failures: `unavailable` (the store is away), `conflict` (see `put`).

#include "base/result.hpp"
#include "base/time.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace orrery {

enum class identity_table : uint8_t { users, sessions, api_keys, signing_keys, throttles, answers };
inline constexpr size_t identity_tables = 6;
/// The table's name in SQL.
constexpr std::string_view to_string(identity_table table) noexcept {
  constexpr std::string_view names[] = {"users",        "sessions",  "api_keys",
                                        "signing_keys", "throttles", "answers"};
  return names[static_cast<size_t>(table)];
}

struct identity_record {
  std::string key;
  std::string owner;  ///< The user of a session or a key; empty for others.
  std::string body;
  uint64_t version = 0;   ///< 0 = not stored yet.
  time_point expires_at;  ///< `never` = kept; else it may be purged from then on.
  friend bool operator==(const identity_record&, const identity_record&) = default;
};

/// Who did what, or was refused, and from where.
struct audit_entry {
  int64_t number = 0;  ///< Given by the store, rising.
  time_point at;
  std::string actor;    ///< A user, `key:<id>`, `node`, or empty = nobody known.
  std::string action;   ///< `cancelTask`, `login`, …: the route's name.
  std::string target;   ///< What it was done to.
  std::string outcome;  ///< `done` or `refused`
  std::string reason;
  std::string address;
  std::string request_id;
  std::string node;
  friend bool operator==(const audit_entry&, const audit_entry&) = default;
};

/// Empty members do not filter.
struct audit_query {
  std::string actor;
  std::string action;
  std::string outcome;
  int64_t before = 0;  ///< Only numbers below; 0 = from the newest.
  size_t limit = 50;
};

class identity_store {
public:
  virtual ~identity_store() = default;

  virtual result<std::optional<identity_record>> find(identity_table table,
                                                      std::string_view key) = 0;
  /// Writes the record where its stored version is still `record.version` (0: where there is none) and
  /// answers the new version; else `conflict`.
  virtual result<uint64_t> put(identity_table table, const identity_record& record) = 0;
  /// True where it was there.
  virtual result<bool> remove(identity_table table, std::string_view key) = 0;
  /// By key, strictly after `after`; of one owner unless that is empty.
  virtual result<std::vector<identity_record>> list(identity_table table, std::string_view owner,
                                                    std::string_view after, size_t limit) = 0;
  /// Removes records that expired before `now`.
  virtual result<void> purge(time_point now) = 0;

  virtual result<void> append_audit(std::span<const audit_entry> entries) = 0;
  /// Newest first.
  virtual result<std::vector<audit_entry>> audit(const audit_query& query) = 0;
};

/// Opens sessions. Thread-safe. Every store is one.
class identity_source {
public:
  virtual ~identity_source() = default;
  virtual std::unique_ptr<identity_store> open_identity() = 0;
};

}  // namespace orrery
