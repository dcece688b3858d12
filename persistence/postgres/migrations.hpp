#pragma once
/// The tables, version by version. A version that was released is never changed; the next one
/// follows.

#include "base/result.hpp"

#include <cstdint>
#include <pqxx/pqxx>
#include <string>

namespace orrery::postgres {

/// The version of the schema that this program works with.
int schema_version() noexcept;

/// Brings the schema up to `schema_version`, one transaction per version, under a lock that lets
/// one node migrate while the others wait. `conflict`: the schema is newer, or made for another
/// number of shards. Throws what libpqxx throws.
result<void> migrate(pqxx::connection& connection, const std::string& schema, uint32_t shards);

}  // namespace orrery::postgres
