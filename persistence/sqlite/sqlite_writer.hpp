#pragma once
/// The one connection that writes. SQLite has a single writer, so the journal, the embedded intake
/// log and the node registry take turns here instead of waiting for each other's file locks.

#include "base/clock.hpp"
#include "domain/ports/store.hpp"
#include "persistence/sqlite/database.hpp"

#include <functional>
#include <mutex>
#include <optional>

namespace orrery {

/// Thread-safe. Opens lazily and again after a connection became unusable.
class sqlite_writer {
public:
  sqlite_writer(std::filesystem::path file, const clock& time, sqlite::database::options how);

  /// How a transaction ended; never `refused`. `why` is set unless done.
  struct ending {
    commit_outcome outcome = commit_outcome::done;
    failure why = {};
  };
  using work = std::function<result<void>(sqlite::database&)>;

  /// Runs `steps` in one transaction and commits it unless they fail. `failed` is certain: nothing
  /// of it can come back, not even after a crash. `unknown`: the disk failed at the commit and
  /// still does.
  ending transact(const work& steps);
  /// The same for callers to whom `unknown` is `in_doubt`.
  result<void> write(const work& steps);
  /// Runs `steps` without a transaction, once it is certain how the last one ended.
  result<void> read(const work& steps);

  const std::filesystem::path& file() const noexcept { return file_; }
  const sqlite::database::options& options() const noexcept { return how_; }
  const clock& time() const noexcept { return time_; }

private:
  result<void> make_ready();
  result<void> settle();
  ending abandon(failure why, bool at_commit);

  const std::filesystem::path file_;
  const clock& time_;
  const sqlite::database::options how_;
  std::mutex guard_;
  std::optional<sqlite::database> db_;
  bool settled_ = true;
};

}  // namespace orrery
