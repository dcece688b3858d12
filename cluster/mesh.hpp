#pragma once
/// Questions from node to node, over CAF with mutual TLS.
///
/// Who holds a certificate of the cluster's authority (pki.hpp) is a node and is trusted as one;
/// nobody else gets past the handshake. There is no other kind of port: without certificate, key
/// and authority nothing starts (CAF itself would then talk to anybody).

#include "base/result.hpp"
#include "base/time.hpp"
#include "domain/ids.hpp"
#include "domain/ports/store.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace caf {
class actor_system;
class actor_system_config;
}  // namespace caf

namespace orrery {

inline constexpr size_t mesh_body_bytes = 1024 * 1024;

/// Opaque to the mesh but for `verb`, which must not be above `mesh::options::verb_max`.
struct mesh_request {
  uint8_t verb = 0;
  uint8_t kind = 0;
  entity_id id = {};
  std::string body = {};  ///< JSON or stored bytes, at most `mesh_body_bytes`.
};

struct mesh_reply {
  uint8_t code = 0;
  std::string body = {};  ///< At most `mesh_body_bytes`.
};

/// One per node and actor system. Thread-safe.
class mesh {
public:
  struct options {
    std::string node;
    std::string bind_host;    ///< A name or address; `0.0.0.0` for all. Never empty.
    uint16_t port = 0;        ///< 0 = any.
    std::string certificate;  ///< PEM files.
    std::string key;
    std::string ca;
    duration heartbeat = 500ms;
    duration timeout = 2s;   ///< A peer that is silent for so long is lost.
    uint8_t verb_max = 255;  ///< Higher verbs are answered with a failure.
  };
  /// Called on an actor's thread; must not block. May answer at once or later, from any thread;
  /// only the first answer counts. One that never comes is forgotten when the asker's limit has
  /// passed.
  using handler = std::function<void(mesh_request, std::function<void(mesh_reply)>)>;

  mesh(caf::actor_system& system, options how, handler answer);
  ~mesh();
  mesh(const mesh&) = delete;
  mesh& operator=(const mesh&) = delete;

  /// Opens the port; answers with "host:port". `invalid` where TLS is not complete or the system
  /// was not prepared by `configure` with the same files, `unavailable` where the port is taken.
  result<std::string> start();

  /// Who there is, this node included or not; told periodically by membership. Drops those that are
  /// gone. Of two nodes the one with the smaller name connects, again and again with growing pauses
  /// (at most 5 s), and the other learns of it; so both must know of each other.
  void peers(std::vector<node_row> nodes);

  /// `done` runs exactly once, on any thread (also this one, before `ask` returns): with the reply,
  /// or `unavailable` when there is no connection, it is lost, or `limit` has passed; `invalid`
  /// when the body is too large; `busy` at a limit; `rejected` when the peer does not know the
  /// verb. After a failure but `invalid`, `busy` and `rejected` the peer may have acted
  /// nevertheless.
  void ask(std::string node, mesh_request request, duration limit,
           std::function<void(result<mesh_reply>)> done);

  /// Names of the peers that can be asked now.
  std::vector<std::string> connected() const;

  /// Closes the port, fails what is outstanding; the handler is not called any more when it
  /// returns. Not from an actor. Idempotent.
  void stop();

private:
  struct parts;
  std::unique_ptr<parts> parts_;
};

/// Prepares a configuration for an actor system with a mesh: modules, certificates, heartbeats,
/// message types. Fails, and changes nothing, unless the certificates are complete and valid.
/// `scheduler.policy` (sharing) stays the caller's.
result<void> configure(caf::actor_system_config& config, const mesh::options& how);

}  // namespace orrery
