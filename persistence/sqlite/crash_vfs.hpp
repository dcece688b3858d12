#pragma once
/// In a program with crash points: SQLite's default file layer, but every write to a database's main file is
/// `crash_point::wal_checkpoint`. In WAL mode only a checkpoint writes there. Otherwise nothing.

namespace orrery::sqlite {

/// Any thread; the first call registers it for the rest of the process.
void install_crash_vfs();

}  // namespace orrery::sqlite
