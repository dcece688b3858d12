#pragma once
/// The store in one SQLite file: what an embedded node keeps its truth in. Needs no server beside
/// it.

#include "base/clock.hpp"
#include "domain/ports/dead_letters.hpp"
#include "domain/ports/identity_store.hpp"
#include "domain/ports/operations.hpp"
#include "domain/ports/settings.hpp"
#include "domain/ports/store.hpp"

#include <filesystem>
#include <memory>
#include <string>

namespace orrery {

class sqlite_writer;

/// Thread-safe. All sessions write through one connection, one transaction at a time, and each
/// reader has a connection of its own. A commit is durable when it answers (WAL, synchronous=FULL).
class sqlite_store final : public store, public identity_source, public settings_source {
public:
  struct options {
    duration busy_timeout = 5s;  ///< How long to wait for another process that holds the file.
    std::string vfs = {};        ///< SQLite's file layer by name; empty = the default.
  };

  /// Opens nothing yet: `migrate` makes the file where it is missing (its folder must exist).
  /// `time` must outlive the store and its sessions.
  sqlite_store(std::filesystem::path file, const clock& time);
  sqlite_store(std::filesystem::path file, const clock& time, const options& how);
  ~sqlite_store() override;

  result<void> migrate(uint32_t shards) override;
  std::unique_ptr<journal_store> open_journal() override;
  std::unique_ptr<entity_store> open_reader() override;
  std::unique_ptr<node_registry> open_registry() override;
  std::unique_ptr<settings_store> open_settings() override;
  std::unique_ptr<letter_store> open_letters() override;
  std::unique_ptr<identity_store> open_identity() override;
  std::unique_ptr<operation_store> open_operations() override;
  result<void> ping() override;
  /// What tells this store from every other: a short text, the same for its life. After `migrate`.
  result<std::string> identity();

  /// The connection that writes; the embedded log shares it.
  const std::shared_ptr<sqlite_writer>& writer() const noexcept { return writer_; }

private:
  std::shared_ptr<sqlite_writer> writer_;  // shared: a session may outlive the store
};

}  // namespace orrery
