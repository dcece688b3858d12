#pragma once
/// Two nodes under one virtual clock: the simulated one owns the shards, the other only executes. What
/// goes between them can be cut.

#include "actors/work_exchange.hpp"
#include "tests/actors/simulated_node.hpp"

namespace orrery::test {

/// Carries packets between the exchanges of one process.
class test_wire {
public:
  class end final : public peer_network {
  public:
    end(test_wire& wire, std::string name) : wire_(wire), name_(std::move(name)) {}
    void send(const std::string& node, std::string packet, duration,
              std::function<void(result<std::string>)> done) override {
      ++wire_.packets;
      const auto found = wire_.exchanges.find(node);
      if (found == wire_.exchanges.end() || wire_.cut)
        return done(failure{errc::unavailable, "cut"});
      if (wire_.frozen == node || wire_.frozen == name_)
        return wire_.held.push_back([=, to = found->second, p = std::move(packet)] {
          caf::anon_send(to, actors::peer_packet_came{
                                 p, [done](std::string receipt) { done(std::move(receipt)); }});
        });
      caf::anon_send(found->second,
                     actors::peer_packet_came{std::move(packet), [done](std::string receipt) {
                                                done(std::move(receipt));
                                              }});
    }
    std::vector<std::string> reachable() const override {
      std::vector<std::string> names;
      for (const auto& [name, exchange] : wire_.exchanges)
        if (name != name_ && !wire_.cut)
          names.push_back(name);
      return names;
    }

  private:
    test_wire& wire_;
    const std::string name_;
  };

  std::map<std::string, caf::actor> exchanges;
  bool cut = false;
  std::string frozen;  ///< Packets to and from it are held.
  std::vector<std::function<void()>> held;
  size_t packets = 0;
};

class two_nodes : public simulated_node {
protected:
  two_nodes() {
    context.network = &here_;
    other.network = &there_;
    context.exchange = sys.spawn<actors::work_exchange>(context);
    other.dispatcher = sys.spawn<actors::dispatcher>(other);
    other.exchange = sys.spawn<actors::work_exchange>(other);
    wire.exchanges = {{"test", context.exchange}, {"other", other.exchange}};
    context.limits.slots_per_kind["work"] = 0;
    other.limits.slots_per_kind["work"] = 2;
    context.limits.slots_per_kind["sleep"] = 0;
    advance(2s, 50ms);  // they get to know each other
  }

  ~two_nodes() override {
    for (const auto& one : {context.exchange, other.exchange, other.dispatcher})
      caf::anon_send_exit(one, caf::exit_reason::kill);
    while (sched.try_run_once()) {
    }
  }

  test_wire wire;
  scripted_executor work_there;
  actors::node_context other{"other",
                             time,
                             limits_there(),
                             commits,
                             reads,
                             log,
                             sink,
                             {{"work", &work_there}},
                             {},
                             {},
                             {},
                             {},
                             {},
                             {},
                             {},
                             nullptr,
                             {},
                             {}};

private:
  static actors::node_limits limits_there() {
    actors::node_limits limits;
    limits.shards = shards;
    return limits;
  }
  test_wire::end here_{wire, "test"};
  test_wire::end there_{wire, "other"};
};

}  // namespace orrery::test
