#pragma once
/// A file layer for SQLite that fails where it is told to: for loops over every write and sync.

#include <new>
#include <sqlite3.h>
#include <string>

namespace orrery::test {

/// Registers itself under a name, over the default file layer, for as long as it lives. One at a
/// time. Counts writes, syncs and truncations of all files; the n-th fails with an I/O error. A
/// write that fails leaves half of its bytes behind.
class failing_vfs {
public:
  explicit failing_vfs(std::string name) : name_(std::move(name)) {
    auto* real = sqlite3_vfs_find(nullptr);
    faults() = {};
    shim_ = *real;
    shim_.zName = name_.c_str();
    shim_.pNext = nullptr;
    shim_.szOsFile = static_cast<int>(sizeof(file)) + real->szOsFile;
    shim_.pAppData = real;
    shim_.xOpen = [](sqlite3_vfs* vfs, const char* path, sqlite3_file* out, int flags, int* seen) {
      auto* shim = new (out) file{};
      shim->real = reinterpret_cast<sqlite3_file*>(shim + 1);
      auto* under = static_cast<sqlite3_vfs*>(vfs->pAppData);
      const int code = under->xOpen(under, path, shim->real, flags, seen);
      shim->pMethods = shim->real->pMethods == nullptr ? nullptr : methods();
      return code;
    };
    sqlite3_vfs_register(&shim_, 0);
  }
  ~failing_vfs() { sqlite3_vfs_unregister(&shim_); }
  failing_vfs(const failing_vfs&) = delete;
  failing_vfs& operator=(const failing_vfs&) = delete;

  enum class extent {
    once,      ///< The n-th call fails, the next one succeeds again.
    for_good,  ///< From the n-th on everything fails.
  };
  /// Counts anew from here.
  void fail_at(int nth, extent how) { faults() = {0, nth, how == extent::for_good, false}; }
  void heal() { faults().at = 0; }
  /// Whether a call has failed since `fail_at`.
  bool has_failed() const { return faults().failed; }
  const std::string& name() const noexcept { return name_; }

private:
  struct file : sqlite3_file {
    sqlite3_file* real;
  };
  struct plan {
    int calls = 0;
    int at = 0;  ///< 0 = never.
    bool for_good = false;
    bool failed = false;
  };
  // SQLite's callbacks carry no place for a pointer to us.
  static plan& faults() {
    static plan instance;
    return instance;
  }
  static bool fails_now() {
    auto& p = faults();
    ++p.calls;
    const bool fails = p.at != 0 && (p.calls == p.at || (p.for_good && p.calls > p.at));
    p.failed = p.failed || fails;
    return fails;
  }
  static sqlite3_file* real(sqlite3_file* shim) { return static_cast<file*>(shim)->real; }

  static int write(sqlite3_file* f, const void* data, int bytes, sqlite3_int64 at) {
    if (!fails_now())
      return real(f)->pMethods->xWrite(real(f), data, bytes, at);
    real(f)->pMethods->xWrite(real(f), data, bytes / 2, at);
    return SQLITE_IOERR_WRITE;
  }
  static int sync(sqlite3_file* f, int flags) {
    return fails_now() ? SQLITE_IOERR_FSYNC : real(f)->pMethods->xSync(real(f), flags);
  }
  static int truncate(sqlite3_file* f, sqlite3_int64 size) {
    return fails_now() ? SQLITE_IOERR_TRUNCATE : real(f)->pMethods->xTruncate(real(f), size);
  }

  static const sqlite3_io_methods* methods() {
    static const sqlite3_io_methods table = {
        2,
        [](sqlite3_file* f) { return real(f)->pMethods->xClose(real(f)); },
        [](sqlite3_file* f, void* to, int n, sqlite3_int64 at) {
          return real(f)->pMethods->xRead(real(f), to, n, at);
        },
        &write,
        &truncate,
        &sync,
        [](sqlite3_file* f, sqlite3_int64* size) {
          return real(f)->pMethods->xFileSize(real(f), size);
        },
        [](sqlite3_file* f, int level) { return real(f)->pMethods->xLock(real(f), level); },
        [](sqlite3_file* f, int level) { return real(f)->pMethods->xUnlock(real(f), level); },
        [](sqlite3_file* f, int* out) {
          return real(f)->pMethods->xCheckReservedLock(real(f), out);
        },
        [](sqlite3_file* f, int op, void* arg) {
          return real(f)->pMethods->xFileControl(real(f), op, arg);
        },
        [](sqlite3_file* f) { return real(f)->pMethods->xSectorSize(real(f)); },
        [](sqlite3_file* f) { return real(f)->pMethods->xDeviceCharacteristics(real(f)); },
        [](sqlite3_file* f, int page, int size, int extend, void volatile** out) {
          return real(f)->pMethods->xShmMap(real(f), page, size, extend, out);
        },
        [](sqlite3_file* f, int offset, int n, int flags) {
          return real(f)->pMethods->xShmLock(real(f), offset, n, flags);
        },
        [](sqlite3_file* f) { real(f)->pMethods->xShmBarrier(real(f)); },
        [](sqlite3_file* f, int remove) { return real(f)->pMethods->xShmUnmap(real(f), remove); },
        nullptr,
        nullptr,
    };
    return &table;
  }

  std::string name_;
  sqlite3_vfs shim_{};
};

}  // namespace orrery::test
