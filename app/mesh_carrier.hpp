#pragma once
/// Carries the packets of the work exchange over the mesh.

#include "cluster/mesh.hpp"
#include "domain/ports/peers.hpp"

namespace orrery::app {

class mesh_carrier final : public peer_network {
public:
  /// `over` outlives this.
  explicit mesh_carrier(mesh& over) : over_(over) {}

  void send(const std::string& node, std::string packet, duration limit,
            std::function<void(result<std::string>)> done) override;
  std::vector<std::string> reachable() const override { return over_.connected(); }

private:
  mesh& over_;
};

}  // namespace orrery::app
