#include "tests/sim/workload.hpp"

#include "codec/messages.hpp"
#include "tests/sim/world.hpp"

#include <algorithm>
#include <caf/send.hpp>

namespace orrery::sim {

namespace {

constexpr auto number_header = "sim-op";

}  // namespace

void workload::act() {
  if (std::none_of(world_.nodes.begin(), world_.nodes.end(),
                   [](const auto& node) { return node && !node->paused(); }))
    return;  // nobody to talk to
  switch (world_.chance.below(12)) {
    case 0: return submit_order();
    case 1: return submit_order();
    case 2: return send_garbage();
    case 3: return command_by_log();
    case 4: return command_by_log();
    case 5: return command_directly();
    case 6: return command_directly();
    default: return submit_task();
  }
}

operation& workload::begin(intake topic, shard_id shard, expectation expects) {
  auto& op = operations_.emplace_back();
  op.number = operations_.size() - 1;
  op.topic = topic;
  op.shard = shard;
  op.expects = expects;
  return op;
}

task_spec workload::random_task() {
  auto& chance = world_.chance;
  task_spec spec;
  static constexpr const char* kinds[] = {"noop", "sleep", "work", "work", "work"};
  spec.kind = kinds[chance.below(5)];
  if (spec.kind == "sleep") {
    spec.payload = "{\"duration\":\"" + format_duration(chance.between(0ms, 3s)) + '"';
    spec.payload += chance.hits(100) ? R"(,"fail":"asked"})" : "}";
  }
  spec.ttl = chance.between(200ms, 6s);
  spec.priority = static_cast<int32_t>(1 + chance.below(5));
  spec.retry.max_attempts = static_cast<uint32_t>(1 + chance.below(4));
  spec.retry.initial = chance.between(10ms, 2s);
  spec.retry.max = 5s;
  if (chance.hits(200))
    spec.delivery = delivery_mode::at_most_once;
  if (chance.hits(300))
    spec.on_timeout = timeout_action::retry;
  if (chance.hits(150))
    spec.run_at = world_.time.now() + chance.between(0ms, 100s);
  if (chance.hits(100))
    spec.queue_ttl = chance.between(100ms, 10s);
  if (chance.hits(100))
    spec.total_ttl = chance.between(500ms, 30s);
  if (chance.hits(100))
    spec.retry.on_exhausted = exhausted_action::pause;
  return spec;
}

void workload::submit_task() {
  auto& chance = world_.chance;
  const shard_id shard{static_cast<uint16_t>(chance.below(world_.how.shards))};
  auto& op = begin(intake::tasks, shard, expectation::entity);
  auto spec = random_task();
  const auto form = chance.below(10);
  if (form < 5) {
    op.id = new_entity_id(world_.time.now(), shard, chance.next());
    return produce(op, codec::write_intake(op.id, task_command{orrery::submit_task{spec}}), true);
  }
  // A foreign id out of a few, so that the same one comes again; or none at all.
  if (form < 8)
    op.reference = "ref-" + std::to_string(chance.below(20));
  spec.reference = op.reference;
  auto value = codec::write_intake(entity_id{}, task_command{orrery::submit_task{spec}});
  if (op.reference.empty()) {
    const auto nil = to_string(entity_id{});
    const auto at = value.find("\"taskId\":\"" + nil + "\"");
    value.replace(at, nil.size() + 11, "\"taskId\":null");
  }
  produce(op, std::move(value), false);
}

void workload::submit_order() {
  auto& chance = world_.chance;
  const shard_id shard{static_cast<uint16_t>(chance.below(world_.how.shards))};
  auto& op = begin(intake::orders, shard, expectation::entity);
  std::string value = R"({"product":"Laptop","quantity":)" + std::to_string(1 + chance.below(9));
  if (chance.hits(400))
    value += ",\"expiresIn\":\"" + format_duration(chance.between(100ms, 90s)) + '"';
  bool fresh = false;
  if (chance.hits(400)) {
    op.id = new_entity_id(world_.time.now(), shard, chance.next());
    value += ",\"orderId\":\"" + to_string(op.id) + '"';
    fresh = true;
  } else if (chance.hits(500)) {
    op.reference = "order-" + std::to_string(chance.below(10));
    value += ",\"orderId\":\"" + op.reference + '"';
  }
  produce(op, value + '}', fresh);
}

void workload::send_garbage() {
  auto& chance = world_.chance;
  const shard_id shard{static_cast<uint16_t>(chance.below(world_.how.shards))};
  const auto topic = chance.hits(500) ? intake::orders : intake::tasks;
  auto& op = begin(topic, shard, expectation::dead_letter);
  static constexpr const char* forms[] = {"",      "not json", "{\"product\":7}",
                                          "[1,2]", "{",        R"({"command":"cancel"})"};
  std::string value = forms[chance.below(6)];
  if (topic == intake::tasks && chance.hits(300))
    value = R"({"kind":"no-such-kind"})";
  if (chance.hits(200))
    value = std::string(R"({"command":"cancel",")") +
            (topic == intake::orders ? "orderId" : "taskId") + R"(":"unknown-)" +
            std::to_string(op.number) + "\"}";
  produce(op, std::move(value), false);
}

/// An entity whose submission is in the log, out of the newest.
const operation* workload::known(bool tasks_only) {
  std::vector<const operation*> found;
  for (size_t i = operations_.size(); i-- > 0 && found.size() < 30;) {
    const auto& op = operations_[i];
    if (op.place && op.expects == expectation::entity && (!tasks_only || op.topic == intake::tasks))
      found.push_back(&op);
  }
  return found.empty() ? nullptr : found[world_.chance.below(found.size())];
}

void workload::command_by_log() {
  const auto* target = known(false);
  if (target == nullptr)
    return submit_task();
  const auto topic = target->topic;
  const auto id = target->id;
  const auto name = target->reference.empty() ? to_string(id) : target->reference;
  auto& op = begin(topic, target->shard, expectation::command);
  op.id = id;
  const char* verb = "cancel";
  if (topic == intake::tasks && world_.chance.hits(500))
    verb = "rerun";
  if (topic == intake::orders && world_.chance.hits(500))
    verb = world_.chance.hits(500) ? "confirm" : "complete";
  produce(op,
          std::string("{\"command\":\"") + verb + "\",\"" +
              (topic == intake::tasks ? "taskId" : "orderId") + "\":\"" + name + "\"}",
          false);
}

void workload::command_directly() {
  const auto* target = known(true);
  if (target == nullptr)
    return submit_task();
  const auto id = target->id;
  const auto shard = target->shard;
  const auto owner = world_.owners[shard.value];
  if (!owner || !world_.nodes[*owner])
    return;
  auto& op = begin(intake::tasks, shard, expectation::command);
  op.id = id;
  op.direct = true;
  task_command wish = cancel_task{"not needed", world_.chance.hits(300)};
  switch (world_.chance.below(5)) {
    case 0: wish = rerun_task{}; break;
    case 1: wish = pause_task{}; break;
    case 2: wish = resume_task{}; break;
    default: break;
  }
  const auto number = op.number;
  const auto limit = world_.time.now() + 5s;
  caf::anon_send(
      world_.nodes[*owner]->bridge(),
      actors::route_to_shard{shard, [this, id, number, wish, limit](caf::actor found) {
                               if (!found)
                                 return answered(number, failure{errc::unavailable, "not here"});
                               caf::anon_send(found, actors::direct_command{
                                                         entity_kind::task, id, wish, limit,
                                                         [this, number](result<entity> answer) {
                                                           answered(number, answer);
                                                         }});
                             }});
}

void workload::answered(size_t number, const result<entity>& answer) {
  auto& op = operations_[number];
  if (op.answered)
    world_.violated("operation " + std::to_string(number) + " was answered twice");
  op.answered = true;
  // A refusal by the state is an answer; an absent or moving shard is not.
  op.succeeded = answer || answer.error().code == errc::rejected;
  if (!answer && answer.error().code == errc::not_found)
    op.succeeded = true;  // its submission may not have been read yet
  if (answer)
    world_.told(*answer);
}

void workload::produce(operation& op, std::string value, bool fresh) {
  std::vector<log_header> headers{{number_header, std::to_string(op.number)}};
  if (fresh)
    headers.push_back({"orrery-fresh", "1"});
  std::vector<size_t> up;
  for (size_t i = 0; i < world_.nodes.size(); ++i)
    if (world_.nodes[i] && !world_.nodes[i]->paused())
      up.push_back(i);
  if (up.empty())
    return;
  auto& node = *world_.nodes[up[world_.chance.below(up.size())]];
  if (world_.strikes(world_.how.log_fails, "produce failed"))
    world_.kafka.fail_next(1, {errc::in_doubt, "no answer"}, world_.chance.hits(500));
  node.log().producer().produce(
      {{op.topic, op.shard, {}, std::move(value), std::move(headers)}},
      [this, number = op.number](const result<std::vector<log_place>>& places) {
        auto& answered_op = operations_[number];
        answered_op.answered = true;
        if (!places)
          return;
        answered_op.succeeded = true;
        answered_op.place = places->front();
        if (answered_op.id.is_nil())
          answered_op.id = id_in_log(answered_op);
      });
}

entity_id workload::id_in_log(const operation& op) const {
  const auto records = world_.kafka.contents(op.topic, op.shard);
  const auto& record = records.at(static_cast<size_t>(op.place->offset));
  const auto* topic = op.topic == intake::orders ? "order_topic" : "task_topic";
  return resolve_id(topic, op.shard, record.offset, record.at, op.reference).id;
}

}  // namespace orrery::sim
