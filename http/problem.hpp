#pragma once
/// Failures as RFC 9457 problem documents.

#include "http/exchange.hpp"

#include <string_view>

namespace orrery::http {

/// The status that a failure becomes. A submit's `conflict` is 422 (the idempotency key was used
/// with another body), any other 409.
int status_of(errc code, bool submits) noexcept;
std::string_view reason_phrase(int status) noexcept;

response problem_of(const failure& why, bool submits, std::string_view target);
/// A refusal by the protocol itself: `type` is `about:blank`, the title is the status's phrase.
response plain_problem(int status, std::string_view detail, std::string_view target);

/// `target` as a URI reference: bytes that may not stand in one are percent-encoded; cut at 512.
std::string safe_uri(std::string_view target);

}  // namespace orrery::http
