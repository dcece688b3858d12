#pragma once
/// The configuration of a node: one struct, defaults in it, validated whole.
///
/// Precedence: command-line flag, then `ORRERY_…` variable, then file (TOML), then default. A variable is
/// the key in capitals with `_` for dots: `mesh.certificate` is `ORRERY_MESH_CERTIFICATE`.

#include "app/access.hpp"
#include "app/log_recorder.hpp"

#include "actors/context.hpp"
#include "actors/executors/command.hpp"
#include "actors/journal_writer.hpp"
#include "base/log.hpp"
#include "base/secret.hpp"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace orrery::app {

struct config {
  std::string node = "node1";
  std::string data = "data";
  std::string http = "127.0.0.1:8080";
  size_t http_threads = 1;
  secret store{"sqlite"};  ///< `sqlite` or `postgres://…`, with a password perhaps.
  size_t store_readers = 2;
  std::string log = "embedded";  ///< `embedded` or `kafka://host:port,…`
  std::string topic_prefix;
  std::string kafka_group = "orrery";
  duration kafka_session_timeout = 6s;
  duration kafka_delivery_timeout = 10s;
  int kafka_replication = 1;
  std::string kafka_compression = "none";
  std::map<std::string, secret> kafka_security;
  std::string publish = "idempotent";  ///< `idempotent` or `transactional`
  std::string publish_resume =
      "refuse";      ///< `refuse` or `store`, where the watermark does not fit.
  std::string mesh;  ///< `host:port`; empty = no mesh.
  std::string mesh_certificate;
  std::string mesh_key;
  std::string mesh_ca;
  std::string auth = "token";  ///< `token` or `off`
  secret token;                ///< Empty = made at the first start, kept in the data folder.
  access_config access;
  size_t threads = 2;  ///< Of the actors' scheduler.
  actors::node_limits limits;
  actors::writer_options writer;
  std::string flows_folder;  ///< Its `*.json` are stored as flows at start; empty = none.
  std::string default_flow;  ///< Of orders that name none; empty = they have none.
  secret inventory;  ///< `postgres://…` of the stock; empty = beside an SQLite store, else none.
  command_table commands;
  /// That schedules may publish to: names, or beginnings of names with `*`. Names are created at start.
  std::vector<std::string> schedule_topics;
  std::string redis;  ///< `host:port` of the mirror of running tasks; empty = none.
  size_t processes_max = 64;
  duration process_grace = 2s;
  log_options logs;
  std::vector<std::string> http_allowed;
  bool http_public = true;
  log::options logging;
  std::string elastic_url;  ///< Of Elasticsearch, for the log; empty = none.
  std::string elastic_index = "orrery-logs";
  std::string elastic_user;
  secret elastic_password;
  secret elastic_key;                          ///< Instead of user and password.
  uint64_t elastic_buffer = 64 * 1024 * 1024;  ///< On disk, while it is away.
  std::string traces_endpoint;  ///< `http://collector:4318`; empty = nothing is traced.
  double traces_sample = 1;     ///< Part of the traces that begin here.
  secret traces_token;
  std::string
      telemetry_ca;  ///< PEM of who may sign the certificates of both; empty = the system's.

  bool embedded_log() const { return log == "embedded"; }
  bool embedded_store() const { return store.reveal() == "sqlite"; }
};

/// One setting as text, with where it came from.
struct setting {
  std::string key;
  std::string value;   ///< As it may be shown.
  std::string source;  ///< `default`, `file`, `environment`, `flag`
};

/// Flags that were given, by key.
using overrides = std::map<std::string, std::string>;

struct loaded_config {
  config values;
  std::vector<setting> settings;      ///< All keys, for `orrery config`.
  std::vector<std::string> problems;  ///< Every one of them; not empty = do not start.
};

/// Reads file (empty = none), environment and flags. Never throws.
loaded_config load_config(const std::string& file, const overrides& flags);

/// As `orrery config` prints it: TOML with the source as a comment, secrets masked.
std::string describe(const loaded_config& loaded);

}  // namespace orrery::app
