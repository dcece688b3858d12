/// Of a node's start: the actors, what they are given, and the mesh to other nodes.

#include "app/wiring_parts.hpp"

#include "actors/worker_messages.hpp"
#include "app/telemetry_peers.hpp"
#include "app/topic_rules.hpp"
#include "base/log.hpp"

#include <algorithm>
#include <caf/event_based_actor.hpp>

namespace orrery::app {

namespace {

constexpr size_t read_queue_max = 20'000;

/// Runs what comes back to it after a time limit.
caf::behavior timer_behavior(caf::event_based_actor*) {
  return {[](actors::run_here& job) { job.what(); }};
}

}  // namespace

result<void> running_node::parts::start_actors() {
  actors::configure(actor_settings, how.threads);
  const auto mesh_how = configure_mesh();
  if (!mesh_how)
    return mesh_how.error();
  open_sessions();
  make_context();
  if (auto ok = start_offices(); !ok)
    return ok;
  make_rules();
  make_node();
  if (!how.mesh.empty())
    make_mesh(*mesh_how);
  return {};
}

/// Before there is an actor system: its configuration learns of the mesh.
result<mesh::options> running_node::parts::configure_mesh() {
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
  return mesh_how;
}

void running_node::parts::open_sessions() {
  auto writing = how.writer;
  writing.node = how.node;
  writer = std::make_unique<actors::journal_writer>(*truth, time, writing);
  reads = std::make_unique<read_pool>(*truth, how.store_readers, read_queue_max);
  // Beginning to publish in transactions takes half a second for each shard.
  replays = std::make_unique<read_pool>(*truth, transactional == nullptr ? 1 : 8,
                                        how.limits.shards + 16, "replay");
  feed = std::make_unique<journal_feed>(*truth, feed_options{.shards = how.limits.shards});
}

void running_node::parts::make_context() {
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
}

void running_node::parts::make_rules() {
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
}

void running_node::parts::make_node() {
  node = std::make_unique<actors::node>(*system, *context, [this](const failure& why) {
    log::error("node.failed", {{"detail", why.detail}});
    failed = true;
  });
  timer = system->spawn(timer_behavior);
}

void running_node::parts::make_mesh(const mesh::options& mesh_how) {
  peers = std::make_unique<mesh>(*system, mesh_how, [this](auto question, auto done) {
    if (question.verb == verb_logs || question.verb == verb_log_news)
      return tell_log_to_peer(seen.logs(), question, std::move(done));
    front->answer_peer(std::move(question), std::move(done));
  });
  carrier = std::make_unique<mesh_carrier>(*peers);
  context->network = carrier.get();
}

}  // namespace orrery::app
