/// Of a node's start: what others see of it, HTTP and its place among the nodes; then work begins.

#include "app/wiring_parts.hpp"

#include "app/telemetry_peers.hpp"

#include <filesystem>
#include <fstream>
#include <sys/stat.h>

namespace orrery::app {

namespace {

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

}  // namespace

result<void> running_node::parts::start_faces() {
  if (auto ok = start_access(); !ok)
    return ok;
  make_door();
  if (auto ok = start_http(); !ok)
    return ok;
  if (auto ok = start_redirect(); !ok)
    return ok;
  if (access && !access->bootstrap_token().empty())
    first_account_link = (how.access.tls_certificate.empty() ? "http://" : "https://") +
                         http_address + "/start#" + access->bootstrap_token();
  if (auto ok = join_mesh(); !ok)
    return ok;
  if (auto ok = rules->start(); !ok)
    return failure{ok.error().code, "rules: " + ok.error().detail};
  if (auto started = node->start(); !started)
    return started;
  actors_run = true;
  front->start();
  return {};
}

result<void> running_node::parts::start_access() {
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
  return {};
}

void running_node::parts::make_door() {
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
}

result<void> running_node::parts::start_http() {
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
  return {};
}

result<void> running_node::parts::start_redirect() {
  if (!how.access.redirect.empty()) {
    http::server_options sending;
    sending.address = how.access.redirect;
    sending.redirect_port =
        static_cast<uint16_t>(std::atoi(http_address.c_str() + http_address.rfind(':') + 1));
    redirect = std::make_unique<http::server>(sending, *front);
    if (auto begun = redirect->start(); !begun)
      return failure{begun.error().code, "http.redirect: " + begun.error().detail};
  }
  return {};
}

result<void> running_node::parts::join_mesh() {
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
  return {};
}

}  // namespace orrery::app
