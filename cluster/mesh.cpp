#include "cluster/mesh.hpp"

#include "base/check.hpp"
#include "base/log.hpp"
#include "cluster/mesh_actors.hpp"
#include "cluster/pki.hpp"
#include "cluster/tls_errors.hpp"

#include <algorithm>
#include <caf/io/all.hpp>
#include <caf/openssl/all.hpp>
#include <mutex>

namespace orrery {

namespace {

using namespace cluster;

/// Hosts that do not answer hold a thread for the length of `options::timeout`.
constexpr size_t connecting_threads = 4;
constexpr size_t connecting_queue = 256;

node_credentials credentials(const mesh::options& how) {
  return {.certificate = how.certificate, .key = how.key, .authority = how.ca};
}

/// Whether the actor system's TLS is the one that was asked for.
bool has_tls(caf::actor_system& system, const mesh::options& how) {
  const auto& config = system.config();
  return system.has_middleman() && system.has_openssl_manager() &&
         config.openssl_certificate == how.certificate && config.openssl_key == how.key &&
         config.openssl_cafile == how.ca && config.openssl_capath.empty();
}

}  // namespace

struct mesh::parts {
  parts(caf::actor_system& s, options h, handler a)
      : system(s),
        how(std::move(h)),
        answer(std::move(a)),
        shared(std::make_shared<mesh_state>(how.node)) {}

  caf::actor_system& system;
  const options how;
  const handler answer;
  const std::shared_ptr<mesh_state> shared;

  std::mutex guard;  ///< For start and stop alone.
  bool started = false;
  uint16_t port = 0;
  std::unique_ptr<worker> connector;
  caf::actor gate;
  caf::actor caller;
};

mesh::mesh(caf::actor_system& system, options how, handler answer)
    : parts_(std::make_unique<parts>(system, std::move(how), std::move(answer))) {}

mesh::~mesh() { stop(); }

result<std::string> mesh::start() {
  clear_tls_errors_before_calls();
  auto& p = *parts_;
  const std::lock_guard lock(p.guard);
  CHECK(!p.started, "a mesh is started once");
  if (p.how.node.empty() || p.how.bind_host.empty())
    return failure{errc::invalid, "the mesh needs the node's name and a host to listen at"};
  if (auto valid = check_credentials(credentials(p.how)); !valid)
    return std::move(valid).error();
  if (!has_tls(p.system, p.how))
    return failure{errc::invalid, "the actor system was not configured for this mesh's TLS"};
  p.gate = p.system.spawn(make_gate, p.how, p.answer, p.shared);
  auto port = caf::openssl::publish(p.gate, p.how.port, p.how.bind_host.c_str(), true);
  if (!port) {
    caf::anon_send_exit(p.gate, caf::exit_reason::kill);
    p.gate = nullptr;
    return failure{errc::unavailable, "the mesh cannot listen at " + p.how.bind_host + ":" +
                                          std::to_string(p.how.port) + ": " +
                                          p.system.render(port.error())};
  }
  p.port = *port;
  p.connector = std::make_unique<worker>("mesh", connecting_queue, connecting_threads);
  p.caller = p.system.spawn(make_caller, p.how, p.shared, p.connector.get());
  p.shared->open(p.caller, p.gate);
  p.started = true;
  const bool is_v6 = p.how.bind_host.find(':') != std::string::npos;
  const auto host = is_v6 ? "[" + p.how.bind_host + "]" : p.how.bind_host;
  return host + ":" + std::to_string(p.port);
}

void mesh::peers(std::vector<node_row> nodes) { parts_->shared->set_peers(nodes); }

void mesh::ask(std::string node, mesh_request request, duration limit,
               std::function<void(result<mesh_reply>)> done) {
  if (request.body.size() > mesh_body_bytes)
    return done(failure{errc::invalid, "the body is larger than allowed", "body"});
  const auto limit_ms = std::chrono::ceil<std::chrono::milliseconds>(
      std::clamp<duration>(limit, 1ms, question_limit_max));
  mesh_state::question question;
  question.node = node;
  question.limit = limit_ms;
  question.text = {.to = std::move(node),
                   .verb = request.verb,
                   .kind = request.kind,
                   .id_high = request.id.value.high,
                   .id_low = request.id.value.low,
                   .limit_ms = static_cast<uint32_t>(limit_ms.count()),
                   .body = std::move(request.body)};
  question.done = done;
  const auto number = parts_->shared->add(std::move(question));
  if (!number)
    return done(number.error());
  // Without a caller the mesh was closed just now, and the question failed with it.
  if (const auto caller = parts_->shared->caller())
    caf::anon_send(caller, question_ready{*number});
}

std::vector<std::string> mesh::connected() const { return parts_->shared->names_connected(); }

void mesh::stop() {
  auto& p = *parts_;
  const std::lock_guard lock(p.guard);
  if (!p.started)
    return;
  p.started = false;
  caf::scoped_actor self{p.system, true};
  caf::anon_send(p.system.openssl_manager().actor_handle(), caf::close_atom_v, p.port);
  self->send_exit(p.gate, caf::exit_reason::kill);
  self->send_exit(p.caller, caf::exit_reason::kill);
  self->wait_for(p.gate, p.caller);
  p.shared->close();
  p.connector->stop();
  p.connector.reset();
  p.gate = nullptr;
  p.caller = nullptr;
  log::info("mesh.stopped");
}

result<void> configure(caf::actor_system_config& config, const mesh::options& how) {
  if (auto valid = check_credentials(credentials(how)); !valid)
    return valid;
  config.openssl_certificate = how.certificate;
  config.openssl_key = how.key;
  config.openssl_cafile = how.ca;
  config.set("middleman.app-identifiers", std::vector<std::string>{mesh_protocol});
  config.set("middleman.heartbeat-interval", caf::timespan(how.heartbeat));
  config.set("middleman.connection-timeout", caf::timespan(how.timeout));
  config.add_message_types<caf::id_block::orrery_cluster>();
  config.load<caf::io::middleman>();
  config.load<caf::openssl::manager>();
  return {};
}

}  // namespace orrery
