#include "app/wiring.hpp"

#include "actors/executors/process_executor.hpp"
#include "app/answer_office.hpp"
#include "app/cluster_view.hpp"
#include "app/door.hpp"
#include "app/flow_office.hpp"
#include "app/mesh_carrier.hpp"
#include "app/rule_book.hpp"
#include "app/topic_rules.hpp"
#include "app/statistics_office.hpp"
#include "app/stock_office.hpp"
#include "app/telemetry.hpp"
#include "app/time_judge.hpp"
#include "app/telemetry_peers.hpp"
#include "actors/worker_messages.hpp"
#include "base/log.hpp"
#include "bridge/kafka/kafka_log.hpp"
#include "bridge/kafka/kafka_sink.hpp"
#include "bridge/kafka/transactional_sink.hpp"
#include "bridge/redis/redis_mirror.hpp"
#include "http/outbound.hpp"
#include "http/server.hpp"
#include "persistence/postgres/postgres_store.hpp"
#include "persistence/sqlite/embedded_log.hpp"
#include "persistence/sqlite/embedded_sink.hpp"
#include "persistence/postgres/two_phase.hpp"
#include "persistence/sqlite/sqlite_flows.hpp"
#include "persistence/sqlite/sqlite_logs.hpp"
#include "persistence/sqlite/sqlite_statistics.hpp"
#include "persistence/sqlite/sqlite_stock.hpp"
#include "persistence/sqlite/sqlite_store.hpp"
#include "zones/zone_files.hpp"

#include <algorithm>
#include <caf/event_based_actor.hpp>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <sys/stat.h>
#include <thread>

namespace orrery::app {

namespace {

using namespace std::chrono_literals;

constexpr size_t read_queue_max = 20'000;
/// How long a start waits for a database or broker that is still coming up.
constexpr auto patience = std::chrono::seconds{30};

/// Repeats what fails as `unavailable`.
template <class Call>
result<void> patiently(const char* what, Call call) {
  const auto end = std::chrono::steady_clock::now() + patience;
  for (;;) {
    auto outcome = call();
    if (outcome)
      return {};
    if (outcome.error().code != errc::unavailable || std::chrono::steady_clock::now() > end)
      return failure{outcome.error().code, std::string(what) + ": " + outcome.error().detail};
    log::warning("start.waiting", {{"for", what}, {"detail", outcome.error().detail}});
    std::this_thread::sleep_for(500ms);
  }
}

/// Reads the token of the data folder, or makes one there, readable by its owner alone.
result<std::string> token_in(const std::filesystem::path& data, random_source& chance) {
  const auto file = data / "token";
  if (std::ifstream existing(file); existing) {
    std::string token;
    existing >> token;
    if (!token.empty())
      return token;
  }
  static constexpr char digits[] = "0123456789abcdef";
  std::string token;
  for (int word = 0; word < 4; ++word) {
    auto bits = chance.next();
    for (int i = 0; i < 8; ++i, bits >>= 4)
      token += digits[bits & 15];
  }
  const auto before = ::umask(0077);
  std::ofstream out(file, std::ios::trunc);
  out << token << '\n';
  out.close();
  ::umask(before);
  if (!out)
    return failure{errc::unavailable, "cannot write " + file.string()};
  return token;
}

/// Runs what comes back to it after a time limit.
caf::behavior timer_behavior(caf::event_based_actor*) {
  return {[](actors::run_here& job) { job.what(); }};
}

struct actor_config : caf::actor_system_config {};

}  // namespace

struct running_node::parts {
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

