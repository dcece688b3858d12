#include "domain/ids.hpp"

#include "base/murmur2.hpp"

namespace orrery {

std::string_view to_string(entity_kind kind) noexcept {
  return kind == entity_kind::task ? "task" : kind == entity_kind::order ? "order" : "schedule";
}

result<entity_id> parse_entity_id(std::string_view text) {
  auto id = parse_uuid(text);
  if (!id)
    return std::move(id).error();
  return entity_id{*id};
}

entity_id new_entity_id(time_point now, shard_id shard, uint64_t random) {
  return entity_id{make_uuid_v7(now, shard.value, random)};
}

namespace {

/// Parts are joined by NUL, which no topic name holds, so that no two lists of parts look alike.
std::string name_of(std::string_view space, std::string_view topic, std::string_view rest) {
  std::string name;
  name.reserve(space.size() + topic.size() + rest.size() + 2);
  name.append(space).push_back('\0');
  name.append(topic).push_back('\0');
  name.append(rest);
  return name;
}

std::string name_of_key(std::string_view topic, std::string_view principal, std::string_view key) {
  std::string who(principal);
  who.push_back('\0');
  who.append(key);
  return name_of("key", topic, who);
}

}  // namespace

entity_id id_of_record(std::string_view topic, shard_id shard, int64_t offset, time_point stamped) {
  const auto place = std::to_string(shard.value) + '/' + std::to_string(offset);
  return entity_id{make_uuid_v8(name_of("record", topic, place), shard.value, stamped)};
}

entity_id id_of_reference(std::string_view topic, shard_id shard, std::string_view reference) {
  return entity_id{make_uuid_v8(name_of("reference", topic, reference), shard.value)};
}

entity_id id_of_idempotency_key(std::string_view topic, std::string_view principal,
                                std::string_view key, uint32_t shards) {
  const auto name = name_of_key(topic, principal, key);
  return entity_id{make_uuid_v8(name, static_cast<uint16_t>(partition_of_key(name, shards)))};
}

entity_id id_of_idempotency_key(std::string_view topic, std::string_view principal,
                                std::string_view key, shard_id shard) {
  return entity_id{make_uuid_v8(name_of_key(topic, principal, key), shard.value)};
}

resolved_id resolve_id(std::string_view topic, shard_id shard, int64_t offset, time_point stamped,
                       std::string_view text) {
  if (text.empty())
    return {id_of_record(topic, shard, offset, stamped), {}};
  if (const auto id = parse_uuid(text)) {
    const entity_id candidate{*id};
    if (candidate.is_ours() && candidate.shard() == shard)
      return {candidate, {}};
  }
  return {id_of_reference(topic, shard, text), std::string(text)};
}

}  // namespace orrery
