#pragma once
/// The routes as data: what the server dispatches by, and what documentation is made from.

#include "http/exchange.hpp"

#include "domain/principal.hpp"

#include <span>
#include <string>
#include <string_view>

namespace orrery::http {

enum class body_kind : uint8_t {
  none,    ///< Ignored when there is one.
  single,  ///< JSON, at most `body_bytes_max`.
  batch,   ///< JSON or NDJSON, at most `batch_bytes_max`.
};

/// One row of the table: what the router dispatches by, what requests are checked against, and what
/// OpenAPI says. A new route is a new row in one of the `table_*.cpp`; its schemas and parameters stand in
/// `http/api/*.json`. Tests fail on a row without a name, a description, or a schema for its body.
struct route {
  method verb = method::get;
  /// Segments are literal or `{…}`. The first of those is `request::id`, the second `request::action`;
  /// where there is no second, the last literal is the action.
  std::string_view pattern;
  /// Answers the exchange, now or later, on any thread. Never throws.
  void (*handle)(const exchange_ptr& ex) = nullptr;
  permission needs = permission::read;  ///< Which role has what: docs/security.md.
  std::string_view name;                ///< `operationId`: unique, camelCase, a verb first.
  std::string_view group;               ///< OpenAPI's tag.
  std::string_view description;         ///< One sentence, then more where needed.
  entity_kind kind = entity_kind::task;
  body_kind body = body_kind::none;
  bool secret_answer = false;  ///< It is shown once, and kept nowhere.
  bool submits = false;        ///< Knows `Prefer: wait`; a conflict is 422.
  /// Schema of the body, or of each item of a batch.
  std::string_view request = {};
  std::string_view answer = {};  ///< Schema of the answer; empty = see `answers`.
  media answers = media::json;
  int status = 200;                  ///< Of success.
  std::string_view parameters = {};  ///< Keys of `parameters` in http/api, separated by spaces.
  std::string_view errors = {};  ///< Statuses beyond those that follow from the row, as `409 410`.
};

/// The table is made of these, in this order; the first row that matches counts.
std::span<const route> work_routes() noexcept;
std::span<const route> flow_routes() noexcept;
std::span<const route> stock_routes() noexcept;
std::span<const route> letter_routes() noexcept;
std::span<const route> worker_routes() noexcept;
std::span<const route> operation_routes() noexcept;
std::span<const route> schedule_routes() noexcept;
std::span<const route> system_routes() noexcept;
std::span<const route> account_routes() noexcept;

inline constexpr size_t routes_max = 256;
std::span<const route> routes();
std::string_view to_string(method verb) noexcept;

struct route_match {
  const route* found = nullptr;
  std::string id;         ///< The first `{…}` of the path, decoded.
  std::string action;     ///< The second, decoded, or the last literal.
  bool bad_path = false;  ///< An escape in it is broken, or it is not UTF-8, or a part is too long.
  std::string allow;      ///< Where the path is known and the method is not, or at OPTIONS.
};
/// HEAD finds the route of GET.
route_match find_route(method verb, std::string_view path);

}  // namespace orrery::http
