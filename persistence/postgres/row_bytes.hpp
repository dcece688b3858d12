#pragma once
/// What every reader of rows by libpqxx needs.

#include <pqxx/pqxx>
#include <string>

namespace orrery::postgres {

/// More rows than this are never asked for at once.
inline constexpr size_t rows_max = 100'000;

/// The bytes of a `bytea`.
inline std::string bytes_of(const pqxx::field& f) { return pqxx::binarystring(f).str(); }

}  // namespace orrery::postgres
