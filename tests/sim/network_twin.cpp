#include "tests/sim/network_twin.hpp"

#include "actors/work_messages.hpp"
#include "tests/sim/world.hpp"

#include <caf/send.hpp>

namespace orrery::sim {

void network::send(const std::string& from, const std::string& to, std::string bytes,
                   duration limit, std::function<void(result<std::string>)> done) {
  packet one{from, to, std::move(bytes), std::move(done), {}, {}, false, false, false};
  one.due = world_.time.now() + world_.chance.between(0ms, 5ms);
  one.fails_at = world_.time.now() + limit;
  one.lost = world_.strikes(world_.how.mesh_loses, "packet lost");
  on_their_way_.emplace(++last_, std::move(one));
}

void network::forget(const std::string& node) {
  std::erase_if(on_their_way_, [&](const auto& entry) { return entry.second.from == node; });
}

bool network::is_cut(const packet& one) const {
  for (const auto* name : {&one.from, &one.to})
    if (const auto found = cut_until_.find(*name);
        found != cut_until_.end() && world_.time.now() < found->second)
      return true;
  return false;
}

void network::receipt(uint64_t number, std::string bytes) {
  const auto found = on_their_way_.find(number);
  if (found == on_their_way_.end() || found->second.answered)
    return;
  auto& one = found->second;
  one.answered = true;
  one.bytes = std::move(bytes);
  one.due = world_.time.now() + world_.chance.between(0ms, 5ms);
  one.lost = world_.strikes(world_.how.mesh_loses, "receipt lost");
}

bool network::step() {
  const auto now = world_.time.now();
  for (auto it = on_their_way_.begin(); it != on_their_way_.end(); ++it) {
    auto& [number, one] = *it;
    if (now >= one.fails_at) {
      auto done = std::move(one.done);
      on_their_way_.erase(it);
      done(failure{errc::unavailable, "not answered in time"});
      return true;
    }
    if (now < one.due || one.lost || is_cut(one) || (one.delivered && !one.answered))
      continue;
    if (one.answered) {
      auto done = std::move(one.done);
      auto bytes = std::move(one.bytes);
      on_their_way_.erase(it);
      done(std::move(bytes));
      return true;
    }
    one.delivered = true;
    for (auto& node : world_.nodes)
      if (node && node->name() == one.to) {
        caf::anon_send(
            node->exchange(),
            actors::peer_packet_came{std::move(one.bytes), [this, n = number](std::string bytes) {
                                       receipt(n, std::move(bytes));
                                     }});
        return true;
      }
  }
  return false;
}

void network_twin::send(const std::string& node, std::string packet, duration limit,
                        std::function<void(result<std::string>)> done) {
  world_.wires.send(node_, node, std::move(packet), limit, std::move(done));
}

std::vector<std::string> network_twin::reachable() const {
  std::vector<std::string> names;
  for (const auto& node : world_.nodes)
    if (node && node->name() != node_)
      names.push_back(node->name());
  return names;
}

}  // namespace orrery::sim
