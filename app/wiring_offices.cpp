/// Of a node's start: executors and their logs, and the offices of stock, flows and statistics.

#include "app/wiring_parts.hpp"

#include "persistence/sqlite/sqlite_flows.hpp"
#include "persistence/sqlite/sqlite_logs.hpp"
#include "persistence/sqlite/sqlite_statistics.hpp"
#include "persistence/sqlite/sqlite_store.hpp"

#include <filesystem>

namespace orrery::app {

void running_node::parts::make_executors() {
  if (how.embedded_store())
    log_tables = std::make_unique<sqlite_logs>(std::filesystem::path(how.data) / "logs.db");
  else
    log_tables = static_cast<postgres_store&>(*truth).logs();
  how.logs.node = how.node;
  logs = std::make_unique<log_office>(*log_tables, *truth, time, how.logs);
  process_executor::options exec;
  exec.logs = &logs->recorder();
  exec.commands = how.commands;
  exec.processes_max = how.processes_max + 16;  // slots bound it; the rest is for those stopping
  exec.grace = how.process_grace;
  processes = std::make_unique<process_executor>(std::move(exec));
  http::outbound_options outbound;
  outbound.allowed_hosts = how.http_allowed;
  outbound.allow_public = how.http_public;
  requests = std::make_unique<http::http_executor>(std::move(outbound));
}

/// What works for tasks and orders, and is known to the context from then on.
result<void> running_node::parts::start_offices() {
  if (stock) {
    context->executors.emplace(kind_stock_reserve, &stock->reserving());
    context->executors.emplace(kind_stock_release, &stock->releasing());
    context->limits.slots_per_kind.try_emplace(std::string(kind_stock_reserve), 20'000);
    context->limits.slots_per_kind.try_emplace(std::string(kind_stock_release), 20'000);
    stock->start();
  }
  if (how.embedded_store())
    flow_tables = std::make_unique<sqlite_flows>(static_cast<sqlite_store&>(*truth));
  else
    flow_tables = static_cast<postgres_store&>(*truth).flows();
  if (how.embedded_store())
    statistics_tables = std::make_unique<sqlite_statistics>(static_cast<sqlite_store&>(*truth));
  else
    statistics_tables = static_cast<postgres_store&>(*truth).statistics();
  statistics = std::make_unique<statistics_office>(*statistics_tables, *truth,
                                                   statistics_options{.node = how.node});
  statistics->start();
  flow_office_options about_flows;
  about_flows.folder = how.flows_folder;
  about_flows.knows_kind = [this](const std::string& kind) { return context->takes_kind(kind); };
  flows = std::make_unique<flow_office>(*flow_tables, time, std::move(about_flows));
  if (auto ok = flows->start(); !ok)
    return ok;
  context->flows = flows.get();
  context->default_flow = how.default_flow;
  return {};
}

}  // namespace orrery::app
