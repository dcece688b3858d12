#include "app/door.hpp"

#include "actors/limit_board.hpp"
#include "app/door_prepared.hpp"

#include "base/crash_point.hpp"
#include "base/log.hpp"
#include "base/murmur2.hpp"
#include "base/sha256.hpp"
#include "codec/messages.hpp"
#include "codec/sleep_payload.hpp"
#include "domain/unique_key.hpp"

#include <caf/send.hpp>

namespace orrery::app {

namespace {

/// How long single submissions go to the same shard.
constexpr uint64_t sticky_micros = 2000;

intake topic_of(entity_kind kind) {
  return kind == entity_kind::order ? intake::orders : intake::tasks;
}

std::string hex(const std::array<uint8_t, 32>& digest) {
  static constexpr char digits[] = "0123456789abcdef";
  std::string out;
  out.reserve(32);
  for (size_t i = 0; i < 16; ++i) {
    out += digits[digest[i] >> 4];
    out += digits[digest[i] & 15];
  }
  return out;
}

std::string hash_of_request(const submission& item) {
  return hex(sha256(item.id_text + '\0' + codec::write_intake(entity_id{}, item.command)));
}

const std::string& traceparent_of(const entity_command& command) {
  if (const auto* of_task = std::get_if<task_command>(&command))
    return std::get<submit_task>(*of_task).spec.traceparent;
  return std::get<submit_order>(std::get<order_command>(command)).spec.traceparent;
}

}  // namespace

void accepted_memory::remember(entity_id id, std::string request_hash) {
  entry one{nullptr, std::chrono::steady_clock::now()};
  if (!request_hash.empty())
    one.request_hash = std::make_unique<const std::string>(std::move(request_hash));
  const std::lock_guard lock(guard_);
  if (young_.size() >= generation_max)
    old_ = std::exchange(young_, {});
  young_.insert_or_assign(id, std::move(one));
}

std::optional<std::string> accepted_memory::find(entity_id id) const {
  const auto since = std::chrono::steady_clock::now() - fresh_for;
  const std::lock_guard lock(guard_);
  for (const auto* generation : {&young_, &old_})
    if (const auto found = generation->find(id);
        found != generation->end() && found->second.at >= since)
      return found->second.request_hash ? *found->second.request_hash : std::string{};
  return std::nullopt;
}

bool accepted_memory::knows(entity_id id) const {
  const std::lock_guard lock(guard_);
  return young_.contains(id) || old_.contains(id);
}

door::door(door_parts parts)
    : parts_(std::move(parts)),
      loader_(parts_.reads, std::max<size_t>(1, parts_.readers / 2)),
      catching_up_("catch-up", 1000),
      letters_(parts_.where, parts_.log, parts_.time,
               [this](const std::string& kind) { return parts_.context.knows_kind(kind); }),
      operations_(parts_.where, *this, parts_.time, parts_.chance, parts_.node),
      store_watch_([this] { return parts_.where.ping(); },
                   [this](auto delay, auto what) { after(delay, std::move(what)); }) {}

door::~door() { stop(); }

void door::stop() {
  stopping_ = true;
  store_watch_.stop();
  operations_.stop();
  catching_up_.stop();
  letters_.stop();
}

void door::join(membership& members, mesh& peers) {
  members_ = &members;
  peers_ = &peers;
}

void door::after(duration delay, std::function<void()> what) {
  caf::delayed_anon_send(parts_.timer, std::chrono::duration_cast<caf::timespan>(delay),
                         actors::run_here{std::move(what)});
}

result<void> door::check(const submission& item) const {
  if (const auto* of_order = std::get_if<order_command>(&item.command))
    return validate(std::get<submit_order>(*of_order).spec);
  const auto& spec = std::get<submit_task>(std::get<task_command>(item.command)).spec;
  if (auto ok = validate(spec); !ok)
    return ok;
  if (is_stock_kind(spec.kind))
    return failure{errc::invalid, "is a step of an order's flow, nobody else's: " + spec.kind,
                   "kind"};
  if (!parts_.context.takes_kind(spec.kind))
    return failure{errc::invalid, "has no executor here: " + spec.kind, "kind"};
  if (parts_.context.rules != nullptr)
    if (auto why = parts_.context.rules->now()->drain_of(spec.queue, spec.kind); !why.empty())
      return failure{errc::rejected, std::move(why), "queue"};
  if (spec.run_at != never && spec.run_at > parts_.time.now() + limits::delay_max)
    return failure{errc::invalid, "lies more than ten years ahead", "runAt"};
  if (spec.deadline != never && spec.deadline > parts_.time.now() + limits::delay_max)
    return failure{errc::invalid, "lies more than ten years ahead", "deadline"};
  if (spec.kind == "sleep")
    if (auto ok = codec::read_sleep_payload(spec.payload); !ok)
      return std::move(ok).error();
  const auto found = parts_.context.executors.find(spec.kind);
  return found == parts_.context.executors.end() ? result<void>{}
                                                 : found->second->check(spec.payload);
}

/// New entities that come together stay together for a moment: a log writes one batch for a shard far
/// cheaper than one message for each of many. A batch is spread over all shards in runs.
shard_id door::shard_for_new(size_t index, size_t count) const {
  const auto slice = static_cast<uint64_t>(micros(parts_.time.now())) / sticky_micros;
  const auto run = count < parts_.shards ? 0 : index * parts_.shards / count;
  return shard_id{static_cast<uint16_t>((slice + run) % parts_.shards)};
}

/// A delay counts from here: later, in the log, it would be another time for each reader.
void settle_delay_of(entity_command& command, time_point now) {
  if (auto* of_task = std::get_if<task_command>(&command))
    settle_delay(std::get<submit_task>(*of_task).spec, now);
}

/// What a key counts, and all submissions of a unique key, must lie in one shard: the key chooses it.
std::optional<shard_id> shard_of_key(const entity_command& command, uint32_t shards) {
  const auto* of_task = std::get_if<task_command>(&command);
  if (of_task == nullptr)
    return std::nullopt;
  const auto& key = home_key(std::get<submit_task>(*of_task).spec);
  if (key.empty())
    return std::nullopt;
  return shard_id{static_cast<uint16_t>(partition_of_key(key, shards))};
}

result<door::prepared> door::prepare(submission item, size_t index, size_t count) {
  const auto named = [&](failure why) {
    if (count > 1)
      why.field =
          "items[" + std::to_string(index) + "]" + (why.field.empty() ? "" : ".") + why.field;
    return why;
  };
  if (auto ok = check(item); !ok)
    return named(std::move(ok).error());
  const auto request_hash = item.idempotency_key.empty() ? std::string{} : hash_of_request(item);
  settle_delay_of(item.command, parts_.time.now());
  if (item.id_text.size() > limits::reference_bytes)
    return named({errc::invalid, "is longer than 512 bytes",
                  item.kind == entity_kind::order ? "orderId" : "taskId"});
  prepared one;
  one.answer.kind = item.kind;
  const auto topic = parts_.log.topic_name(topic_of(item.kind));
  const auto home = shard_of_key(item.command, parts_.shards);
  if (!item.idempotency_key.empty()) {
    const auto& key = item.idempotency_key;
    one.answer.id = home ? id_of_idempotency_key(topic, item.principal, key, *home)
                         : id_of_idempotency_key(topic, item.principal, key, parts_.shards);
    one.answer.reference = item.id_text;
    one.request_hash = request_hash;
  } else if (!item.id_text.empty()) {
    const auto id = parse_entity_id(item.id_text);
    if (id && id->is_ours() && id->shard().value < parts_.shards) {
      if (home && *home != id->shard()) {
        const auto& spec = std::get<submit_task>(std::get<task_command>(item.command)).spec;
        return named({errc::invalid,
                      "belongs to shard " + std::to_string(home->value) + ", the taskId to " +
                          std::to_string(id->shard().value),
                      spec.options->limit_key.empty() ? "uniqueKey" : "limitKey"});
      }
      one.answer.id = *id;
    } else {
      const auto shard =
          home ? home->value : static_cast<uint16_t>(partition_of_key(item.id_text, parts_.shards));
      one.answer.id = id_of_reference(topic, shard_id{shard}, item.id_text);
      one.answer.reference = item.id_text;
    }
  } else {
    const auto shard = home ? *home : shard_for_new(index, count);
    one.answer.id = new_entity_id(parts_.time.now(), shard, parts_.chance.next());
    one.fresh = true;
  }
  one.answer.shard = one.answer.id.shard();
  one.item = std::move(item);
  return one;
}

/// The span of sending a message to its topic; its context goes with the message. Empty: not traced.
std::string door::begin_send(const std::string& traceparent, const prepared& item,
                             std::vector<span>& to) {
  const auto context = parse_traceparent(traceparent);
  if (parts_.context.spans == nullptr || !context || !context->sampled)
    return {};
  const auto topic = parts_.log.topic_name(topic_of(item.item.kind));
  auto& one = to.emplace_back();
  one.trace = context->trace;
  one.id = parts_.chance.next() | 1;
  one.parent = context->span;
  one.name = topic + " send";
  one.kind = span_kind::producer;
  one.from = parts_.time.now();
  one.attributes = {{"messaging.operation.name", "send"},
                    {"messaging.destination.name", topic},
                    {"messaging.destination.partition.id", std::to_string(item.answer.shard.value)},
                    {"orrery.id", to_string(item.answer.id)}};
  return to_string(trace_context{one.trace, one.id, true});
}

void door::end_send(std::vector<span>& spans, const result<std::vector<log_place>>& places) {
  for (auto& one : spans) {
    one.to = parts_.time.now();
    if (!places)
      one.error = places.error().detail;
    parts_.context.spans->take(std::move(one));
  }
}

void door::append(std::vector<prepared> items, each_answer done) {
  std::vector<log_message> messages;
  auto answers = std::make_shared<std::vector<result<accepted>>>();
  auto sent = std::make_shared<std::vector<std::pair<size_t, std::string>>>();
  auto spans = std::make_shared<std::vector<span>>();
  messages.reserve(items.size());
  answers->reserve(items.size());
  for (auto& one : items) {
    const auto index = answers->size();
    if (one.refused) {
      answers->push_back(std::move(*one.refused));
      continue;
    }
    if (!one.answer.deduplicated) {
      log_message message;
      message.topic = topic_of(one.item.kind);
      message.shard = one.answer.shard;
      message.key = to_string(one.answer.id);
      if (const auto& trace = traceparent_of(one.item.command); !trace.empty()) {
        auto context = begin_send(trace, one, *spans);
        message.headers.push_back({"traceparent", context.empty() ? trace : std::move(context)});
      }
      if (one.fresh)
        message.headers.push_back({"orrery-fresh", "1"});
      if (!one.request_hash.empty())
        message.headers.push_back({"orrery-request-hash", one.request_hash});
      // With a key the id is the key's; the client's own id rides beside it.
      if (!one.request_hash.empty() && !one.answer.reference.empty())
        message.headers.push_back({"orrery-reference", one.answer.reference});
      else if (!one.answer.reference.empty())
        std::visit(
            [&](auto& c) {
              using command = std::decay_t<decltype(c)>;
              if constexpr (std::is_same_v<command, task_command>)
                std::get<submit_task>(c).spec.reference = one.answer.reference;
              else if constexpr (std::is_same_v<command, order_command>)
                std::get<submit_order>(c).spec.reference = one.answer.reference;
            },
            one.item.command);
      message.value = codec::write_intake(one.answer.id, one.item.command);
      messages.push_back(std::move(message));
      sent->emplace_back(index, std::move(one.request_hash));
    }
    answers->push_back(std::move(one.answer));
  }
  if (messages.empty())
    return done(std::move(*answers));
  parts_.log.producer().produce(
      std::move(messages),
      [this, answers, sent, spans, done = std::move(done)](result<std::vector<log_place>> places) {
        end_send(*spans, places);
        if (!places)
          return done(std::move(places).error());
        reach(crash_point::submit_after_durable);
        for (size_t i = 0; i < sent->size(); ++i) {
          auto& one = *(*answers)[(*sent)[i].first];
          one.offset = (*places)[i].offset;
          memory(one.kind).remember(one.id, std::move((*sent)[i].second));
        }
        done(std::move(*answers));
      });
}

}  // namespace orrery::app
