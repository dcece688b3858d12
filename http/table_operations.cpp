/// The routes of bulk operations.

#include "http/handlers.hpp"
#include "http/routes.hpp"

#include <array>

namespace orrery::http {

namespace {

using enum method;

constexpr std::array operation_table{
    route{.verb = post,
          .pattern = "/api/operations",
          .handle = handlers::begin_operation,
          .needs = permission::operate,
          .name = "beginOperation",
          .group = "operations",
          .description = "Sends one command to every task that a filter finds, as tracked work that"
                         " goes on after a restart. `dryRun` only counts them.",
          .body = body_kind::single,
          .request = "OperationRequest",
          .answer = "Operation",
          .status = 202},
    route{.pattern = "/api/operations",
          .handle = handlers::list_operations,
          .name = "listOperations",
          .group = "operations",
          .description = "Bulk operations, newest first.",
          .answer = "OperationList",
          .parameters = "limit"},
    route{.pattern = "/api/operations/{id}",
          .handle = handlers::get_operation,
          .name = "getOperation",
          .group = "operations",
          .description = "One bulk operation with its progress.",
          .answer = "Operation",
          .parameters = "operationId"},
    route{.verb = post,
          .pattern = "/api/operations/{id}/stop",
          .handle = handlers::stop_operation,
          .needs = permission::operate,
          .name = "stopOperation",
          .group = "operations",
          .description = "Ends a bulk operation before its next page; what was done stays done.",
          .body = body_kind::single,
          .request = "Nothing",
          .answer = "Operation",
          .parameters = "operationId"},
};

}  // namespace

std::span<const route> operation_routes() noexcept { return operation_table; }

}  // namespace orrery::http
