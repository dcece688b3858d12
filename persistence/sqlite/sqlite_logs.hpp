#pragma once
/// Lines of attempts in a SQLite file of their own: writing them takes no turn from the commits of shards,
/// whose file has one writer.

#include "domain/ports/task_logs.hpp"

#include <filesystem>
#include <memory>

namespace orrery {

/// Thread-safe; sessions may outlive it and take turns. What was written in the last moments before a
/// power cut may be lost (synchronous=NORMAL), never what is older.
class sqlite_logs final : public task_log_source {
public:
  /// Opens nothing yet; the first session that needs it makes the file.
  explicit sqlite_logs(std::filesystem::path file);
  ~sqlite_logs() override;
  std::unique_ptr<task_log_store> open_logs() override;

private:
  class shelf;
  class session;
  std::shared_ptr<shelf> shelf_;
};

}  // namespace orrery
