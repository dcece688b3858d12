/// The routes of the node itself: health, figures, and the descriptions of this API.

#include "http/handlers.hpp"
#include "http/routes.hpp"

#include <array>

namespace orrery::http {

namespace {

constexpr std::array system_table{
    route{.pattern = "/healthz",
          .handle = handlers::health,
          .needs = permission::open,
          .name = "getHealth",
          .group = "system",
          .description = "Whether the process answers.",
          .answer = "Health"},
    route{.pattern = "/readyz",
          .handle = handlers::ready,
          .needs = permission::open,
          .name = "getReadiness",
          .group = "system",
          .description = "Whether the node takes work, and its parts; 503 where it does not.",
          .answer = "Readiness"},
    route{.pattern = "/metrics",
          .handle = handlers::metrics,
          .name = "getMetrics",
          .group = "system",
          .description = "Prometheus text.",
          .answers = media::metrics},
    route{.pattern = "/api/cluster",
          .handle = handlers::cluster,
          .name = "getCluster",
          .group = "system",
          .description =
              "Nodes with their versions, shards with owner, epoch and lag, and the health of "
              "the node that was asked.",
          .answer = "Cluster"},
    route{.pattern = "/api/logs",
          .handle = handlers::node_logs,
          .needs = permission::operate,
          .name = "listLogLines",
          .group = "system",
          .description = "The newest lines of the log that fit, of all nodes that can be reached.",
          .answer = "NodeLogLines",
          .parameters = "logLevel logText logFrom logTo logNode logTrace limit logCursor",
          .errors = "404 503"},
    route{
        .pattern = "/api/logs/follow",
        .handle = handlers::follow_node_logs,
        .needs = permission::operate,
        .name = "streamLogLines",
        .group = "system",
        .description =
            "The lines of all nodes (of `node`) as they are written, as server-sent events: `log` "
            "is a line, nearly in the order of their times; `nodes` names the nodes that are heard "
            "and those that are missing, whenever that changes; `lost` counts lines of a node that "
            "could not be had. Nodes that come are heard from their first line. Who reads too "
            "slowly is cut.",
        .answers = media::events,
        .parameters = "logLevel logText logNode logTrace",
        .errors = "404 429"},
    route{.pattern = "/openapi.json",
          .handle = handlers::openapi,
          .needs = permission::open,
          .name = "getOpenApi",
          .group = "system",
          .description = "This API, as OpenAPI 3.1.",
          .answer = "Document"},
    route{.pattern = "/asyncapi.json",
          .handle = handlers::asyncapi,
          .needs = permission::open,
          .name = "getAsyncApi",
          .group = "system",
          .description = "The topics, as AsyncAPI 3.0.",
          .answer = "Document"},
    route{.pattern = "/docs",
          .handle = handlers::docs_page,
          .needs = permission::open,
          .name = "getDocsPage",
          .group = "system",
          .description = "This API as a page to read and to try (Swagger UI).",
          .answers = media::html},
    route{.pattern = "/start",
          .handle = handlers::start_page,
          .needs = permission::open,
          .name = "getStartPage",
          .group = "system",
          .description = "A page that makes the first account, with the link of the first start.",
          .answers = media::html},
    route{.pattern = "/docs/{asset}",
          .handle = handlers::docs_asset,
          .needs = permission::open,
          .name = "getDocsAsset",
          .group = "system",
          .description = "Script, style and pictures of the page.",
          .answers = media::script,
          .parameters = "asset"},
    route{.pattern = "/",
          .handle = handlers::index,
          .name = "listRoutes",
          .group = "system",
          .description = "The routes.",
          .answer = "Index"},
};

}  // namespace

std::span<const route> system_routes() noexcept { return system_table; }

}  // namespace orrery::http
