#pragma once
/// The JSON form of bulk operations: what is asked for, what is shown, and what is stored of them.

#include "domain/ports/operations.hpp"

#include <string>
#include <string_view>

namespace orrery::codec {

/// The body of `POST /api/operations`: `{"action","filter":{…}|"all":true,"reason"?,"payload"?,"runAt"?,
/// "rate"?,"dryRun"?}`. Validated.
result<bulk_wish> read_wish(std::string_view body);

void append_view(std::string& out, const bulk_operation& operation);
std::string write(const bulk_operation& operation);
/// `corrupt` where it is not what `write` wrote. `node` and `stop_asked` are not part of it.
result<bulk_operation> read_operation(std::string_view text);

}  // namespace orrery::codec
