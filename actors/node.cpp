#include "actors/node.hpp"

#include "actors/dispatcher.hpp"
#include "actors/outbox.hpp"
#include "actors/retention_sweeper.hpp"
#include "actors/tick_supervisor.hpp"
#include "actors/ttl_supervisor.hpp"
#include "actors/work_exchange.hpp"
#include "actors/worker_desk.hpp"
#include "base/log.hpp"

#include <caf/scoped_actor.hpp>
#include <caf/send.hpp>
#include <future>

namespace orrery::actors {

namespace {

/// Watches the supervisors.
class root_actor final : public caf::event_based_actor {
public:
  root_actor(caf::actor_config& config, std::vector<caf::actor> children,
             std::function<void(failure)> fatal)
      : caf::event_based_actor(config), children_(std::move(children)), fatal_(std::move(fatal)) {
    set_down_handler([this](caf::down_msg& news) {
      if (stopping_)
        return;
      log::error("node.supervisor_ended", {{"reason", caf::to_string(news.reason)}});
      fatal_({errc::corrupt, "a supervisor ended: " + caf::to_string(news.reason)});
    });
  }

  caf::behavior make_behavior() override {
    for (const auto& child : children_)
      monitor(child);
    return {
        [this](stop_node& wish) {
          stopping_ = true;
          for (const auto& child : children_)
            send_exit(child, caf::exit_reason::user_shutdown);
          wish.done();
          quit();
        },
    };
  }

private:
  std::vector<caf::actor> children_;
  std::function<void(failure)> fatal_;
  bool stopping_ = false;
};

}  // namespace

void configure(caf::actor_system_config& config, size_t threads) {
  config.add_message_types<caf::id_block::orrery_actors>();
  config.add_message_types<caf::id_block::orrery_work>();
  config.add_message_types<caf::id_block::orrery_workers>();
  config.add_message_types<caf::id_block::orrery_retention>();
  config.add_message_types<caf::id_block::orrery_outbox>();
  config.add_message_types<caf::id_block::orrery_bridge>();
  // Work stealing of this CAF is quadratic in the length of a queue.
  config.set("scheduler.policy", caf::atom("sharing"));
  config.set("scheduler.max-threads", static_cast<uint64_t>(threads));
  config.set("logger.file-verbosity", caf::atom("quiet"));
  config.set("logger.console-verbosity", caf::atom("quiet"));
}

node::node(caf::actor_system& system, node_context& context, std::function<void(failure)> fatal)
    : system_(system), context_(context), fatal_(std::move(fatal)) {}

node::~node() { stop(); }

result<void> node::start() {
  context_.dispatcher = system_.spawn<dispatcher>(context_);
  context_.ttl = system_.spawn<ttl_supervisor>(context_);
  context_.tick = system_.spawn<tick_supervisor>(context_);
  context_.outbox = system_.spawn<outbox>(context_);
  context_.exchange = system_.spawn<work_exchange>(context_);
  context_.desk = system_.spawn<worker_desk>(context_);
  bridge_ = system_.spawn<bridge>(context_);
  sweeper_ = system_.spawn<retention_sweeper>(context_, bridge_);
  root_ = system_.spawn<root_actor>(
      std::vector<caf::actor>{context_.dispatcher, context_.ttl, context_.tick, context_.outbox,
                              context_.exchange, context_.desk, bridge_, sweeper_},
      fatal_);
  started_ = true;
  listener_ = std::make_unique<bridge_listener>(bridge_, context_.limits.drain_limit + 5s, fatal_);
  return context_.log.consumer().open(*listener_);
}

void node::stop() {
  if (!std::exchange(started_, false))
    return;
  // The work of other nodes ends while our own shards drain.
  auto guests_gone = std::make_shared<std::promise<void>>();
  caf::anon_send(context_.exchange, close_exchange{[guests_gone] { guests_gone->set_value(); }});
  context_.log.consumer().close();  // revokes: drains the shards, flushes the outbox
  guests_gone->get_future().wait_for(context_.limits.drain_limit + 1s);
  caf::scoped_actor self{system_};
  auto ended = std::make_shared<std::promise<void>>();
  self->send(root_, stop_node{[ended] { ended->set_value(); }});
  ended->get_future().wait_for(5s);
  for (const auto& child : {sweeper_, bridge_, context_.desk, context_.exchange, context_.outbox,
                            context_.tick, context_.ttl, context_.dispatcher, root_})
    self->wait_for(child);
}

void node::take_packet(std::string bytes, std::function<void(std::string)> answer) {
  caf::anon_send(context_.exchange, peer_packet_came{std::move(bytes), std::move(answer)});
}

void node::sample_mailboxes() {
  // From outside: what waits for the bridge must show also where the bridge asks nobody any more.
  auto& own = context_.probe.meters.bridge;
  if (own.ask(steady_micros()))
    caf::anon_send(bridge_, sample_mailbox{&own});
  caf::anon_send(bridge_, actors::sample_mailboxes{});
}

void node::find_shard(shard_id shard, std::function<void(caf::actor)> found) {
  caf::anon_send(bridge_, route_to_shard{shard, std::move(found)});
}

}  // namespace orrery::actors
