#include "tests/sim/workload.hpp"

#include "codec/messages.hpp"
#include "tests/sim/world.hpp"

#include <algorithm>
#include <caf/send.hpp>
#include <charconv>

namespace orrery::sim {

namespace {

constexpr auto number_header = "sim-op";
/// How often a client tries.
constexpr int tries_max = 15;

}  // namespace

void workload::act() {
  if (std::none_of(world_.nodes.begin(), world_.nodes.end(),
                   [](const auto& node) { return node && !node->paused(); }))
    return;  // nobody to talk to
  if (world_.chance.hits(300) && submit_special())
    return;
  switch (world_.chance.below(15)) {
    case 0: return submit_order();
    case 1: return submit_order();
    case 2: return send_garbage();
    case 3: return command_by_log();
    case 4: return command_by_log();
    case 5: return command_directly();
    case 6: return command_directly();
    case 7: return submit_again();
    case 8: return submit_with_key();
    case 9: return watch();
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
    op.given = true;
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
    op.given = true;
    op.id = new_entity_id(world_.time.now(), shard, chance.next());
    value += ",\"orderId\":\"" + to_string(op.id) + '"';
    fresh = true;
  } else if (chance.hits(500)) {
    op.reference = "order-" + std::to_string(chance.below(10));
    value += ",\"orderId\":\"" + op.reference + '"';
  }
  if (world_.how.flows && chance.hits(600))
    value += ",\"flow\":\"shop\"";
  else if (world_.how.stock && chance.hits(600))
    value += chance.hits(600) ? ",\"flow\":\"sell\"" : ",\"flow\":\"pair\"";
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

/// The same once more, as a client does that heard nothing.
void workload::submit_again() {
  const auto* first = known(true);
  if (first == nullptr || first->id.is_nil() || !first->reference.empty() || !first->hash.empty())
    return submit_task();
  const auto value = first->value;
  auto& op = begin(intake::tasks, first->shard, expectation::entity);
  op.given = true;
  op.id = first->id;
  if (value.find(to_string(op.id)) == std::string::npos) {  // its id came from its place in the log
    operations_.pop_back();
    return submit_task();
  }
  produce(op, value, false);
}

/// A few keys with two bodies each: the first one in the log counts.
void workload::submit_with_key() {
  auto& chance = world_.chance;
  const auto key = "key-" + std::to_string(chance.below(8));
  const auto id = id_of_idempotency_key("task_topic", "client", key, world_.how.shards);
  auto& op = begin(intake::tasks, id.shard(), expectation::entity_or_refusal);
  op.given = true;
  op.id = id;
  op.hash = chance.hits(200) ? "another-body" : "body";
  auto spec = random_task();
  produce(op, codec::write_intake(id, task_command{orrery::submit_task{spec}}), false);
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
  op.given = true;
  op.id = id;
  op.verb = "cancel";
  if (topic == intake::tasks && world_.chance.hits(500))
    op.verb = "rerun";
  if (topic == intake::orders && world_.chance.hits(500))
    op.verb = world_.chance.hits(500) ? "confirm" : "complete";
  produce(op,
          "{\"command\":\"" + op.verb + "\",\"" + (topic == intake::tasks ? "taskId" : "orderId") +
              "\":\"" + name + "\"}",
          false);
}

void workload::command_directly() {
  const auto* target = known(true);
  if (target == nullptr)
    return submit_task();
  auto& op = begin(intake::tasks, target->shard, expectation::command);
  op.given = true;
  op.id = target->id;
  op.direct = true;
  op.seen = seen_[op.id];
  switch (world_.chance.below(5)) {
    case 0: op.wish = rerun_task{}; break;
    case 1: op.wish = pause_task{}; break;
    case 2: op.wish = resume_task{}; break;
    default: op.wish = cancel_task{"not needed", world_.chance.hits(300)}; break;
  }
  ask_owner(op.number);
}

/// As a front door does: to the node that should own the shard.
void workload::ask_owner(size_t number) {
  auto& op = operations_[number];
  const auto attempt = ++op.tries;
  const auto shard = op.shard;
  const auto owner = world_.owners[shard.value];
  if (!owner || !world_.nodes[*owner])
    return answered(number, attempt, failure{errc::unavailable, "no owner"});
  const auto limit = world_.time.now() + 5s;
  auto found = [this, number, attempt, limit](const caf::actor& actor) {
    if (!actor)
      return answered(number, attempt, failure{errc::unavailable, "not here"});
    const auto& asked = operations_[number];
    caf::anon_send(actor, actors::direct_command{entity_kind::task, asked.id, asked.wish, limit,
                                                 [this, number, attempt](result<entity> answer) {
                                                   answered(number, attempt, answer);
                                                 }});
  };
  caf::anon_send(world_.nodes[*owner]->bridge(), actors::route_to_shard{shard, std::move(found)});
}

/// Asks to be told when an entity has come to rest.
void workload::watch() {
  const auto* target = known(false);
  if (target == nullptr)
    return submit_task();
  const auto id = target->id;
  const auto shard = target->shard;
  const auto owner = world_.owners[shard.value];
  if (!owner || !world_.nodes[*owner])
    return;
  const auto limit = world_.time.now() + world_.chance.between(0ms, 20s);
  const auto seen = seen_[id];
  caf::anon_send(world_.nodes[*owner]->bridge(),
                 actors::route_to_shard{
                     shard, [this, id, limit, seen](caf::actor found) {
                       if (!found)
                         return;
                       caf::anon_send(found, actors::watch_entity{
                                                 id, limit, [this, seen](result<entity> answer) {
                                                   if (answer)
                                                     world_.told(*answer, seen);
                                                 }});
                     }});
}

void workload::answered(size_t number, int attempt, const result<entity>& answer) {
  auto& op = operations_[number];
  if (op.answered || attempt != op.tries)
    world_.violated("S8: operation " + std::to_string(number) + " was answered twice");
  // It was not begun: the client tries again.
  if (!answer && answer.error().code == errc::unavailable && op.tries < tries_max) {
    retries_.emplace(world_.time.now() + world_.chance.between(100ms, 2s), number);
    return;
  }
  op.answered = true;
  // A refusal by the state is an answer; an absent or moving shard is not.
  op.succeeded = answer || answer.error().code == errc::rejected;
  if (!answer && answer.error().code == errc::not_found)
    op.succeeded = true;  // its submission may not have been read yet
  if (answer)
    world_.told(*answer, op.seen);
}

void workload::heard(const entity& state) {
  const auto key = std::pair{id_of(state), version_of(state)};
  told_.emplace(key, state);
  auto& newest = seen_[key.first];
  newest = std::max(newest, key.second);
}

sim_node* workload::somebody() {
  std::vector<sim_node*> up;
  for (const auto& node : world_.nodes)
    if (node && !node->paused())
      up.push_back(node.get());
  return up.empty() ? nullptr : up[world_.chance.below(up.size())];
}

void workload::produce(operation& op, std::string value, bool fresh) {
  op.value = std::move(value);
  send(op.number, fresh);
}

void workload::send(size_t number, bool fresh) {
  auto* node = somebody();
  if (node == nullptr)
    return;
  auto& op = operations_[number];
  ++op.tries;
  std::vector<log_header> headers{{number_header, std::to_string(number)}};
  if (fresh)
    headers.push_back({"orrery-fresh", "1"});
  if (!op.hash.empty())
    headers.push_back({"orrery-request-hash", op.hash});
  if (!node->reaches_log() || world_.strikes(world_.how.log_fails, "produce failed"))
    world_.kafka.fail_next(1, {errc::in_doubt, "no answer"}, world_.chance.hits(500));
  node->log().producer().produce(
      {{op.topic, op.shard, {}, op.value, std::move(headers)}},
      [this, number](const result<std::vector<log_place>>& places) { sent(number, places); });
  world_.await_point(node->name(), "appended, not acknowledged");
}

void workload::sent(size_t number, const result<std::vector<log_place>>& places) {
  auto& op = operations_[number];
  op.answered = true;
  if (places) {
    op.succeeded = true;
    op.place = places->front();
    if (op.id.is_nil())
      op.id = id_in_log(op);
    return;
  }
  const bool named = op.given || world_.how.planted == mistake::retry_without_key;
  if (named && op.expects != expectation::command && op.tries < tries_max)
    retries_.emplace(world_.time.now() + world_.chance.between(200ms, 2s), number);
}

void workload::try_again() {
  while (!retries_.empty() && retries_.begin()->first <= world_.time.now()) {
    const auto number = retries_.begin()->second;
    retries_.erase(retries_.begin());
    if (operations_[number].direct)
      ask_owner(number);
    else
      send(number, false);
  }
}

entity_id workload::id_in_log(const operation& op) const {
  const auto at = op.place->offset;
  const auto records = world_.kafka.contents(op.topic, op.shard, at, at + 1);
  return id_of_record(op, records.at(0));
}

entity_id workload::id_of_record(const operation& op, const log_record& record) const {
  if (op.given)
    return op.id;
  const auto* topic = record.topic == intake::orders ? "order_topic" : "task_topic";
  return resolve_id(topic, record.shard, record.offset, record.at, op.reference).id;
}

const operation* workload::operation_of(const log_record& record) const {
  for (const auto& header : record.headers) {
    size_t number = 0;
    if (header.name == number_header &&
        std::from_chars(header.value.data(), header.value.data() + header.value.size(), number)
                .ec == std::errc{})
      return &operations_.at(number);
  }
  return nullptr;
}

void workload::cancel_by_what_was_read() {
  auto& world = world_;
  if (!read_before_) {
    const auto* target = known(true);
    if (target == nullptr)
      return;
    const auto found = world.reader->load(std::span(&target->id, 1));
    if (found && !found->empty())
      if (const auto* t = std::get_if<task>(&found->front());
          t != nullptr && t->status == task_status::running)
        read_before_ = *t;
    return;
  }
  if (!world.chance.hits(100))
    return;
  std::optional<entity> state = std::exchange(read_before_, std::nullopt);
  const auto id = id_of(*state);
  const auto session = world.truth.open_journal();
  const auto now = session->inspect(id.shard());
  if (!now)
    return;
  event_record record{position_t{now->position.value + 1}, id, world.time.now(),
                      task_event{task_cancelled{}}};
  evolve(state, record);
  shard_batch batch{id.shard(), now->epoch, now->position, now->next, now->next, now->counts,
                    {},         {}};
  batch.writes.push_back({*state, false, {record}});
  world.watch.before(std::span(&batch, 1), "somebody");
  world.watch.after(std::span(&batch, 1), session->commit(std::span(&batch, 1)));
}

}  // namespace orrery::sim
