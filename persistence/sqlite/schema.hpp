#pragma once
/// The tables of the SQLite store and the steps that lead there.

#include "persistence/sqlite/database.hpp"

namespace orrery::sqlite {

/// Brings the schema to the program's version, in the transaction the caller has begun. Refuses
/// (`conflict`) a newer schema and another number of shards.
result<void> migrate(database& db, uint32_t shards, time_point now);

}  // namespace orrery::sqlite
