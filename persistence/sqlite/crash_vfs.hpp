#pragma once
/// In builds with crash points: SQLite's default file layer, but every write to a database's main file is
/// `crash_point::wal_checkpoint`. In WAL mode only a checkpoint writes there. Otherwise nothing.

namespace orrery::sqlite {

/// Any thread; the first call registers it for the rest of the process.
#ifdef ORRERY_CRASH_POINTS
void install_crash_vfs();
#else
inline void install_crash_vfs() {}
#endif

}  // namespace orrery::sqlite
