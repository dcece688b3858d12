#pragma once
/// Between two nodes there is one connection, made by the one whose name is the smaller: when both
/// connect at the same time, CAF takes each for a duplicate of the other and closes both. The one
/// that was called learns whom to ask back from the other's greeting (`wire_hello`).
///
/// What the mesh's actors, its connecting thread and its users share: the peers and the questions
/// that wait for an answer. Every question leaves it exactly once, with its answer or a failure.

#include "cluster/mesh.hpp"
#include "cluster/messages.hpp"
#include "cluster/reach.hpp"

#include <chrono>
#include <map>
#include <mutex>
#include <optional>

namespace orrery::cluster {

using steady_point = std::chrono::steady_clock::time_point;
using asked_function = std::function<void(result<mesh_reply>)>;

/// More questions than these are answered `busy`.
inline constexpr size_t questions_max = 100'000;
inline constexpr size_t introduced_max = 1'000;
inline constexpr auto pause_first = 100ms;
inline constexpr auto pause_max = 5s;

class mesh_state {
public:
  struct question {
    std::string node;
    wire_question text;
    duration limit{};
    asked_function done;
  };
  /// A question on its way: where it goes, and what it says.
  struct dispatch {
    caf::actor gate;
    wire_question text;
    duration limit{};
  };
  struct connect_job {
    std::string node;
    endpoint where;
  };

  explicit mesh_state(std::string own_name) : own_name_(std::move(own_name)) {}

  // Questions.

  /// The number it waits under, or why it was not taken.
  result<uint64_t> add(question next);
  /// What to send; empty where it was answered meanwhile or its node is not connected, in which
  /// case it has been failed.
  std::optional<dispatch> take_for_sending(uint64_t number);
  void finish(uint64_t number, result<mesh_reply> answer);

  // Peers.

  void set_peers(const std::vector<node_row>& nodes);
  /// Those that are due to be connected; they count as being connected from now on.
  std::vector<connect_job> due(steady_point now);
  /// True when the peer is still wanted at that address.
  bool connected(const connect_job& job, caf::actor gate);
  /// A node has greeted us. False where it cannot be taken in.
  bool introduced(const std::string& node, caf::actor gate);
  void not_connected(const connect_job& job, steady_point now);
  /// The handle to watch; empty where it is gone again.
  caf::actor handle_of(const std::string& node) const;
  /// Drops the peer with this handle, and fails its questions. Its name; empty where there is none.
  std::string lost(const caf::actor_addr& gate, steady_point now);
  std::vector<std::string> names_connected() const;

  // Life.

  void open(caf::actor caller, caf::actor gate);
  /// Forgets actors and peers, and fails all questions.
  void close();
  caf::actor caller() const;
  caf::actor own_gate() const;
  const std::string& own_name() const noexcept { return own_name_; }
  /// Hands a handler's reply to the gate; ignored once closed.
  void reply(uint64_t ticket, mesh_reply answer) const;

private:
  struct peer {
    endpoint where;
    bool ours = false;  ///< Whether we make the connection.
    caf::actor gate;
    bool connecting = false;
    steady_point since{};  ///< When it was connected.
    steady_point next_try{};
    duration pause = pause_first;
  };
  using failed = std::vector<asked_function>;

  /// The peer can be asked now; the caller is told to watch it.
  void take_in(const std::string& node, peer& one, caf::actor gate);
  failed take_questions_of(const std::string& node);
  static void fail(failed questions, const std::string& why);

  const std::string own_name_;
  mutable std::mutex guard_;
  bool open_ = false;
  uint64_t last_number_ = 0;
  std::map<uint64_t, question> questions_;
  std::map<std::string, peer> peers_;
  /// Who has greeted us on a connection that stands, named by membership or not yet.
  std::map<std::string, caf::actor> introduced_;
  caf::actor caller_;
  caf::actor gate_;
};

}  // namespace orrery::cluster
