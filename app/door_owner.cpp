/// The half of the front door that speaks to the owner of a shard, here or on another node.

#include "app/door.hpp"
#include "codec/messages.hpp"
#include "codec/stored.hpp"

#include <algorithm>
#include <caf/send.hpp>
#include <charconv>

namespace orrery::app {

namespace {

/// How long a command or a wait looks for the owner of a shard that is moving.
constexpr duration moving_patience = 3s;
constexpr duration moving_pause = 100ms;
constexpr duration lane_patience = 2s;

std::string_view verb_of(const entity_command& command) {
  return std::visit([](const auto& c) { return name_of(c); }, command);
}

failure no_owner() {
  return {errc::unavailable, "the shard has no owner that can be reached just now"};
}

/// Whether asking twice does the same as asking once.
bool may_be_repeated(const mesh_request& question) {
  return question.verb == verb_watch || question.body.starts_with("cancel\n");
}

/// What was sent may have been done.
failure in_doubt(failure why) {
  if (why.code == errc::unavailable)
    why.code = errc::in_doubt;
  return why;
}

answer<entity> doubtful(answer<entity> reply) {
  return [reply = std::move(reply)](result<entity> told) {
    if (!told)
      return reply(in_doubt(std::move(told).error()));
    reply(std::move(told));
  };
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
                   answer<entity> done, uint64_t expected) {
  mesh_request question;
  question.verb = verb_command;
  question.kind = static_cast<uint8_t>(kind);
  question.id = id;
  question.body = std::string(verb_of(wish));
  if (expected != 0)
    question.body.append(" ").append(std::to_string(expected));
  question.body.append("\n").append(codec::write_intake(id, wish));
  const auto until = std::chrono::steady_clock::now() + std::min<duration>(limit, moving_patience);
  command_until(std::move(question), limit, until, std::move(done));
}

/// What the owner does not know may be accepted and not yet taken up, by whichever node: then it is asked again
/// for a while; or the id is a UUID of somebody else's making, kept as a reference. Only a reader that has caught
/// up may say no.
void door::command_until(mesh_request question, duration limit,
                         std::chrono::steady_clock::time_point until, answer<entity> done) {
  ask_owner(question, limit, [this, question, limit, until, done](result<entity> told) {
    if (told || told.error().code != errc::not_found)
      return done(std::move(told));
    get(static_cast<entity_kind>(question.kind), question.id,
        [this, question, limit, until, done](result<entity_view> view) mutable {
          if (!view)
            return done(std::move(view).error());
          if (!view->accepted_only) {
            question.id = view->id;
            return ask_owner(std::move(question), limit, done);
          }
          if (stopping_ || std::chrono::steady_clock::now() >= until)
            return done(failure{errc::unavailable, "accepted, and not yet taken up"});
          after(moving_pause, [this, question, limit, until, done] {
            command_until(question, limit, until, done);
          });
        });
  });
}

void door::ask_owner(mesh_request question, duration limit, answer<entity> done) {
  auto reply = only_once<entity>(std::move(done));
  if (question.id.shard().value >= parts_.shards)
    return reply(failure{errc::not_found, "there is no such entity"});
  after(limit, [reply] {
    reply(failure{errc::in_doubt, "not answered in time; it may still happen"});
  });
  const auto until = std::chrono::steady_clock::now() + std::min<duration>(limit, moving_patience);
  try_owner(std::move(question), limit, until, std::move(reply));
}

/// A shard that has just moved is asked for again for a while: where it is certain that nothing was begun,
/// or where asking twice does no harm. Once a question was sent and its answer lost, a refusal is no longer
/// certain.
void door::try_owner(mesh_request question, duration limit,
                     std::chrono::steady_clock::time_point until, answer<entity> reply) {
  auto again = [this, question, limit, until](const failure& why, const answer<entity>& to) {
    if (stopping_ || std::chrono::steady_clock::now() >= until)
      return to(why);
    if (auto* members = members_.load())
      members->refresh_soon();
    after(moving_pause,
          [this, question, limit, until, to] { try_owner(question, limit, until, to); });
  };
  auto local = [reply, again](result<entity> told) {
    if (!told && told.error().code == errc::unavailable)
      return again(told.error(), reply);
    reply(std::move(told));
  };
  ask_here(question, limit, local, [this, question, limit, reply, again]() mutable {
    auto* members = members_.load();
    auto* peers = peers_.load();
    const auto owner = members ? members->owner_of(question.id.shard()) : std::nullopt;
    if (!owner || peers == nullptr || *owner == parts_.node)
      return again(no_owner(), reply);
    const auto connected = peers->connected();
    if (std::find(connected.begin(), connected.end(), *owner) == connected.end())
      return again(no_owner(), reply);
    const bool repeatable = may_be_repeated(question);
    auto answered = [reply, again, repeatable](result<mesh_reply> told) {
      if (!told) {
        auto lost = in_doubt(std::move(told).error());
        return repeatable ? again(lost, doubtful(reply)) : reply(std::move(lost));
      }
      if (told->code == 0)
        return reply(codec::decode_entity(told->body));
      failure why{static_cast<errc>(told->code - 1), std::move(told->body)};
      if (why.code == errc::conflict && why.detail == other_version)
        why.field = "If-Match";
      if (why.code == errc::unavailable)
        return again(why, reply);  // it does not own the shard any more, or not yet
      reply(why);
    };
    peers->ask(*owner, std::move(question), limit, std::move(answered));
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
    auto verb = std::string_view(question.body).substr(0, line);
    uint64_t expected = 0;
    if (const auto space = verb.find(' '); space != std::string_view::npos) {
      const auto number = verb.substr(space + 1);
      std::from_chars(number.data(), number.data() + number.size(), expected);
      verb = verb.substr(0, space);
    }
    auto wish = codec::read_command(kind, verb, std::string_view(question.body).substr(line + 1));
    if (!wish)
      return done(std::move(wish).error());
    caf::anon_send(
        found, actors::direct_command{kind, question.id, std::move(*wish), until, done, expected});
  });
}

/// What the dispatcher of this node says, where it owns the shard.
void door::lane_here(const mesh_request& question, std::function<void(lane_view)> done) {
  const auto of = codec::read_lane_question(question.body);
  if (!of)
    return done({});
  parts_.node_actors.find_shard(
      question.id.shard(), [this, of = *of, done = std::move(done)](const caf::actor& found) {
        if (!found)
          return done({});
        caf::anon_send(parts_.context.dispatcher, actors::explain_lane{of, done});
      });
}

void door::lane(entity_id id, lane_question of, answer<lane_view> done) {
  mesh_request question;
  question.verb = verb_lane;
  question.id = id;
  question.body = codec::write(of);
  auto reply = only_once<lane_view>(std::move(done));
  after(lane_patience, [reply] { reply(lane_view{}); });
  lane_here(question, [this, question, reply](lane_view view) {
    auto* members = members_.load();
    auto* peers = peers_.load();
    const auto owner = members ? members->owner_of(question.id.shard()) : std::nullopt;
    if (!view.node.empty() || !owner || peers == nullptr || *owner == parts_.node)
      return reply(std::move(view));
    peers->ask(*owner, question, lane_patience, [reply](result<mesh_reply> told) {
      reply(told && told->code == 0 ? codec::read_lane(told->body)
                                    : result<lane_view>(lane_view{}));
    });
  });
}

void door::answer_peer(mesh_request question, std::function<void(mesh_reply)> done) {
  if (question.verb == verb_work)
    return parts_.node_actors.take_packet(std::move(question.body), [done](std::string receipt) {
      done({static_cast<uint8_t>(receipt.empty() ? 1 : 0), std::move(receipt)});
    });
  if (question.verb == verb_ready)
    return check_readiness([done](result<readiness> state) {
      done({0, state && state->ready ? "1" : "0"});
    });
  const auto valid =
      question.kind < entity_kinds && question.id.shard().value < parts_.shards &&
      (question.verb == verb_watch || question.verb == verb_lane ||
       (question.verb == verb_command && question.body.find('\n') != std::string::npos));
  const auto refuse = [done](const failure& why) {
    done({static_cast<uint8_t>(static_cast<uint8_t>(why.code) + 1), why.detail});
  };
  if (!valid)
    return refuse({errc::invalid, "not a question that this node understands"});
  if (question.verb == verb_lane)
    return lane_here(question, [done, refuse](const lane_view& view) {
      view.node.empty() ? refuse(no_owner()) : done({0, codec::write(view)});
    });
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
