#pragma once
/// The two actors of a mesh. The gate is the only actor that other nodes can name; the caller asks
/// theirs.

#include "base/worker.hpp"
#include "cluster/mesh_state.hpp"

#include <memory>

namespace orrery::cluster {

/// Questions at a time that a gate holds for its handler; more are answered `busy`.
inline constexpr size_t tickets_max = 10'000;
/// No asker waits longer, whatever it says.
inline constexpr auto question_limit_max = 10min;

/// Checks what comes in, asks the handler, answers. Forgets what was not answered within its limit.
struct gate_state {
  struct ticket {
    caf::typed_response_promise<wire_answer> promise;
    steady_point until;
  };

  explicit gate_state(caf::event_based_actor* owner) : self(owner) {}
  caf::result<wire_answer> question(wire_question& text);
  wire_answer hello(wire_hello& greeting);
  void reply(reply_ready& ready);
  void look_around_now();

  caf::event_based_actor* self;
  std::string node;
  uint8_t verb_max = 255;
  mesh::handler handler;
  std::weak_ptr<mesh_state> shared;
  std::map<uint64_t, ticket> tickets;

  static inline const char* name = "orrery.mesh.gate";
};
caf::behavior make_gate(caf::stateful_actor<gate_state>* self, const mesh::options& how,
                        mesh::handler handler, const std::shared_ptr<mesh_state>& shared);

/// Sends the questions, watches the peers, and has the worker connect those that are due.
struct caller_state {
  explicit caller_state(caf::event_based_actor* owner) : self(owner) {}
  void send(uint64_t number);
  void watch(const std::string& node);
  void look_around_now();
  void connect(const mesh_state::connect_job& job);

  caf::event_based_actor* self;
  std::shared_ptr<mesh_state> shared;
  worker* connector = nullptr;  ///< Outlives the actor.
  duration reach_limit{};

  static inline const char* name = "orrery.mesh.caller";
};
caf::behavior make_caller(caf::stateful_actor<caller_state>* self, const mesh::options& how,
                          const std::shared_ptr<mesh_state>& shared, worker* connector);

}  // namespace orrery::cluster