  result<void> open_store();
  result<void> open_stock();
  result<void> open_log();
  result<void> open_sink(const kafka_options& options);
  void make_executors();
  result<void> start_actors();
  result<void> start_faces();
  void stop();
};

result<void> running_node::parts::open_store() {
  std::error_code error;
  std::filesystem::create_directories(how.data, error);
  if (error)
    return failure{errc::unavailable, "data: cannot make " + how.data + ": " + error.message()};
  if (how.embedded_store()) {
    auto made = std::make_unique<sqlite_store>(std::filesystem::path(how.data) / "orrery.db", time);
    settings = made.get();
    truth = std::move(made);
  } else {
    auto opened = postgres_store::open(how.store.reveal());
    if (!opened)
      return failure{errc::invalid, "store: " + opened.error().detail};
    settings = opened->get();
    truth = std::move(*opened);
  }
  auto ok = patiently("store", [&] { return truth->migrate(how.limits.shards); });
  if (ok && !how.embedded_store())
    judge = std::make_unique<time_judge>(shared_time, [this] { return truth->shared_time(); });
  return ok;
}

/// Before any journal is opened: its commits move the stock.
result<void> running_node::parts::open_stock() {
  if (how.embedded_store()) {
    stock_tables = std::make_unique<sqlite_stock>(static_cast<sqlite_store&>(*truth));
  } else if (how.inventory.empty()) {
    return {};
  } else {
    auto opened = inventory_database::open(how.inventory.reveal());
    if (!opened)
      return failure{errc::invalid, "resources.inventory: " + opened.error().detail};
    inventory = std::move(*opened);
    if (auto ok = patiently("resources.inventory", [&] { return inventory->migrate(); }); !ok)
      return ok;
    auto& main = static_cast<postgres_store&>(*truth);
    auto made = main.open_two_phase(*inventory);
    if (!made)
      return failure{made.error().code, "resources.inventory: " + made.error().detail};
    phases = std::move(*made);
    main.join_stock(*inventory, *phases);
  }
  auto& where = inventory ? static_cast<stock_source&>(*inventory) : *stock_tables;
  stock = std::make_unique<stock_office>(where, *truth, time);
  return {};
}

result<void> running_node::parts::open_log() {
  if (how.embedded_log()) {
    auto& sqlite = static_cast<sqlite_store&>(*truth);
    log = std::make_unique<embedded_log>(sqlite,
                                         embedded_log_options{.topic_prefix = how.topic_prefix});
    sink = std::make_unique<embedded_sink>(sqlite);
  } else {
    kafka_options options;
    options.bootstrap = how.log.substr(std::string_view("kafka://").size());
    options.node = how.node;
    options.group = how.kafka_group;
    options.prefix = how.topic_prefix;
    options.replication_factor = how.kafka_replication;
    options.compression = how.kafka_compression;
    options.session_timeout = how.kafka_session_timeout;
    options.delivery_timeout = how.kafka_delivery_timeout;
    for (const auto& [name, value] : how.kafka_security)
      options.security[name] = value.reveal();
    options.traces_sample = how.traces_endpoint.empty() ? 0 : how.traces_sample;
    options.message_topics = names_among(how.schedule_topics);
    auto opened = kafka_log::make(options);
    if (!opened)
      return failure{errc::invalid, "log: " + opened.error().detail};
    log = std::move(*opened);
    if (auto ok = open_sink(options); !ok)
      return ok;
  }
  if (!how.redis.empty()) {
    redis_options mirror;
    mirror.address = how.redis;
    sink = std::make_unique<redis_mirror>(std::move(sink), *truth, time, std::move(mirror));
  }
  if (auto ok = patiently("log", [&] { return log->prepare(how.limits.shards); }); !ok)
    return ok;
  if (transactional == nullptr)
    return {};
  return patiently("publish", [&] {
    return transactional->check(how.limits.shards, [&] { return truth->open_reader()->shards(); });
  });
}

result<void> running_node::parts::open_sink(const kafka_options& options) {
  if (how.publish != "transactional") {
    auto opened = kafka_sink::make(options);
    if (!opened)
      return failure{errc::invalid, "log: " + opened.error().detail};
    sink = std::move(*opened);
    return {};
  }
  transactional_options publishing;
  publishing.trust_store = how.publish_resume == "store";
  const auto read_identity = [&]() -> result<void> {
    auto identity = how.embedded_store() ? static_cast<sqlite_store&>(*truth).identity()
                                         : static_cast<postgres_store&>(*truth).identity();
    if (!identity)
      return std::move(identity).error();
    publishing.store_identity = std::move(*identity);
    return {};
  };
  if (auto ok = patiently("store", read_identity); !ok)
    return ok;
  auto opened = transactional_sink::make(options, std::move(publishing));
  if (!opened)
    return failure{errc::invalid, "log: " + opened.error().detail};
  transactional = opened->get();
  sink = std::move(*opened);
  return {};
}

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

result<void> running_node::parts::start_actors() {
  actors::configure(actor_settings, how.threads);
  mesh::options mesh_how;
  if (!how.mesh.empty()) {
    const auto colon = how.mesh.rfind(':');
    mesh_how.node = how.node;
    mesh_how.bind_host = how.mesh.substr(0, colon);
    mesh_how.port = static_cast<uint16_t>(std::atoi(how.mesh.c_str() + colon + 1));
    mesh_how.certificate = how.mesh_certificate;
    mesh_how.key = how.mesh_key;
    mesh_how.ca = how.mesh_ca;
    if (auto ok = orrery::configure(actor_settings, mesh_how); !ok)
      return failure{errc::invalid, "mesh: " + ok.error().detail};
  }
  auto writing = how.writer;
  writing.node = how.node;
  writer = std::make_unique<actors::journal_writer>(*truth, time, writing);
  reads = std::make_unique<read_pool>(*truth, how.store_readers, read_queue_max);
  // Beginning to publish in transactions takes half a second for each shard.
  replays = std::make_unique<read_pool>(*truth, transactional == nullptr ? 1 : 8,
                                        how.limits.shards + 16, "replay");
  feed = std::make_unique<journal_feed>(*truth, feed_options{.shards = how.limits.shards});
  system = std::make_unique<caf::actor_system>(actor_settings);
  context.reset(new actors::node_context{how.node,
                                         time,
                                         how.limits,
                                         *writer,
                                         *reads,
                                         *log,
                                         *sink,
                                         {{"exec", processes.get()}, {"http", requests.get()}},
                                         {},
                                         {},
                                         {},
                                         {},
                                         {},
                                         {},
                                         {},
                                         nullptr,
                                         {},
                                         {}});
  context->replays = replays.get();
  context->spans = seen.spans();
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
  context->rules = &board;
  board.know(
      [this](shard_id shard) {
        return members ? members->owner_of(shard).value_or(std::string()) : std::string();
      },
      [this](const std::string& name) {
        if (!members)
          return false;
        const auto nodes = members->nodes();
        return std::any_of(nodes.begin(), nodes.end(),
                           [&](const node_row& one) { return one.name == name; });
      });
  rules = std::make_unique<rule_book>(*settings, time, board, [this] {
    if (actors_run)  // before, they read the board as they start
      caf::anon_send(context->dispatcher, actors::rules_changed{});
  });
  context->zones = zones.lookup();
  context->may_publish_to = [this](const std::string& topic) {
    return check_topic(how.schedule_topics, how.topic_prefix, topic);
  };
  node = std::make_unique<actors::node>(*system, *context, [this](const failure& why) {
    log::error("node.failed", {{"detail", why.detail}});
    failed = true;
  });
  timer = system->spawn(timer_behavior);
  if (!how.mesh.empty()) {
    peers = std::make_unique<mesh>(*system, mesh_how, [this](auto question, auto done) {
      if (question.verb == verb_logs || question.verb == verb_log_news)
        return tell_log_to_peer(seen.logs(), question, std::move(done));
      front->answer_peer(std::move(question), std::move(done));
    });
    carrier = std::make_unique<mesh_carrier>(*peers);
    context->network = carrier.get();
  }
  return {};
}

result<void> running_node::parts::start_faces() {
  if (how.auth == "token") {
    auto made =
        how.token.empty() ? token_in(how.data, chance) : result<std::string>(how.token.reveal());
    if (!made)
      return std::move(made).error();
    token = *made;
    auto started = access_control::start(how.access, how.node, token,
                                         dynamic_cast<identity_source&>(*truth), time);
    if (!started)
      return std::move(started).error();
    access = std::move(*started);
  }
  front =
      std::make_unique<door>(door_parts{how.node,
                                        how.limits.shards,
                                        time,
                                        chance,
                                        *log,
                                        *truth,
                                        *reads,
                                        how.store_readers,
                                        *feed,
                                        *context,
                                        *node,
                                        *writer,
                                        rules.get(),
                                        timer,
                                        flows.get(),
                                        logs.get(),
                                        &seen.logs(),
                                        stock.get(),
                                        statistics.get(),
                                        [this](std::string& out) { seen.append_metrics(out); }});
  http::server_options serving;
  serving.address = how.http;
  serving.threads = how.http_threads;
  serving.bearer_token = token;
  serving.who = access ? &access->port() : nullptr;
  serving.authenticate = how.auth != "off";
  serving.open_routes = how.access.open_routes;
  serving.requests_per_second = access ? how.access.requests_per_second : 0;
  serving.requests_burst = how.access.requests_burst;
  view = std::make_unique<store_view>(
      store_view::parts{{how.node, how.mesh, how.http, ORRERY_VERSION, time.now(), {}},
                        time,
                        *truth,
                        *reads,
                        *log,
                        *front,
                        [this](const std::string& other, auto done) {
                          ask_whether_ready(peers.get(), other, std::move(done));
                        }});
  serving.cluster = view.get();
  answers = std::make_unique<answer_office>(dynamic_cast<identity_source&>(*truth), time);
  serving.answers = answers.get();
  serving.spans = seen.spans();
  serving.trusted_proxies = how.access.trusted_proxies;
  serving.cors_origins = how.access.cors_origins;
  serving.tls_certificate = how.access.tls_certificate;
  serving.tls_key = how.access.tls_key;
  server = std::make_unique<http::server>(serving, *front);
  auto address = server->start();
  if (!address)
    return failure{address.error().code, "http: " + address.error().detail};
  http_address = *address;
  if (!how.access.redirect.empty()) {
    http::server_options sending;
    sending.address = how.access.redirect;
    sending.redirect_port =
        static_cast<uint16_t>(std::atoi(http_address.c_str() + http_address.rfind(':') + 1));
    redirect = std::make_unique<http::server>(sending, *front);
    if (auto begun = redirect->start(); !begun)
      return failure{begun.error().code, "http.redirect: " + begun.error().detail};
  }
  if (access && !access->bootstrap_token().empty())
    first_account_link = (how.access.tls_certificate.empty() ? "http://" : "https://") +
                         http_address + "/start#" + access->bootstrap_token();
  if (peers) {
    auto mesh_address = peers->start();
    if (!mesh_address)
      return failure{mesh_address.error().code, "mesh: " + mesh_address.error().detail};
    node_row self{how.node, *mesh_address, http_address, ORRERY_VERSION, time.now(), {}};
    members = std::make_unique<membership>(*truth, membership::options{std::move(self)},
                                           [this](auto nodes) { peers->peers(std::move(nodes)); });
    members->start();
    front->join(*members, *peers);
    reach_logs_of_others(seen.logs(), how.node, *members, *peers);
  }
  if (auto ok = rules->start(); !ok)
    return failure{ok.error().code, "rules: " + ok.error().detail};
  if (auto started = node->start(); !started)
    return started;
  actors_run = true;
  front->start();
  return {};
}

void running_node::parts::stop() {
  if (std::exchange(stopped, true))
    return;
  log::info("node.stopping", {{"node", how.node}});
  if (feed)
    feed->stop();
  if (logs)
    logs->end_streams();
  if (redirect)
    redirect->stop(1s);
  if (server)
    server->stop(10s);
  if (answers)
    answers->stop();
  if (access)
    access->stop();
  if (front)
    front->rest();
  if (node)
    node->stop();
  if (rules)
    rules->stop();
  if (members)
    members->stop();
  if (peers)
    peers->stop();
  if (front)
    front->stop();
  if (flows)
    flows->stop();
  if (statistics)
    statistics->stop();
  if (stock)
    stock->stop();
  if (writer)
    writer->stop();
  if (phases)
    phases->stop();
  if (reads)
    reads->stop();
  if (replays)
    replays->stop();
  if (system) {
    caf::anon_send_exit(std::exchange(timer, {}), caf::exit_reason::user_shutdown);
    system->await_all_actors_done();
  }
  // Entities stop their work as they end; the log answers what was still on its way to the door.
  processes.reset();
  requests.reset();
  if (logs)
    logs->stop();
  sink.reset();
  log.reset();
  judge.reset();
  log::info("node.stopped", {{"node", how.node}});
  seen.stop();
}

result<std::unique_ptr<running_node>> running_node::start(const config& how) {
  auto p = std::make_unique<parts>(how);
  for (auto step : {&parts::open_store, &parts::open_stock, &parts::open_log}) {
    if (auto ok = ((*p).*step)(); !ok)
      return std::move(ok).error();
  }
  p->make_executors();
  for (auto step : {&parts::start_actors, &parts::start_faces}) {
    if (auto ok = ((*p).*step)(); !ok) {
      p->stop();
      return std::move(ok).error();
    }
  }
  log::info("node.ready", {{"node", how.node},
                           {"http", p->http_address},
                           {"store", how.embedded_store() ? "sqlite" : "postgres"},
                           {"log", how.embedded_log() ? "embedded" : "kafka"},
                           {"shards", how.limits.shards}});
  return std::unique_ptr<running_node>(new running_node(std::move(p)));
}

running_node::running_node(std::unique_ptr<parts> p) : parts_(std::move(p)) {}
running_node::~running_node() { stop(); }
const std::string& running_node::http_address() const noexcept { return parts_->http_address; }
const std::string& running_node::first_account_link() const noexcept {
  return parts_->first_account_link;
}
const std::string& running_node::token() const noexcept { return parts_->token; }
void running_node::stop() { parts_->stop(); }
bool running_node::failed() const noexcept { return parts_->failed; }

}  // namespace orrery::app
