#pragma once
/// The parts of a running node; only the files of the wiring include it.

#include "actors/executors/process_executor.hpp"
#include "app/answer_office.hpp"
#include "app/cluster_view.hpp"
#include "app/door.hpp"
#include "app/flow_office.hpp"
#include "app/mesh_carrier.hpp"
#include "app/rule_book.hpp"
#include "app/statistics_office.hpp"
#include "app/stock_office.hpp"
#include "app/telemetry.hpp"
#include "app/time_judge.hpp"
#include "app/wiring.hpp"
#include "bridge/kafka/kafka_log.hpp"
#include "bridge/kafka/transactional_sink.hpp"
#include "http/outbound.hpp"
#include "http/server.hpp"
#include "persistence/postgres/postgres_store.hpp"
#include "persistence/postgres/two_phase.hpp"
#include "zones/zone_files.hpp"

#include <atomic>
#include <caf/actor.hpp>
#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>

namespace orrery::app {

/// What a node is made of, in the order in which it is built; destroyed in reverse.
struct running_node::parts {
  struct actor_config : caf::actor_system_config {};

  explicit parts(config values)
      : how(std::move(values)),
        time(how.embedded_store() ? static_cast<const clock&>(machine_time) : shared_time),
        seen(how, time.now()) {}

  config how;
  system_clock machine_time;
  judged_clock shared_time;  ///< As the store's own clock says, where it has one.
  const clock& time;
  system_random chance;
  telemetry seen;
  std::string http_address;
  std::string token;
  std::string first_account_link;
  std::atomic<bool> failed{false};
  std::atomic<bool> actors_run{false};
  bool stopped = false;

  std::unique_ptr<store> truth;
  std::unique_ptr<time_judge> judge;
  settings_source* settings = nullptr;  ///< The same store.
  std::unique_ptr<intake_log> log;
  std::unique_ptr<event_sink> sink;
  transactional_sink* transactional = nullptr;  ///< The sink, where it is one.
  std::unique_ptr<task_log_source> log_tables;
  std::unique_ptr<log_office> logs;
  std::unique_ptr<process_executor> processes;
  std::unique_ptr<http::http_executor> requests;
  std::unique_ptr<read_pool> reads;
  std::unique_ptr<read_pool> replays;  ///< Of the outbox: a broker that hangs stops no read.
  std::unique_ptr<journal_feed> feed;
  std::unique_ptr<actors::journal_writer> writer;
  actor_config actor_settings;
  std::unique_ptr<caf::actor_system> system;
  zone_files zones;
  std::unique_ptr<actors::node_context> context;
  std::unique_ptr<actors::node> node;
  caf::actor timer;
  std::unique_ptr<mesh> peers;
  std::unique_ptr<mesh_carrier> carrier;
  actors::limit_board board;
  std::unique_ptr<rule_book> rules;
  std::unique_ptr<membership> members;
  std::unique_ptr<inventory_database>
      inventory;  ///< Null: the stock is in the store's file, or nowhere.
  std::unique_ptr<two_phase> phases;
  std::unique_ptr<stock_source> stock_tables;
  std::unique_ptr<stock_office> stock;
  std::unique_ptr<statistics_source> statistics_tables;
  std::unique_ptr<statistics_office> statistics;
  std::unique_ptr<flow_source> flow_tables;
  std::unique_ptr<flow_office> flows;
  std::unique_ptr<door> front;
  std::unique_ptr<access_control> access;
  std::unique_ptr<store_view> view;
  std::unique_ptr<answer_office> answers;
  std::unique_ptr<http::server> server;
  std::unique_ptr<http::server> redirect;  ///< To TLS.

  // wiring_store.cpp
  result<void> open_store();
  result<void> open_stock();

  // wiring_log.cpp
  result<void> open_log();
  result<void> open_sink(const kafka_options& options);

  // wiring_actors.cpp
  result<void> start_actors();
  result<mesh::options> configure_mesh();
  void open_sessions();
  void make_context();
  void make_rules();
  void make_node();
  void make_mesh(const mesh::options& mesh_how);

  // wiring_offices.cpp
  void make_executors();
  result<void> start_offices();

  // wiring_faces.cpp
  result<void> start_faces();
  result<void> start_access();
  void make_door();
  result<void> start_http();
  result<void> start_redirect();
  result<void> join_mesh();

  // wiring.cpp
  void stop();
};

}  // namespace orrery::app
