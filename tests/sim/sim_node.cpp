#include "tests/sim/sim_node.hpp"

#include "actors/dispatcher.hpp"
#include "actors/outbox.hpp"
#include "actors/tick_supervisor.hpp"
#include "actors/ttl_supervisor.hpp"
#include "actors/work_exchange.hpp"
#include "actors/worker_desk.hpp"
#include "base/check.hpp"
#include "tests/sim/world.hpp"

#include <algorithm>
#include <caf/send.hpp>

namespace orrery::sim {

namespace {

actors::node_limits limits_of(const options& how, const std::string& node) {
  actors::node_limits limits;
  limits.shards = how.shards;
  limits.slots_per_kind["work"] = how.first_has_no_slots && node == "n0" ? 0 : how.slots_of_work;
  limits.intake_in_flight = how.in_flight;
  limits.external_kinds = {external_kind};
  for (const auto kind : {kind_stock_reserve, kind_stock_release})
    limits.slots_per_kind[std::string(kind)] = 1000;
  return limits;
}

work_rules rules_of_all() {
  work_rule rule;
  rule.name = limited_queue;
  rule.each_key.concurrency = limited_to;
  rule.version = 1;
  return work_rules({rule});
}

caf::timespan nanos(duration length) { return std::chrono::duration_cast<caf::timespan>(length); }

}  // namespace

sim_node::config::config() {
  actors::configure(*this, 1);
  set("scheduler.policy", caf::atom("testing"));
}

/// Behaves as `bridge_listener` does, but for the blocking: the log is not stepped instead.
class sim_node::listener final : public intake_listener {
public:
  explicit listener(sim_node& node) : node_(node) {}
  void assigned(const std::vector<shard_id>& shards) override {
    if (!node_.gone_)
      caf::anon_send(node_.bridge_, actors::shards_assigned{shards});
  }
  void revoked(const std::vector<shard_id>& shards, bool lost) override {
    if (node_.gone_)
      return;
    node_.revoking_ = true;
    node_.revoke_until_ = node_.world_.time.now() + node_.context_.limits.drain_limit + 5s;
    const auto number = ++node_.revocation_;
    for (const auto shard : shards) {
      node_.world_.revocation_began(shard, lost);
      if (!lost)
        node_.left_.insert(shard);
    }
    caf::anon_send(node_.bridge_, actors::shards_revoked{shards, lost, [this, number] {
                                                           if (node_.revocation_ == number)
                                                             node_.revoking_ = false;
                                                         }});
  }
  void records(shard_id shard, epoch_t tenure, std::vector<log_record> batch) override {
    if (!node_.gone_)
      caf::anon_send(node_.bridge_, actors::shard_records{shard, tenure, std::move(batch)});
  }
  void failed(const failure& why) override { node_.world_.violated("log failed: " + why.detail); }

private:
  sim_node& node_;
};

sim_node::sim_node(world& around, std::string name, duration ahead)
    : world_(around),
      name_(std::move(name)),
      log_(around.kafka, name_, memory_log::drive::stepped),
      sink_(around, around.topics, name_),
      store_(around, name_, around.truth),
      writer_(around, time_, store_, name_),
      reads_(around, store_, name_),
      work_(around, name_),
      stock_(around, name_),
      network_(around, name_),
      system_(settings_),
      scheduler_(dynamic_cast<caf::scheduler::test_coordinator&>(system_.scheduler())),
      context_{name_,
               time_,
               limits_of(around.how, name_),
               writer_,
               reads_,
               log_,
               sink_,
               {{"work", &work_},
                {std::string(kind_stock_reserve), &stock_},
                {std::string(kind_stock_release), &stock_}},
               {},
               {},
               {},
               {},
               {},
               {},
               {},
               nullptr,
               {},
               {}} {
  time_.now_ = around.time.now() + ahead;
  scheduler_.clock().current_time += std::chrono::hours(1);
  while (scheduler_.try_run_once()) {
  }
  actors_at_start_ = system_.registry().running();
  board_.set(rules_of_all());
  board_.know(
      [this](shard_id shard) {
        const auto owner = world_.owners[shard.value];
        return owner ? "n" + std::to_string(*owner) : std::string();
      },
      [this](const std::string& node) {
        return std::any_of(world_.nodes.begin(), world_.nodes.end(),
                           [&](const auto& one) { return one && one->name() == node; });
      });
  context_.rules = &board_;
  context_.flows = &world_.flows;
  context_.zones = [](std::string_view) {
    return result<shared_zone>(std::make_shared<const zone_rules>());
  };
  context_.dispatcher = system_.spawn<actors::dispatcher>(context_);
  context_.ttl = system_.spawn<actors::ttl_supervisor>(context_);
  context_.tick = system_.spawn<actors::tick_supervisor>(context_);
  context_.outbox = system_.spawn<actors::outbox>(context_);
  context_.network = &network_;
  context_.exchange = system_.spawn<actors::work_exchange>(context_);
  context_.desk = system_.spawn<actors::worker_desk>(context_);
  bridge_ = system_.spawn<actors::bridge>(context_);
  listener_ = std::make_unique<listener>(*this);
  (void)log_.consumer().open(*listener_);
}

sim_node::~sim_node() {
  gone_ = true;
  world_.wires.forget(name_);
  writer_.gone();
  reads_.gone();
  sink_.gone();
  work_.gone();
  stock_.gone();
  log_.consumer().close();
  const auto run_all = [this] {
    while (scheduler_.try_run_once()) {
    }
  };
  caf::anon_send(bridge_, actors::run_here{[this] {
                   for (uint16_t s = 0; s < world_.how.shards; ++s)
                     caf::anon_send(bridge_,
                                    actors::route_to_shard{shard_id{s}, [](caf::actor shard) {
                                                             if (shard)
                                                               caf::anon_send_exit(
                                                                   shard, caf::exit_reason::kill);
                                                           }});
                 }});
  run_all();
  // Shards that were being drained end at their limit.
  for (int i = 0; i < 120; ++i) {
    time_.now_ += 100ms;
    scheduler_.advance_time(nanos(100ms));
    run_all();
  }
  for (const auto& one : {bridge_, context_.desk, context_.exchange, context_.outbox, context_.tick,
                          context_.ttl, context_.dispatcher})
    caf::anon_send_exit(one, caf::exit_reason::kill);
  run_all();
  world_.wires.forget(name_);
  writer_.gone();
  reads_.gone();
  sink_.gone();
  work_.gone();
  stock_.gone();
  if (const auto left = system_.registry().running(); left != actors_at_start_) {
    world_.violated("L3: " + name_ + ": " + std::to_string(left - actors_at_start_) +
                    " actors outlived their node");
    CHECK(false, "the actors of a node end with it (its system would wait for them for ever)");
  }
}

bool sim_node::run_actor() {
  auto& jobs = scheduler_.jobs;
  if (jobs.empty())
    return false;
  // Any actor may be next; messages between two of them keep their order.
  std::iter_swap(jobs.begin(),
                 jobs.begin() + static_cast<ptrdiff_t>(world_.chance.below(jobs.size())));
  return scheduler_.try_run_once();
}

bool sim_node::step_log() {
  if (revoking_ && world_.time.now() >= revoke_until_) {
    revoking_ = false;
    ++revocation_;
    world_.note(name_ + ": revocation cut");
    world_.excuse_all();
  }
  return !revoking_ && world_.time.now() >= log_cut_until_ && log_.step();
}

bool sim_node::step() {
  if (paused_)
    return false;
  constexpr size_t kinds = 6;
  // Actors are many: they get most turns.
  const auto first = world_.chance.hits(600) ? 0 : world_.chance.below(kinds);
  for (size_t i = 0; i < kinds; ++i) {
    bool done = false;
    switch ((first + i) % kinds) {
      case 0: done = run_actor(); break;
      case 1: done = step_log(); break;
      case 2: done = writer_.step(); break;
      case 3: done = reads_.step(); break;
      case 4: done = sink_.step(); break;
      default: done = stock_.step() || work_.step(); break;
    }
    if (done)
      return true;
  }
  return false;
}

void sim_node::advance(duration length) {
  time_.now_ += length;
  if (world_.time.now() >= store_cut_until_)
    store_.cut = store_cut::none;
  if (paused_) {
    owed_ += length;
    return;
  }
  work_.advance(length);
  const auto stands = std::min(length, still_);
  still_ -= stands;
  scheduler_.advance_time(nanos(length - stands));
}

void sim_node::pause(bool frozen) {
  paused_ = frozen;
  if (!frozen)
    scheduler_.advance_time(nanos(std::exchange(owed_, {})));
}

void sim_node::cut_log(time_point until, bool both) {
  log_cut_both_ = both || (log_cut_both_ && world_.time.now() < log_cut_until_);
  log_cut_until_ = std::max(log_cut_until_, until);
}

bool sim_node::reaches_log() const { return !log_cut_both_ || world_.time.now() >= log_cut_until_; }

void sim_node::cut_store(store_cut how, time_point until) {
  store_.cut = how;
  store_cut_until_ = until;
}

void sim_node::jump_clock(duration by) {
  time_.now_ += by;
  if (world_.how.planted != mistake::lease_by_wall_clock)
    return;
  if (by > 0us)
    scheduler_.advance_time(nanos(by));
  else
    still_ -= by;
}

void sim_node::set_clock_right() {
  time_.now_ = world_.time.now();
  still_ = {};
}

void sim_node::mend() {
  log_cut_until_ = {};
  store_.cut = store_cut::none;
}

size_t sim_node::actors_running() {
  constexpr size_t supervisors = 7;
  return system_.registry().running() - actors_at_start_ - supervisors;
}

}  // namespace orrery::sim
