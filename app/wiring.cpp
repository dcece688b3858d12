/// The order in which a node starts and stops; the steps are in the other files of the wiring.

#include "app/wiring_parts.hpp"

#include "base/log.hpp"

#include <utility>

namespace orrery::app {

void running_node::parts::stop() {
  using namespace std::chrono_literals;
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
