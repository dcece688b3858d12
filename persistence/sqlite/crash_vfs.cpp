#include "persistence/sqlite/crash_vfs.hpp"

#include "base/crash_point.hpp"

#include <mutex>

#include <sqlite3.h>

namespace orrery::sqlite {

namespace {

/// What stands in for the default layer, and what it stands in for. Written once, before any file is open.
struct stand_in {
  sqlite3_vfs* usual = nullptr;
  sqlite3_vfs layer{};
  const sqlite3_io_methods* usual_methods = nullptr;
  sqlite3_io_methods methods{};
  std::once_flag filled;
};

stand_in& here() {
  static stand_in one;
  return one;
}

int write_main(sqlite3_file* file, const void* data, int size, sqlite3_int64 at) {
  reach(crash_point::wal_checkpoint);
  return here().usual_methods->xWrite(file, data, size, at);
}

int open_any(sqlite3_vfs*, const char* name, sqlite3_file* file, int flags, int* given) {
  auto& own = here();
  const int code = own.usual->xOpen(own.usual, name, file, flags, given);
  if (code != SQLITE_OK || (flags & SQLITE_OPEN_MAIN_DB) == 0)
    return code;
  std::call_once(own.filled, [&] {
    own.usual_methods = file->pMethods;
    own.methods = *file->pMethods;
    own.methods.xWrite = write_main;
  });
  if (file->pMethods == own.usual_methods)
    file->pMethods = &own.methods;
  return code;
}

}  // namespace

void install_crash_vfs() {
  if (!has_crash_points())
    return;
  static std::once_flag done;
  std::call_once(done, [] {
    auto& own = here();
    own.usual = sqlite3_vfs_find(nullptr);
    own.layer = *own.usual;
    own.layer.zName = "orrery-crash";
    own.layer.xOpen = open_any;
    sqlite3_vfs_register(&own.layer, 1);
  });
}

}  // namespace orrery::sqlite
