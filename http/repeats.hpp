#pragma once
/// Requests with an `Idempotency-Key` that are no submissions: carried out once, answered as often as they
/// are sent.

#include "http/exchange.hpp"

namespace orrery::http {

struct route;

/// Whether the route takes a key: every POST whose answer may be kept. Submissions have their own way (the
/// key gives the id); what signs in or makes tokens is left out, as its answers are kept nowhere.
bool keeps_answers(const route& r) noexcept;

/// Runs the route's handler under the key, or answers as the first time. Called where the handler would
/// be, with the same freedom.
void handle_once(const exchange_ptr& ex);

}  // namespace orrery::http
