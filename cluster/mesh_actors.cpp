#include "cluster/mesh_actors.hpp"

#include "base/clock.hpp"
#include "base/log.hpp"

#include <algorithm>
#include <caf/io/middleman_actor.hpp>
#include <caf/openssl/all.hpp>

namespace orrery::cluster {

namespace {

constexpr auto gate_period = 1s;
constexpr auto caller_period = 100ms;
/// For the handshake with a host that was reached already, and for its greeting. Under load one of them
/// now and then gets no answer in CAF 0.17; the next try does.
constexpr auto handshake_limit = 2s;

wire_answer refusal(wire_status status, std::string sentence) {
  return {.status = static_cast<uint8_t>(status), .code = 0, .body = std::move(sentence)};
}

result<mesh_reply> read_answer(wire_answer& answer) {
  const auto fail = [&](errc code) -> result<mesh_reply> {
    return failure{code, std::move(answer.body)};
  };
  switch (static_cast<wire_status>(answer.status)) {
    case wire_status::answered:
      if (answer.body.size() > mesh_body_bytes)
        return failure{errc::corrupt, "the reply is larger than allowed"};
      return mesh_reply{.code = answer.code, .body = std::move(answer.body)};
    case wire_status::too_large: return fail(errc::invalid);
    case wire_status::busy: return fail(errc::busy);
    case wire_status::unknown_verb: return fail(errc::rejected);
    case wire_status::wrong_node:
    case wire_status::failed: return fail(errc::unavailable);
  }
  return failure{errc::corrupt, "the answer has an unknown form"};
}

/// Says who we are to the node that was reached; whether it is the one that was meant.
bool greet(caf::actor_system& system, mesh_state& shared, const mesh_state::connect_job& job,
           const caf::actor& gate, std::string& why) {
  bool welcome = false;
  caf::scoped_actor self{system, true};
  self->request(gate, caf::timespan(handshake_limit),
                wire_hello{shared.own_name(), job.node, shared.own_gate()})
      .receive(
          [&](wire_answer& answer) {
            welcome = static_cast<wire_status>(answer.status) == wire_status::answered;
            why = std::move(answer.body);
          },
          [&](caf::error& error) { why = system.render(error); });
  return welcome;
}

/// Runs on the connecting thread; blocks for a limited time.
void connect_peer(caf::actor_system& system, mesh_state& shared, const mesh_state::connect_job& job,
                  duration limit) {
  const auto give_up = [&](std::string_view why) {
    log::debug("mesh.not_connected", {{"peer", job.node}, {"why", why}});
    shared.not_connected(job, std::chrono::steady_clock::now());
  };
  const auto reached = reach(job.where, limit);
  if (!reached)
    return give_up(reached.error().detail);
  caf::actor gate;
  std::string why = "nothing is published there";
  caf::scoped_actor self{system, true};
  self->request(system.openssl_manager().actor_handle(), caf::timespan(handshake_limit),
                caf::connect_atom_v, reached->host, reached->port)
      .receive(
          [&](caf::node_id&, caf::strong_actor_ptr& found, std::set<std::string>&) {
            gate = caf::actor_cast<caf::actor>(std::move(found));
          },
          [&](caf::error& error) { why = system.render(error); });
  if (!gate || !greet(system, shared, job, gate, why))
    return give_up(why);
  shared.connected(job, std::move(gate));
}

}  // namespace

caf::result<wire_answer> gate_state::question(wire_question& text) {
  if (text.body.size() > mesh_body_bytes)
    return refusal(wire_status::too_large, "the body is larger than allowed");
  if (text.to != node)
    return refusal(wire_status::wrong_node, "this is node " + node);
  if (text.verb > verb_max)
    return refusal(wire_status::unknown_verb, "this node does not know the verb");
  if (tickets.size() >= tickets_max)
    return refusal(wire_status::busy, "too many questions wait here");
  system_random random;
  uint64_t number = random.next();
  while (tickets.contains(number))
    number = random.next();
  auto promise = self->make_response_promise<wire_answer>();
  const auto limit =
      std::min<duration>(std::chrono::milliseconds(text.limit_ms), question_limit_max);
  tickets.emplace(number, ticket{promise, std::chrono::steady_clock::now() + limit});
  try {
    handler({.verb = text.verb,
             .kind = text.kind,
             .id = entity_id{uuid{text.id_high, text.id_low}},
             .body = std::move(text.body)},
            [weak = shared, number](mesh_reply answer) {
              if (const auto state = weak.lock())
                state->reply(number, std::move(answer));
            });
  } catch (const std::exception& e) {
    log::error("mesh.handler_threw", {{"what", e.what()}});
    tickets.erase(number);
    promise.deliver(refusal(wire_status::failed, "the node failed to answer"));
  }
  return promise;
}

wire_answer gate_state::hello(wire_hello& greeting) {
  constexpr size_t name_bytes = 64;
  if (greeting.to != node)
    return refusal(wire_status::wrong_node, "this is node " + node);
  const auto state = shared.lock();
  if (!state || !greeting.gate || greeting.from.size() > name_bytes ||
      !state->introduced(greeting.from, std::move(greeting.gate)))
    return refusal(wire_status::failed, "the node cannot be taken in");
  return {.status = static_cast<uint8_t>(wire_status::answered), .code = 0, .body = {}};
}

void gate_state::reply(reply_ready& ready) {
  const auto found = tickets.find(ready.ticket);
  if (found == tickets.end())
    return;  // Answered before, or too late.
  auto promise = std::move(found->second.promise);
  tickets.erase(found);
  if (ready.body.size() > mesh_body_bytes)
    promise.deliver(refusal(wire_status::failed, "the reply is larger than allowed"));
  else
    promise.deliver(wire_answer{.status = static_cast<uint8_t>(wire_status::answered),
                                .code = ready.code,
                                .body = std::move(ready.body)});
}

void gate_state::look_around_now() {
  const auto now = std::chrono::steady_clock::now();
  std::erase_if(tickets, [&](const auto& entry) { return entry.second.until <= now; });
  self->delayed_send(self, caf::timespan(gate_period), look_around{});
}

caf::behavior make_gate(caf::stateful_actor<gate_state>* self, const mesh::options& how,
                        mesh::handler handler, const std::shared_ptr<mesh_state>& shared) {
  auto& state = self->state;
  state.node = how.node;
  state.verb_max = how.verb_max;
  state.handler = std::move(handler);
  state.shared = shared;
  // Whatever else a peer sends is answered with an error, and nothing a peer sends ends the gate.
  self->set_default_handler(caf::drop);
  self->set_error_handler([](caf::error&) {});
  self->delayed_send(self, caf::timespan(gate_period), look_around{});
  return {
      [self](wire_question& text) { return self->state.question(text); },
      [self](wire_hello& greeting) { return self->state.hello(greeting); },
      [self](reply_ready& ready) { self->state.reply(ready); },
      [self](look_around&) { self->state.look_around_now(); },
  };
}

void caller_state::send(uint64_t number) {
  auto next = shared->take_for_sending(number);
  if (!next)
    return;
  self->request(next->gate, caf::timespan(next->limit), std::move(next->text))
      .then([state = shared,
             number](wire_answer& answer) { state->finish(number, read_answer(answer)); },
            [state = shared, number](caf::error& error) {
              const bool late = error == caf::sec::request_timeout;
              state->finish(number, failure{errc::unavailable, late ? "no answer in time"
                                                                    : "the node cannot be asked"});
            });
}

void caller_state::watch(const std::string& node) {
  const auto gate = shared->handle_of(node);
  if (!gate)
    return;
  self->monitor(gate);
  log::info("mesh.connected", {{"peer", node}});
}

void caller_state::look_around_now() {
  for (const auto& job : shared->due(std::chrono::steady_clock::now()))
    connect(job);
  self->delayed_send(self, caf::timespan(caller_period), look_around{});
}

void caller_state::connect(const mesh_state::connect_job& job) {
  auto& system = self->home_system();
  const bool taken = connector->submit([&system, state = shared, job, limit = reach_limit] {
    connect_peer(system, *state, job, limit);
  });
  if (!taken)
    shared->not_connected(job, std::chrono::steady_clock::now());
}

caf::behavior make_caller(caf::stateful_actor<caller_state>* self, const mesh::options& how,
                          const std::shared_ptr<mesh_state>& shared, worker* connector) {
  auto& state = self->state;
  state.shared = shared;
  state.connector = connector;
  state.reach_limit = how.timeout;
  self->set_default_handler(caf::drop);
  self->set_error_handler([](caf::error&) {});
  self->set_down_handler([self](caf::down_msg& down) {
    const auto name = self->state.shared->lost(down.source, std::chrono::steady_clock::now());
    if (!name.empty())
      log::warning("mesh.lost", {{"peer", name}});
  });
  self->delayed_send(self, caf::timespan(caller_period), look_around{});
  return {
      [self](question_ready& ready) { self->state.send(ready.number); },
      [self](peer_connected& peer) { self->state.watch(peer.node); },
      [self](look_around&) { self->state.look_around_now(); },
  };
}

}  // namespace orrery::cluster
