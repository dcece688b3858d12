#pragma once
/// What nodes say to each other in a simulated cluster: late, lost, or not heard while two are cut off.

#include "domain/ports/peers.hpp"

#include <map>
#include <optional>

namespace orrery::sim {

class world;

/// All that is on its way. Packets and receipts between two nodes may overtake each other, which a real
/// connection does not do: what holds here holds there.
class network {
public:
  explicit network(world& around) : world_(around) {}
  void send(const std::string& from, const std::string& to, std::string bytes, duration limit,
            std::function<void(result<std::string>)> done);
  /// Forgets what a node that is gone has under way.
  void forget(const std::string& node);
  /// Cuts one node off from all others, until then.
  void cut(const std::string& node, time_point until) { cut_until_[node] = until; }
  bool step();

private:
  struct packet {
    std::string from;
    std::string to;
    std::string bytes;  ///< Of the packet, then of its receipt.
    std::function<void(result<std::string>)> done;
    time_point due{};
    time_point fails_at{};
    bool lost = false;
    bool delivered = false;
    bool answered = false;
  };
  bool is_cut(const packet& one) const;
  void receipt(uint64_t number, std::string bytes);

  world& world_;
  std::map<uint64_t, packet> on_their_way_;
  std::map<std::string, time_point> cut_until_;
  uint64_t last_ = 0;
};

class network_twin final : public peer_network {
public:
  network_twin(world& around, std::string node) : world_(around), node_(std::move(node)) {}
  void send(const std::string& node, std::string packet, duration limit,
            std::function<void(result<std::string>)> done) override;
  std::vector<std::string> reachable() const override;

private:
  world& world_;
  const std::string node_;
};

}  // namespace orrery::sim
