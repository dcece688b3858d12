/// The routes of flows, and of orders that follow one.

#include "http/handlers.hpp"
#include "http/routes.hpp"

#include <array>

namespace orrery::http {

namespace {

using enum method;

constexpr route flow_command(std::string_view pattern, std::string_view name, std::string_view body,
                             std::string_view description) {
  return {.verb = post,
          .pattern = pattern,
          .handle = handlers::run_command,
          .needs = permission::operate,
          .name = name,
          .group = "orders",
          .description = description,
          .kind = entity_kind::order,
          .body = body_kind::single,
          .request = body,
          .answer = "Order",
          .parameters = "id IfMatch",
          .errors = "409 412"};
}

constexpr std::array flow_table{
    route{.verb = post,
          .pattern = "/api/flows",
          .handle = handlers::put_flow,
          .needs = permission::operate,
          .name = "storeFlow",
          .group = "flows",
          .description =
              "Stores a flow as the next version of its name; unchanged, it stays the same.",
          .kind = entity_kind::order,
          .body = body_kind::single,
          .request = "FlowSubmission",
          .answer = "Flow"},
    route{.pattern = "/api/flows",
          .handle = handlers::list_flows,
          .name = "listFlows",
          .group = "flows",
          .description = "The newest version of every flow.",
          .kind = entity_kind::order,
          .answer = "FlowList"},
    route{.pattern = "/api/flows/{id}",
          .handle = handlers::get_flow,
          .name = "getFlow",
          .group = "flows",
          .description = "The newest version of a flow.",
          .kind = entity_kind::order,
          .answer = "Flow",
          .parameters = "flowName"},
    route{.pattern = "/api/orders/{id}/compensation",
          .handle = handlers::compensation,
          .name = "planCompensation",
          .group = "orders",
          .description = "What a cancellation now would undo, in that order. Changes nothing.",
          .kind = entity_kind::order,
          .answer = "CompensationPlan",
          .parameters = "id"},
    flow_command("/api/orders/{id}/kill", "killOrder", "Reason",
                 "Ends an order and kills its tasks. Nothing is compensated."),
};

}  // namespace

std::span<const route> flow_routes() noexcept { return flow_table; }

}  // namespace orrery::http
