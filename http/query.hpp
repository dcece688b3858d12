#pragma once
/// Parameters that several lists share. The failure names the parameter.

#include "http/target.hpp"

namespace orrery::http {

/// A number of items from 1 to `limits::list_items`.
result<size_t> read_limit(const parameter& p);
result<time_point> read_time(const parameter& p);

}  // namespace orrery::http
