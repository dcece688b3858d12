#pragma once
/// The routes as data: what the server dispatches by, and what documentation is made from.

#include "http/exchange.hpp"

#include <span>
#include <string>
#include <string_view>

namespace orrery::http {

enum class body_kind : uint8_t {
  none,    ///< Ignored when there is one.
  single,  ///< JSON, at most `body_bytes_max`.
  batch,   ///< JSON or NDJSON, at most `batch_bytes_max`.
};

struct route {
  method verb = method::get;
  /// Segments are literal, `{id}` or `{verb}`.
  std::string_view pattern;
  /// Answers the exchange, now or later, on any thread. Never throws.
  void (*handle)(const exchange_ptr& ex) = nullptr;
  entity_kind kind = entity_kind::task;
  body_kind body = body_kind::none;
  bool submits = false;    ///< Knows `Prefer: wait` and `Idempotency-Key`; a conflict is 422.
  bool is_public = false;  ///< Needs no token.
  std::string_view description;
};

inline constexpr size_t routes_max = 32;
std::span<const route> routes() noexcept;
std::string_view to_string(method verb) noexcept;

struct route_match {
  const route* found = nullptr;
  std::string id;         ///< Decoded.
  std::string action;     ///< Decoded.
  bool bad_path = false;  ///< An escape in it is broken, or it is not UTF-8, or a part is too long.
  std::string allow;      ///< Where the path is known and the method is not, or at OPTIONS.
};
/// HEAD finds the route of GET.
route_match find_route(method verb, std::string_view path);

}  // namespace orrery::http
