#include "tests/fuzz/targets.hpp"

#include "base/check.hpp"
#include "domain/ids.hpp"
#include "domain/lease.hpp"
#include "domain/trace.hpp"

#include <algorithm>

namespace orrery::fuzz {

namespace {

constexpr std::string_view topic = "task_topic";

void read_back(std::string_view text) {
  if (const auto id = parse_entity_id(text)) {
    const auto again = parse_entity_id(to_string(*id));
    CHECK(again && *again == *id, "an id that is written is read back");
  }
  if (const auto lease = parse_lease(text))
    CHECK(to_string(*lease) == text, "a lease has one form");
  if (const auto trace = parse_trace_id(text))
    CHECK(to_string(*trace) == text, "the id of a trace has one form");
  if (const auto context = parse_traceparent(text)) {
    const auto again = parse_traceparent(to_string(*context));
    CHECK(again && again->trace == context->trace && again->span == context->span &&
              again->sampled == context->sampled,
          "a context that is written is read back");
    CHECK(is_sampled(text) == context->sampled, "the cheap look sees what the whole one does");
  }
  CHECK(usable_tracestate(text).size() <= 512, "what is passed on is bounded");
}

void resolve(std::string_view text, shard_id shard, int64_t offset) {
  const time_point stamped{std::chrono::microseconds{1'700'000'000'000'000}};
  const auto first = resolve_id(topic, shard, offset, stamped, text);
  const auto again = resolve_id(topic, shard, offset, stamped, text);
  CHECK(first.id == again.id && first.reference == again.reference,
        "reading a record twice makes one entity");
  CHECK(first.id.is_ours() && first.id.shard() == shard, "its id names the shard it came on");
  if (first.reference.empty())
    return;
  CHECK(first.reference == text, "a foreign id is kept as it came");
  const auto later = resolve_id(topic, shard, offset + 1, stamped + std::chrono::hours{1}, text);
  CHECK(later.id == first.id, "the same reference is the same entity");
}

}  // namespace

/// Two bytes choose the shard, the rest is the text.
void ids(std::string_view bytes) {
  read_back(bytes);
  if (bytes.size() < 2)
    return resolve(bytes, shard_id{0}, 0);
  const auto number =
      static_cast<unsigned char>(bytes[0]) * 256 + static_cast<unsigned char>(bytes[1]);
  const shard_id shard{static_cast<uint16_t>(number % shards_max)};
  const auto text = bytes.substr(2);
  read_back(text);
  resolve(text, shard, number);
  const auto half = text.size() / 2;
  const auto keyed = id_of_idempotency_key(topic, text.substr(0, half), text.substr(half), 16);
  CHECK(keyed.is_ours() && keyed.shard().value < 16, "a key's id names one of the shards");
}

}  // namespace orrery::fuzz
