#pragma once
/// What a flow says of its built-in steps before anything is filled in.

#include "base/result.hpp"

#include <string_view>

namespace orrery::codec {

/// The payload of a step of a flow; empty is the order. A number is checked, a placeholder is not. The
/// failure's field is the place, as `payload.quantity`.
result<void> check_stock_template(std::string_view text, bool needs_quantity);

}  // namespace orrery::codec
