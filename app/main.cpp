/// `orrery`: one binary, one node.

#include "app/cli/tree.hpp"
#include "app/commands.hpp"
#include "app/config.hpp"
#include "app/cron_commands.hpp"
#include "app/dev_command.hpp"
#include "app/flow_commands.hpp"
#include "app/view_commands.hpp"

#include <CLI/CLI.hpp>
#include <iostream>

/// How jemalloc, which the program is linked with, is set (docs/decisions/0019): what was freed goes back to
/// the system after three seconds, by a thread of its own, so that also an idle node shrinks.
extern "C" {
extern const char* malloc_conf;
const char* malloc_conf = "background_thread:true,dirty_decay_ms:3000,muzzy_decay_ms:0";
}

int main(int argc, char** argv) {
  using namespace orrery::app;
  CLI::App app{"Orrery: orders and tasks that do not get lost"};
  app.set_version_flag("--version", ORRERY_VERSION);
  app.require_subcommand(1);

  std::string file;
  overrides flags;
  const auto add_options = [&](CLI::App* to) {
    to->add_option("--config", file, "Configuration file (TOML)");
    const auto option = [&](const char* name, const char* key, const char* help) {
      to->add_option_function<std::string>(
          name, [&flags, key](const std::string& value) { flags[key] = value; }, help);
    };
    option("--data", "data", "Folder of this node's data");
    option("--http", "http", "Address of the HTTP API, host:port");
    option("--store", "store", "sqlite or postgres://…");
    option("--log", "log", "embedded or kafka://host:port,…");
    option("--node", "node", "Name of this node");
    option("--mesh", "mesh", "Address for other nodes, host:port (needs certificates)");
    option("--auth", "auth", "token or off (off on loopback only)");
    option("--shards", "shards", "Partitions of the intake topics (fixed at the first start)");
    option("--topic-prefix", "topic.prefix", "Put before every topic name");
    option("--log-level", "logging.level", "debug, info, warning, error or off");
    to->add_option_function<std::vector<std::string>>(
        "--set",
        [&flags](const std::vector<std::string>& pairs) {
          for (const auto& pair : pairs) {
            const auto equals = pair.find('=');
            if (equals == std::string::npos)
              throw CLI::ValidationError("--set", "wants key=value, got " + pair);
            flags[pair.substr(0, equals)] = pair.substr(equals + 1);
          }
        },
        "Any other key of the configuration, as key=value");
  };

  int status = 0;
  auto* serve_command = app.add_subcommand("serve", "Run a node");
  add_options(serve_command);
  serve_command->callback([&] { status = serve(load_config(file, flags)); });

  auto* config_command = app.add_subcommand("config", "Print the configuration that results");
  add_options(config_command);
  config_command->callback([&] {
    const auto loaded = load_config(file, flags);
    std::cout << describe(loaded);
    status = report_problems(loaded);
  });

  auto* cluster = app.add_subcommand("cluster", "The system as a whole; certificates");
  cluster->require_subcommand(1);
  std::string folder = "pki";
  std::vector<std::string> names;
  auto* init = cluster->add_subcommand("init", "Make an authority, and certificates for nodes");
  init->add_option("--dir", folder, "Folder for the certificates")->required();
  init->add_option("--node", names, "Also make a certificate for this node; may be repeated");
  init->callback([&] { status = cluster_init(folder, names); });
  auto* issue = cluster->add_subcommand("issue", "Make a certificate for one more node");
  issue->add_option("--dir", folder, "Folder of the authority")->required();
  issue->add_option("--node", names, "Name of the node")->required();
  issue->callback([&] { status = cluster_issue(folder, names); });

  auto* journal = app.add_subcommand("journal", "Print a shard's events as JSON lines");
  add_options(journal);
  uint32_t shard = 0;
  int64_t from = 1;
  journal->add_option("--shard", shard, "Which shard")->required();
  journal->add_option("--from", from, "First position");
  journal->callback([&] { status = print_journal(load_config(file, flags), shard, from); });

  auto* tail =
      app.add_subcommand("tail", "Print the status events of an embedded node as JSON lines");
  add_options(tail);
  std::string topic = "task_status_topic";
  tail->add_option("topic", topic,
                   "order_status_topic, task_status_topic, schedule_status_topic or one of "
                   "schedule.topics")
      ->required();
  tail->callback([&] { status = print_statuses(load_config(file, flags), topic); });

  add_cron_commands(app, status);
  add_flow_commands(app, status);
  orrery::cli::add_api_commands(app, status);
  add_dev_command(app, status);
  orrery::cli::add_account_commands(app, status);
  orrery::cli::add_document_commands(app, status);
  add_view_commands(app, status, add_options, [&] { return load_config(file, flags); });

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;  // help and version are no mistakes
  }
  return status;
}
