/// The half of the front door that speaks to the owner of a shard, here or on another node.

#include "app/door.hpp"
#include "codec/messages.hpp"
#include "codec/stored.hpp"

#include <algorithm>
#include <caf/send.hpp>

namespace orrery::app {

namespace {

/// How long a command or a wait looks for the owner of a shard that is moving.
constexpr duration moving_patience = 3s;
constexpr duration moving_pause = 100ms;

std::string_view verb_of(const entity_command& command) {
  return std::visit([](const auto& c) { return name_of(c); }, command);
}

failure no_owner() {
  return {errc::unavailable, "the shard has no owner that can be reached just now"};
}

template <class T>
std::function<void(result<T>)> only_once(answer<T> done) {
  auto answered = std::make_shared<std::atomic<bool>>(false);
  return [answered, done = std::move(done)](result<T> outcome) {
    if (!answered->exchange(true))
      done(std::move(outcome));
  };
}

}  // namespace

void door::command(entity_kind kind, entity_id id, entity_command wish, duration limit,
                   answer<entity> done) {
  mesh_request question;
  question.verb = verb_command;
  question.kind = static_cast<uint8_t>(kind);
  question.id = id;
  question.body = std::string(verb_of(wish)) + '\n' + codec::write_intake(id, wish);
  auto by_reference = [this, question, limit, done](const failure& why) {
    find(static_cast<entity_kind>(question.kind), to_string(question.id),
         [this, question, limit, done, why](result<entity_id> found) mutable {
           if (!found || *found == question.id)
             return done(why);
           question.id = *found;
           ask_owner(std::move(question), limit, done);
         });
  };
  ask_owner(
      std::move(question), limit,
      [done = std::move(done), by_reference = std::move(by_reference),
       known = memory(kind).find(id).has_value()](result<entity> told) {
        // A UUID of somebody else's making is kept as a reference.
        if (!told && told.error().code == errc::not_found)
          return by_reference(known ? failure{errc::unavailable, "accepted, and not yet taken up"}
                                    : told.error());
        done(std::move(told));
      });
}

void door::ask_owner(mesh_request question, duration limit, answer<entity> done) {
  auto reply = only_once<entity>(std::move(done));
  if (question.id.shard().value >= parts_.shards)
    return reply(failure{errc::not_found, "there is no such entity"});
  after(limit, [reply] {
    reply(failure{errc::unavailable, "not answered in time; it may still happen"});
  });
  const auto until = std::chrono::steady_clock::now() + std::min<duration>(limit, moving_patience);
  try_owner(std::move(question), limit, until, std::move(reply));
}

/// A shard that has just moved is asked for again for a while. Only a refusal that says that nothing was
/// begun leads here a second time; a lost connection does not.
void door::try_owner(mesh_request question, duration limit,
                     std::chrono::steady_clock::time_point until, answer<entity> reply) {
  auto again = [this, question, limit, until, reply](const failure& why) {
    if (stopping_ || std::chrono::steady_clock::now() >= until)
      return reply(why);
    if (auto* members = members_.load())
      members->refresh_soon();
    after(moving_pause,
          [this, question, limit, until, reply] { try_owner(question, limit, until, reply); });
  };
  auto local = [reply, again](result<entity> told) {
    if (!told && told.error().code == errc::unavailable)
      return again(told.error());
    reply(std::move(told));
  };
  ask_here(question, limit, local, [this, question, limit, reply, again]() mutable {
    auto* members = members_.load();
    auto* peers = peers_.load();
    const auto owner = members ? members->owner_of(question.id.shard()) : std::nullopt;
    if (!owner || peers == nullptr || *owner == parts_.node)
      return again(no_owner());
    const auto connected = peers->connected();
    if (std::find(connected.begin(), connected.end(), *owner) == connected.end())
      return again(no_owner());
    peers->ask(*owner, std::move(question), limit, [reply, again](result<mesh_reply> told) {
      if (!told)
        return reply(std::move(told).error());
      if (told->code == 0)
        return reply(codec::decode_entity(told->body));
      const failure why{static_cast<errc>(told->code - 1), std::move(told->body)};
      if (why.code == errc::unavailable)
        return again(why);  // it does not own the shard any more, or not yet
      reply(why);
    });
  });
}

void door::ask_here(mesh_request question, duration limit, answer<entity> done,
                    std::function<void()> not_here) {
  const auto shard = question.id.shard();
  parts_.node_actors.find_shard(shard, [this, question = std::move(question), limit,
                                        done = std::move(done),
                                        not_here = std::move(not_here)](const caf::actor& found) {
    if (!found)
      return not_here();
    const auto until = parts_.time.now() + limit;
    if (question.verb == verb_watch) {
      caf::anon_send(found, actors::watch_entity{question.id, until, done});
      return;
    }
    const auto kind = static_cast<entity_kind>(question.kind);
    const auto line = question.body.find('\n');
    auto wish = codec::read_command(kind, std::string_view(question.body).substr(0, line),
                                    std::string_view(question.body).substr(line + 1));
    if (!wish)
      return done(std::move(wish).error());
    caf::anon_send(found, actors::direct_command{kind, question.id, std::move(*wish), until, done});
  });
}

void door::answer_peer(mesh_request question, std::function<void(mesh_reply)> done) {
  if (question.verb == verb_work)
    return parts_.node_actors.take_packet(std::move(question.body), [done](std::string receipt) {
      done({static_cast<uint8_t>(receipt.empty() ? 1 : 0), std::move(receipt)});
    });
  const auto valid =
      question.kind < entity_kinds && question.id.shard().value < parts_.shards &&
      (question.verb == verb_watch ||
       (question.verb == verb_command && question.body.find('\n') != std::string::npos));
  const auto refuse = [done](const failure& why) {
    done({static_cast<uint8_t>(static_cast<uint8_t>(why.code) + 1), why.detail});
  };
  if (!valid)
    return refuse({errc::invalid, "not a question that this node understands"});
  ask_here(
      std::move(question), 30s,
      [done, refuse](result<entity> told) {
        if (!told)
          return refuse(told.error());
        done({0, codec::encode(*told)});
      },
      [refuse] { refuse(no_owner()); });
}

}  // namespace orrery::app
